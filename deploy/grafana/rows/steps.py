"""The row about single steps: the worst first, 403 and 1008, durations and phases."""

from deploy.grafana.kit import BAD, DOUBT, GOOD, QUIET, VERDICT_COLORS, About, Column, Look, Query, Row, grid, lines
from deploy.grafana.queries import CHAIN, EACH, EXPECTED, STEP, UNEXPECTED, WINDOW, per_minute, pick, quantile


def row() -> Row:
    """Its panels."""
    ratio = pick("prober_success_ratio", CHAIN, STEP, EACH, WINDOW)
    samples = pick("prober_success_samples", CHAIN, STEP, EACH, WINDOW)
    duration = pick("prober_step_duration_seconds_bucket", CHAIN, STEP)
    failures = pick("prober_step_failures_total", CHAIN, STEP)
    return Row(
        400,
        "Steps",
        (
            grid(
                About(
                    401,
                    "Steps, the worst first",
                    "Success of each step over $window, with the samples behind it and how long it takes.",
                    (10, 12),
                ),
                Look(),
                Column("chain", label="chain", width=100),
                Column("step", label="step"),
                Column(
                    "ratio",
                    expr=f"min by (chain, step) ({ratio})",
                    unit="percentunit",
                    look=Look(steps=((None, BAD), (0.9, DOUBT), (0.9999, GOOD))),
                    width=80,
                ),
                Column("samples", expr=f"max by (chain, step) ({samples}) > 0", width=80),
                Column("median", expr=quantile(0.5, duration, "chain, step"), unit="s", width=80),
                Column("95 %", expr=quantile(0.95, duration, "chain, step"), unit="s", width=80),
                rising="ratio",
            ),
            lines(
                About(
                    402,
                    "Failures a minute, by step and reason",
                    "What the target is charged with, each for one reason: refused, closed, status, timeout and so on.",
                    (14, 6),
                    "cpm",
                ),
                Look(minimum=0, none="no step has failed"),
                Query(f"{per_minute(failures, 'step, reason')} > 0", "{{step}}: {{reason}}"),
                stacked=True,
                table_legend=True,
            ),
            lines(
                About(
                    403,
                    "Results of steps a minute, by verdict",
                    "Skipped: what they need did not hold. A step that was not taken is never counted as passed.",
                    (14, 6),
                    "cpm",
                ),
                Look(colors=VERDICT_COLORS, minimum=0),
                Query(per_minute(pick("prober_step_results_total", CHAIN, STEP), "verdict"), "{{verdict}}"),
                stacked=True,
            ),
            *_refusals(),
            *_durations(),
        ),
        is_open=True,
    )


def _refusals() -> tuple[object, ...]:
    """403 and 1008, those that good tokens met apart from those that controls provoke."""
    forbidden = {
        expected: pick("prober_http_responses_total", CHAIN, STEP, 'code="403"', expected)
        for expected in (EXPECTED, UNEXPECTED)
    }
    handshakes = pick("prober_websocket_handshakes_total", CHAIN, STEP, 'code="403"', UNEXPECTED)
    closes = {
        expected: pick("prober_websocket_closes_total", CHAIN, STEP, 'code="1008"', expected)
        for expected in (EXPECTED, UNEXPECTED)
    }
    look = Look(minimum=0, colors={"all good tokens": BAD, "controls, as they should": QUIET})
    return (
        lines(
            About(
                404,
                "403 a minute",
                "Good tokens that met 403: by step, in answers and in WebSocket handshakes. The grey line is what "
                "controls provoke; should it fall to nothing, doors may stand open, or answer otherwise than by "
                "403.",
                (8, 8),
                "cpm",
            ),
            look,
            Query(f"60 * sum(rate({forbidden[UNEXPECTED]}[$__rate_interval]))", "all good tokens"),
            Query(f"{per_minute(forbidden[UNEXPECTED], 'step')} > 0", "{{step}}"),
            Query(f"60 * sum(rate({handshakes}[$__rate_interval]))", "handshakes of good tokens"),
            Query(f"60 * sum(rate({forbidden[EXPECTED]}[$__rate_interval]))", "controls, as they should"),
        ),
        lines(
            About(
                405,
                "1008 a minute",
                "Sockets of good tokens that were accepted and then closed with 1008 (policy violation), by step. "
                "The grey line is what controls provoke.",
                (8, 8),
                "cpm",
            ),
            look,
            Query(f"60 * sum(rate({closes[UNEXPECTED]}[$__rate_interval]))", "all good tokens"),
            Query(f"{per_minute(closes[UNEXPECTED], 'step')} > 0", "{{step}}"),
            Query(f"60 * sum(rate({closes[EXPECTED]}[$__rate_interval]))", "controls, as they should"),
        ),
        lines(
            About(
                406,
                "Refusals a minute, whichever way",
                "One count for 401 and 403 in an answer, 401 and 403 in a handshake, and a close that says «not "
                "you» after accept. Good tokens only.",
                (8, 8),
                "cpm",
            ),
            Look(minimum=0),
            Query(
                per_minute(pick("prober_auth_rejections_total", CHAIN, UNEXPECTED), "service, surface, stage"),
                "{{service}}: {{surface}} {{stage}}",
            ),
            stacked=True,
        ),
    )


def _durations() -> tuple[object, ...]:
    duration = pick("prober_step_duration_seconds_bucket", CHAIN, STEP)
    return (
        lines(
            About(
                407,
                "How long steps take (95 %)",
                "95th percentile of a look. Click a point for the report of that very run.",
                (10, 8),
                "s",
            ),
            Look(minimum=0),
            Query(quantile(0.95, duration, "step"), "{{step}}", exemplars=True),
            table_legend=True,
        ),
        lines(
            About(
                408,
                "Where the time goes",
                "Phases of the latest looks, averaged over the chosen steps: resolve, connect, TLS, first byte, … "
                "Choose one step above to see it alone.",
                (7, 8),
                "s",
            ),
            Look(minimum=0),
            Query(f"avg by (phase) ({pick('prober_step_phase_duration_seconds', CHAIN, STEP)})", "{{phase}}"),
            stacked=True,
        ),
        lines(
            About(
                409,
                "Answers a minute, by status and close code",
                "Everything the services answered to good and bad tokens. «none»: no answer came.",
                (7, 8),
                "cpm",
            ),
            Look(minimum=0),
            Query(f"{per_minute(pick('prober_http_responses_total', CHAIN, STEP), 'code')} > 0", "HTTP {{code}}"),
            Query(
                f"{per_minute(pick('prober_websocket_handshakes_total', CHAIN, STEP), 'code')} > 0",
                "handshake {{code}}",
            ),
            Query(f"{per_minute(pick('prober_websocket_closes_total', CHAIN, STEP), 'code')} > 0", "close {{code}}"),
            stacked=True,
        ),
    )
