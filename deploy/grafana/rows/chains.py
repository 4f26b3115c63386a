"""The row about runs of whole chains: verdicts, durations, triggers."""

from deploy.grafana.kit import VERDICT_COLORS, About, Look, Query, Row, bars, lines
from deploy.grafana.queries import CHAIN, per_minute, pick, quantile
from deploy.grafana.words import LEGEND, RUNS_OF_CHAIN


def row() -> Row:
    """Its panels."""
    runs = pick("prober_chain_runs_total", CHAIN)
    duration = pick("prober_chain_duration_seconds_bucket", CHAIN)
    return Row(
        300,
        "Chains",
        (
            lines(
                About(
                    301,
                    "Runs a minute, by verdict",
                    "Blind: the prober could not look, which is never booked on the target. Partial: some of both.",
                    (8, 8),
                    "cpm",
                ),
                Look(colors=VERDICT_COLORS, minimum=0),
                Query(per_minute(runs, "verdict"), "{{verdict}}"),
                stacked=True,
            ),
            lines(
                About(
                    302,
                    "How long a run takes",
                    "Median and 95th percentile of whole runs. Click a point for the report of that very run.",
                    (8, 8),
                    "s",
                ),
                Look(minimum=0),
                Query(quantile(0.5, duration, "environment, chain"), f"{LEGEND} median"),
                Query(quantile(0.95, duration, "environment, chain"), f"{LEGEND} 95 %", exemplars=True),
            ),
            bars(
                About(
                    303,
                    "Since the last run, since the last success",
                    "Grows while nothing runs, or nothing passes. A chain that never passed has no second bar.",
                    (4, 8),
                    "s",
                ),
                Look(minimum=0, links=(RUNS_OF_CHAIN,)),
                Query(
                    f"time() - max by (environment, chain) ({pick('prober_chain_last_run_timestamp_seconds', CHAIN)})",
                    f"{LEGEND} ran",
                ),
                Query(
                    f"time() - max by (environment, chain) "
                    f"({pick('prober_chain_last_success_timestamp_seconds', CHAIN)})",
                    f"{LEGEND} passed",
                ),
            ),
            lines(
                About(
                    304,
                    "Runs a minute, by trigger",
                    "Only scheduled runs count in the success ratio; bursts and runs on demand would sample failures "
                    "too often.",
                    (4, 8),
                    "cpm",
                ),
                Look(minimum=0),
                Query(per_minute(runs, "trigger"), "{{trigger}}"),
                stacked=True,
            ),
        ),
        is_open=True,
    )
