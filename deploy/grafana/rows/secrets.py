"""The row about whether all hold the same secret."""

from deploy.grafana.kit import OUTCOME_COLORS, About, Look, Query, Row, lines, states
from deploy.grafana.queries import per_minute, pick
from deploy.grafana.words import SAME


def row() -> Row:
    """Its panels."""
    return Row(
        700,
        "Secrets",
        (
            states(
                About(
                    701,
                    "Same secret on both sides?",
                    "A gap: it could not be told. What can be compared, and how, is in docs/secret-match.md.",
                    (16, 7),
                ),
                Look(values=SAME),
                Query(
                    f"min by (environment, secret, left, right) ({pick('prober_secret_match')})",
                    "{{environment}} {{secret}}: {{left}}, {{right}}",
                ),
            ),
            lines(
                About(702, "Comparisons a minute", "Unknown: one side did not show its copy.", (8, 7), "cpm"),
                Look(minimum=0, colors=OUTCOME_COLORS),
                Query(per_minute(pick("prober_secret_checks_total"), "outcome"), "{{outcome}}"),
                stacked=True,
            ),
        ),
    )
