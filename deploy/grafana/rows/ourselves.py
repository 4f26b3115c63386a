"""The row about whether the prober itself is well."""

from deploy.grafana.kit import VERDICT_COLORS, About, Look, Query, Row, lines, numbers, states
from deploy.grafana.queries import CHAIN, in_range, per_minute, pick
from deploy.grafana.words import WORKS


def row() -> Row:
    """Its panels."""
    return Row(
        1000,
        "The prober itself",
        (
            numbers(
                About(1001, "Version", "What is running; the config in force was loaded so long ago.", (4, 6), "s"),
                Look(),
                Query(
                    f"time() - max by (version) ({pick('prober_config_last_reload_success_timestamp_seconds')} "
                    f"* on (job, instance) group_left (version) {pick('prober_build_info')})",
                    "{{version}}, config of",
                ),
            ),
            states(
                About(
                    1002,
                    "Self-test, config, scrape",
                    "The self-test probes a good and a bad service of our own. A config that could not be loaded "
                    "changes nothing: the one before stays in force.",
                    (8, 6),
                ),
                Look(values=WORKS),
                Query(f"min by (instance) ({pick('prober_selftest_up')})", "{{instance}} self-test"),
                Query(f"min by (instance) ({pick('prober_config_last_reload_successful')})", "{{instance}} config"),
                Query(f"min by (instance) ({pick('up')})", "{{instance}} scrape"),
            ),
            lines(
                About(
                    1003,
                    "Event-loop lag",
                    "The longest that our event loop was held up. Above half a second, what failed meanwhile is booked "
                    "on us.",
                    (4, 6),
                    "s",
                ),
                Look(minimum=0),
                Query(f"max by (instance) ({pick('prober_event_loop_lag_seconds')})", "{{instance}}"),
            ),
            lines(
                About(
                    1004,
                    "Internal errors a minute",
                    "Failures of our own, by part. Each has a line in the log.",
                    (4, 6),
                    "cpm",
                ),
                Look(minimum=0),
                Query(per_minute(pick("prober_internal_errors_total"), "component"), "{{component}}"),
                stacked=True,
            ),
            lines(
                About(1005, "Runs in flight", "Runs going on at the moment of a scrape.", (4, 6)),
                Look(minimum=0),
                Query(f"sum by (instance) ({pick('prober_runs_in_flight')})", "{{instance}}"),
            ),
            lines(
                About(1006, "History", "Bytes that kept reports take.", (4, 6), "bytes"),
                Look(minimum=0),
                Query(f"sum by (instance) ({pick('prober_history_bytes')})", "{{instance}}"),
            ),
            lines(
                About(
                    1007, "Notifications a minute", "Messages to those who are to be told, by outcome.", (5, 6), "cpm"
                ),
                Look(minimum=0, none="none is configured"),
                Query(per_minute(pick("prober_notifications_total"), "name, outcome"), "{{name}} {{outcome}}"),
                stacked=True,
            ),
            lines(
                About(
                    1008,
                    "Requests to run now, a minute",
                    "Of deploy jobs and people, by what became of them.",
                    (5, 6),
                    "cpm",
                ),
                Look(minimum=0),
                Query(per_minute(pick("prober_trigger_requests_total"), "outcome"), "{{outcome}}"),
                stacked=True,
            ),
            lines(
                About(1009, "Gates in the time range", "Verdicts of post-deploy gates.", (5, 6)),
                Look(minimum=0, colors=VERDICT_COLORS, none="no gate was asked"),
                Query(in_range(pick("prober_gate_verdicts_total", CHAIN), "verdict"), "{{verdict}}"),
                stacked=True,
            ),
            lines(
                About(1010, "What a scrape costs", "Samples on a page and how long it takes.", (5, 6)),
                Look(minimum=0),
                Query(f"sum by (instance) ({pick('scrape_samples_scraped')})", "{{instance}} samples"),
            ),
        ),
    )
