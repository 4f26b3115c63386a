"""The row about bad tokens that must be refused."""

from deploy.grafana.kit import CONTROL_COLORS, About, Column, Look, Query, Row, grid, lines, states
from deploy.grafana.queries import in_range, per_minute, pick
from deploy.grafana.words import OPEN


def row() -> Row:
    """Its panels."""
    controls = pick("prober_control_results_total")
    not_refused = pick("prober_control_results_total", 'outcome!="refused"')
    return Row(
        600,
        "Controls: bad tokens that must be refused",
        (
            states(
                About(
                    601,
                    "Did auth fail open?",
                    "OPEN while a service was last seen to accept a token it must refuse.",
                    (8, 8),
                ),
                Look(values=OPEN),
                Query(
                    f"max by (environment, service) ({pick('prober_auth_fail_open')})", "{{environment}} {{service}}"
                ),
            ),
            lines(
                About(
                    602,
                    "Results of controls a minute",
                    "Refused is what should be. Unclear: the good token beside it was refused too, so that the refusal "
                    "proves nothing.",
                    (8, 8),
                    "cpm",
                ),
                Look(minimum=0, colors=CONTROL_COLORS),
                Query(per_minute(controls, "outcome"), "{{outcome}}"),
                stacked=True,
            ),
            grid(
                About(
                    603,
                    "Controls not refused in the time range",
                    "Accepted is a hole (docs/controls.md tells what each means); unclear could not be proven.",
                    (8, 8),
                ),
                Look(none="all were refused"),
                Column("control", label="control"),
                Column("service", label="service", width=90),
                Column("outcome", label="outcome", width=90),
                Column("times", expr=f"ceil({in_range(not_refused, 'control, service, outcome')}) > 0", width=70),
                falling="times",
            ),
        ),
    )
