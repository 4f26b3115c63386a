"""The row about which cause was named when, and how surely."""

from deploy.grafana.kit import About, Column, Look, Query, Row, grid, states
from deploy.grafana.queries import CAUSES_EVER, CHAIN, in_range, pick
from deploy.grafana.words import ACTIVE


def row() -> Row:
    """Its panels."""
    return Row(
        200,
        "Causes",
        (
            states(
                About(
                    201,
                    "Which cause was named when",
                    "Every cause that was named in the time range, chain by chain. Vertical lines mark new revisions: "
                    "a cause that begins at one came with the deploy.",
                    (16, 8),
                ),
                Look(values=ACTIVE, none="no cause was named"),
                Query(CAUSES_EVER, "{{environment}} {{chain}}: {{cause}}"),
            ),
            grid(
                About(
                    202,
                    "How often, and how sure",
                    "Runs whose report named a cause, in the time range, by confidence: high when every best "
                    "explanation contains it, medium for one of two or three, low for one of more.",
                    (8, 8),
                ),
                Look(none="no cause was named"),
                Column("cause", label="cause"),
                Column("confidence", label="confidence", width=100),
                Column(
                    "runs",
                    expr=f"ceil({in_range(pick('prober_diagnoses_total', CHAIN), 'cause, confidence')}) > 0",
                    width=70,
                ),
                falling="runs",
            ),
        ),
        is_open=True,
    )
