"""What the dashboard shows: rows of panels from what holds now down to our own health; every query is here."""

from deploy.grafana.kit import (
    BAD,
    CONTROL_COLORS,
    DASHES,
    DOTS,
    DOUBT,
    GOOD,
    OURS,
    OUTCOME_COLORS,
    QUIET,
    VERDICT_COLORS,
    WORST,
    About,
    Column,
    Look,
    Query,
    Row,
    bars,
    grid,
    lines,
    numbers,
    states,
)
from deploy.grafana.queries import (
    ANSWER,
    CAUSES_EVER,
    CHAIN,
    CLOSED_1008,
    EACH,
    EXPECTED,
    FORBIDDEN,
    FORBIDDEN_HANDSHAKES,
    LOWER,
    NAMED,
    RATIO,
    SAMPLES,
    SAYS,
    STEP,
    THRESHOLD,
    UNEXPECTED,
    UPPER,
    WINDOW,
    in_range,
    per_minute,
    pick,
    quantile,
)

# ── words for people ─────────────────────────────────────────────────────────────────────────────────────────────────

ANSWERS = {1: ("PASS", GOOD), 0: ("FAIL", BAD), -1: ("no answer", OURS)}
SAYINGS = {1: ("below", BAD), 0: ("too few samples", DOUBT), -1: ("holds", GOOD)}
OPEN = {0: ("refuses", GOOD), 1: ("OPEN", WORST)}
SAME = {1: ("same", GOOD), 0: ("DIFFERENT", BAD)}
ACTIVE = {0: ("not named", "transparent"), 1: ("named", BAD)}
ALARMS = {0: ("good", GOOD), 1: ("pending", DOUBT), 2: ("FIRING", BAD)}
WORKS = {1: ("works", GOOD), 0: ("BROKEN", WORST)}

ZERO_IS_GOOD = ((None, GOOD), (0.5, BAD))
ZERO_IS_QUIET = ((None, QUIET), (0.5, DOUBT))

RUNS_OF_CHAIN = ("its last reports", "${prober}/api/v1/runs?chain=${__field.labels.chain}&limit=10")
PAGE = ("the prober's page", "${prober}/")
LEGEND = "{{environment}} {{chain}}"


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _overview() -> Row:
    return Row(
        100,
        "What holds now",
        (
            numbers(
                About(
                    101,
                    "Verdict",
                    "The last run of each chain that could tell. No answer: none for three intervals, because the "
                    "prober is down, cannot look (blind), or has not come to it yet. No answer is never good news.",
                    (6, 5),
                ),
                Look(values=ANSWERS, links=(PAGE, RUNS_OF_CHAIN), none="NO PROBER"),
                Query(ANSWER, LEGEND),
            ),
            grid(
                About(
                    102,
                    "Why: the causes named now",
                    "Root causes in the latest report of each chain. `prober explain CAUSE` is the manual page: what "
                    "it means, what shows it, what to do. Several for one chain: either they hold together or they "
                    "could not be told apart; the report says which.",
                    (8, 5),
                ),
                Look(none="no cause is named"),
                Column("chain", label="chain", width=110),
                Column("cause", label="cause", look=Look(links=(PAGE,))),
                Column("named", expr=f"max by (chain, cause) ({NAMED}) == 1", look=Look(values=ACTIVE), width=70),
            ),
            numbers(
                About(
                    103,
                    "Auth fails open?",
                    "OPEN: the service let a bad token in (forged, expired, none, …). A security incident: tell those "
                    "who answer for the service, whatever else is on this screen.",
                    (4, 5),
                ),
                Look(values=OPEN, links=(PAGE,), none="not known"),
                Query(f"max by (service) ({pick('prober_auth_fail_open')})", "{{service}}"),
            ),
            numbers(
                About(
                    104,
                    "Secrets the same?",
                    "Whether two parties hold the same secret, byte for byte; never the secret or a hash of it. Absent "
                    "while it cannot be told.",
                    (6, 5),
                ),
                Look(values=SAME, none="not known"),
                Query(
                    f"min by (secret, left, right) ({pick('prober_secret_match')})", "{{secret}}: {{left}}, {{right}}"
                ),
            ),
            grid(
                About(
                    105,
                    "Success over $window against the threshold",
                    "«at least» and «at most» are the bounds within which the true ratio lies with 95 % confidence "
                    "(Wilson). Below: even the upper bound misses the threshold. Blind and skipped runs count in "
                    "neither.",
                    (12, 5),
                    "percentunit",
                ),
                Look(none="no chain ran yet"),
                Column("chain", label="chain", width=110),
                Column("prober", label="instance"),
                Column("ratio", expr=RATIO, unit="percentunit"),
                Column("samples", expr=SAMPLES),
                Column("at least", expr=LOWER, unit="percentunit"),
                Column("at most", expr=UPPER, unit="percentunit"),
                Column("threshold", expr=THRESHOLD, unit="percentunit"),
                Column("says", expr=SAYS, look=Look(values=SAYINGS)),
            ),
            numbers(
                About(
                    106,
                    "Unexpected 403",
                    "403 that good tokens met in the time range on the screen, in HTTP answers and in WebSocket "
                    "handshakes. Those that controls provoke are not counted.",
                    (5, 5),
                ),
                Look(steps=ZERO_IS_GOOD, decimals=0),
                Query(f"sum(increase({FORBIDDEN}[$__range]))", "answers"),
                Query(f"sum(increase({FORBIDDEN_HANDSHAKES}[$__range]))", "handshakes"),
            ),
            numbers(
                About(
                    107,
                    "Unexpected 1008",
                    "Sockets of good tokens that were closed with 1008 (policy violation) in the time range on the "
                    "screen. Those that controls provoke are not counted.",
                    (3, 5),
                ),
                Look(steps=ZERO_IS_GOOD, decimals=0),
                Query(f"sum(increase({CLOSED_1008}[$__range]))", "closes"),
            ),
            numbers(
                About(
                    108,
                    "Can we trust this?",
                    "The prober probes a good and a bad service of its own (self-test). While that is broken its "
                    "verdicts mean nothing; repair the prober first.",
                    (4, 5),
                ),
                Look(values=WORKS, none="not known"),
                Query(f"min by (instance) ({pick('up')})", "scrape"),
                Query(f"min by (instance) ({pick('prober_selftest_up')})", "self-test"),
                Query(f"min by (instance) ({pick('prober_config_last_reload_successful')})", "config"),
            ),
            lines(
                About(
                    109,
                    "Success ratio over $window",
                    "The line is the ratio of each chain's scheduled runs, the dots are its 95 % bounds, the red "
                    "dashes the threshold the chain is held to (from the metric, so it moves with the config).",
                    (16, 9),
                    "percentunit",
                ),
                Look(
                    minimum=0,
                    maximum=1,
                    styles={
                        "/ threshold$/": {"custom.lineStyle": DASHES, "color": {"mode": "fixed", "fixedColor": BAD}},
                        "/ at (least|most)$/": {"custom.lineStyle": DOTS},
                    },
                ),
                Query(RATIO, LEGEND),
                Query(LOWER, f"{LEGEND} at least"),
                Query(UPPER, f"{LEGEND} at most"),
                Query(THRESHOLD, f"{LEGEND} threshold"),
            ),
            states(
                About(
                    110,
                    "Alarms",
                    "The prober's own alarms (`prober_alert_state`): good, pending, firing. What pages and what "
                    "tickets, and after how long: docs/alerting.md.",
                    (8, 9),
                ),
                Look(values=ALARMS, none="no alarm has a state yet"),
                Query(
                    f"max by (environment, chain, alert) ({pick('prober_alert_state', CHAIN)})", "{{chain}} {{alert}}"
                ),
            ),
        ),
        is_open=True,
    )


def _causes() -> Row:
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
            ),
        ),
        is_open=True,
    )


def _chains() -> Row:
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


def _steps() -> Row:
    ratio = pick("prober_success_ratio", CHAIN, STEP, EACH, WINDOW)
    samples = pick("prober_success_samples", CHAIN, STEP, EACH, WINDOW)
    failures = pick("prober_step_failures_total", CHAIN, STEP)
    return Row(
        400,
        "Steps",
        (
            grid(
                About(
                    401,
                    "Steps, the worst first",
                    "Success of each step over $window, with the samples behind it and how long it takes (95 %).",
                    (10, 12),
                ),
                Look(),
                Column("chain", label="chain", width=100),
                Column("step", label="step"),
                Column(
                    "ratio",
                    expr=f"sort(min by (chain, step) ({ratio}))",
                    unit="percentunit",
                    look=Look(steps=((None, BAD), (0.9, DOUBT), (0.9999, GOOD))),
                    width=80,
                ),
                Column("samples", expr=f"max by (chain, step) ({samples}) > 0", width=80),
                Column(
                    "95 %",
                    expr=quantile(0.95, pick("prober_step_duration_seconds_bucket", CHAIN, STEP), "chain, step"),
                    unit="s",
                    width=80,
                ),
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
            Query(
                f"avg by (phase) ({pick('prober_step_phase_duration_seconds', CHAIN, STEP)})",
                "{{phase}}",
            ),
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


def _matrix() -> Row:
    checks = pick("prober_token_verifications_total")
    accepted = pick("prober_token_verifications_total", 'outcome="accepted"')
    window = "$window"
    minted = pick("prober_token_mint_duration_seconds_bucket", 'outcome="minted"')
    return Row(
        500,
        "Who accepts whose tokens",
        (
            grid(
                About(
                    501,
                    "Good tokens accepted over $window: issuer by verifier",
                    "Each row an issuer, each column a service that should take its tokens. A red column: that service "
                    "refuses everybody. A red row: nobody takes that issuer's. One red cell: those two differ.",
                    (8, 8),
                    "percentunit",
                ),
                Look(steps=((None, BAD), (0.5, DOUBT), (0.9999, GOOD))),
                Column(
                    "accepted",
                    expr=f"sum by (issuer, verifier) (increase({accepted}[{window}])) "
                    f"/ (sum by (issuer, verifier) (increase({checks}[{window}])) > 0)",
                    unit="percentunit",
                ),
                pivot=("issuer", "verifier"),
            ),
            lines(
                About(
                    502,
                    "Good tokens not accepted, a minute",
                    "Refused: the service said no. Unclear: it could not be told, e.g. no answer.",
                    (8, 8),
                    "cpm",
                ),
                Look(minimum=0),
                Query(
                    per_minute(
                        pick("prober_token_verifications_total", 'outcome!="accepted"'), "issuer, verifier, outcome"
                    ),
                    "{{issuer}} → {{verifier}} {{outcome}}",
                ),
                stacked=True,
            ),
            lines(
                About(
                    503,
                    "Tokens minted a minute",
                    "Mint steps: minted, failed at the target, or blind for a fault of ours.",
                    (4, 8),
                    "cpm",
                ),
                Look(minimum=0, colors=OUTCOME_COLORS),
                Query(per_minute(pick("prober_tokens_minted_total"), "outcome"), "{{outcome}}"),
                stacked=True,
            ),
            lines(
                About(
                    504,
                    "How long minting takes (95 %)",
                    "95th percentile of mint steps that brought a token, by issuer.",
                    (4, 8),
                    "s",
                ),
                Look(minimum=0),
                Query(quantile(0.95, minted, "issuer"), "{{issuer}}"),
            ),
        ),
    )


def _controls() -> Row:
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
            ),
        ),
    )


def _secrets() -> Row:
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
                About(
                    702,
                    "Comparisons a minute",
                    "Unknown: one side did not show its copy.",
                    (8, 7),
                    "cpm",
                ),
                Look(minimum=0, colors=OUTCOME_COLORS),
                Query(per_minute(pick("prober_secret_checks_total"), "outcome"), "{{outcome}}"),
                stacked=True,
            ),
        ),
    )


def _services() -> Row:
    return Row(
        800,
        "Services and their revisions",
        (
            states(
                About(
                    801,
                    "Which revision answered when",
                    "The revision each service told. Two bands at once: two versions are serving.",
                    (10, 7),
                ),
                Look(values={1: ("serving", "blue")}, none="no service tells a revision"),
                Query(
                    f"max by (environment, service, revision) ({pick('prober_service_revision_info')})",
                    "{{service}} {{revision}}",
                ),
            ),
            numbers(
                About(
                    802,
                    "Since the last new revision",
                    "Since when a service answers with its present revision, if it had another before.",
                    (4, 7),
                    "s",
                ),
                Look(none="none was seen"),
                Query(
                    f"time() - max by (service) ({pick('prober_service_revision_change_timestamp_seconds')})",
                    "{{service}}",
                ),
            ),
            lines(
                About(
                    803,
                    "Clocks: theirs minus ours",
                    "From the Date header, so good to a second. Tokens fail at a service whose clock is far behind.",
                    (6, 7),
                    "s",
                ),
                Look(),
                Query(
                    f"max by (environment, service) ({pick('prober_clock_offset_seconds')})",
                    "{{environment}} {{service}}",
                ),
            ),
            numbers(
                About(
                    804,
                    "Certificate ends in",
                    "Until the TLS certificate of a service ends; only where a step looks at TLS.",
                    (4, 7),
                    "s",
                ),
                Look(steps=((None, BAD), (7 * 86400, DOUBT), (21 * 86400, GOOD)), none="no TLS looked at"),
                Query(
                    f"min by (service) ({pick('prober_tls_certificate_expiry_timestamp_seconds')}) - time()",
                    "{{service}}",
                ),
            ),
        ),
    )


def _slots() -> Row:
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


def _ourselves() -> Row:
    return Row(
        1000,
        "The prober itself",
        (
            numbers(
                About(
                    1001,
                    "Version",
                    "What is running; the config in force was loaded so long ago.",
                    (4, 6),
                    "s",
                ),
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
                About(
                    1005,
                    "Runs in flight",
                    "Runs going on at the moment of a scrape.",
                    (4, 6),
                ),
                Look(minimum=0),
                Query(f"sum by (instance) ({pick('prober_runs_in_flight')})", "{{instance}}"),
            ),
            lines(
                About(
                    1006,
                    "History",
                    "Bytes that kept reports take.",
                    (4, 6),
                    "bytes",
                ),
                Look(minimum=0),
                Query(f"sum by (instance) ({pick('prober_history_bytes')})", "{{instance}}"),
            ),
            lines(
                About(
                    1007,
                    "Notifications a minute",
                    "Messages to those who are to be told, by outcome.",
                    (5, 6),
                    "cpm",
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
                About(
                    1009,
                    "Gates in the time range",
                    "Verdicts of post-deploy gates.",
                    (5, 6),
                ),
                Look(minimum=0, colors=VERDICT_COLORS, none="no gate was asked"),
                Query(in_range(pick("prober_gate_verdicts_total", CHAIN), "verdict"), "{{verdict}}"),
                stacked=True,
            ),
            lines(
                About(
                    1010,
                    "What a scrape costs",
                    "Samples on a page and how long it takes.",
                    (5, 6),
                ),
                Look(minimum=0),
                Query(f"sum by (instance) ({pick('scrape_samples_scraped')})", "{{instance}} samples"),
            ),
        ),
    )


ROWS = (_overview, _causes, _chains, _steps, _matrix, _controls, _secrets, _services, _slots, _ourselves)
