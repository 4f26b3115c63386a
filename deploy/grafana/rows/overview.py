"""The row about what holds now, on the first screen."""

from deploy.grafana.kit import BAD, DASHES, DOTS, About, Column, Look, Query, Row, grid, lines, numbers, states
from deploy.grafana.queries import (
    ANSWER,
    CHAIN,
    CLOSED_1008,
    FORBIDDEN,
    FORBIDDEN_HANDSHAKES,
    LOWER,
    NAMED,
    RATIO,
    SAMPLES,
    SAYS,
    THRESHOLD,
    UPPER,
    pick,
)
from deploy.grafana.words import (
    ACTIVE,
    ALARMS,
    ANSWERS,
    LEGEND,
    OPEN,
    PAGE,
    RUNS_OF_CHAIN,
    SAME,
    SAYINGS,
    WORKS,
    ZERO_IS_GOOD,
)


def row() -> Row:
    """Its panels."""
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
