"""The row about whether we looked when we should have."""

from deploy.grafana.kit import BAD, DOUBT, GOOD, About, Look, Query, Row, bars, lines
from deploy.grafana.queries import CHAIN, in_range, per_minute, pick, quantile
from deploy.grafana.words import LEGEND


def row() -> Row:
    """Its panels."""
    expected = pick("prober_slots_expected_total", CHAIN)
    recorded = pick("prober_slots_recorded_total", CHAIN)
    missed = pick("prober_slots_missed_total", CHAIN)
    return Row(
        900,
        "Slots: did we look when we should have?",
        (
            bars(
                About(
                    901,
                    "Coverage in the time range",
                    "Due turns that ended in a report. What is below 95 % says more about the prober than the target.",
                    (6, 7),
                    "percentunit",
                ),
                Look(steps=((None, BAD), (0.8, DOUBT), (0.95, GOOD)), minimum=0, maximum=1),
                Query(
                    f"clamp_max({in_range(recorded, 'environment, chain')} "
                    f"/ ({in_range(expected, 'environment, chain')} > 0), 1)",
                    LEGEND,
                ),
            ),
            lines(
                About(
                    902,
                    "Slots a minute: expected and recorded",
                    "Two lines that lie on each other are what you want to see.",
                    (6, 7),
                    "cpm",
                ),
                Look(minimum=0),
                Query(f"60 * sum(rate({expected}[$__rate_interval]))", "expected"),
                Query(f"60 * sum(rate({recorded}[$__rate_interval]))", "recorded"),
            ),
            lines(
                About(
                    903,
                    "Slots missed a minute, by reason",
                    "Stalled: we were stopped or asleep. Overrun: the turn before was still going on.",
                    (6, 7),
                    "cpm",
                ),
                Look(minimum=0),
                Query(per_minute(missed, "reason"), "{{reason}}"),
                stacked=True,
            ),
            lines(
                About(
                    904,
                    "How late turns begin (95 %)",
                    "From when a scheduled run was due to when it began.",
                    (6, 7),
                    "s",
                ),
                Look(minimum=0),
                Query(quantile(0.95, pick("prober_schedule_lateness_seconds_bucket"), "instance"), "{{instance}}"),
            ),
        ),
    )
