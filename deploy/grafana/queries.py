"""The words that the dashboard's queries are made of."""

WHERE = 'job=~"$job", instance=~"$instance", environment=~"$environment"'
CHAIN = 'chain=~"$chain"'
STEP = 'step=~"$step"'
WHOLE = 'step="_chain"'
EACH = 'step!="_chain"'
WINDOW = 'window="$window"'
UNEXPECTED, EXPECTED = 'expected="false"', 'expected="true"'

#: Two probers of one environment are never pooled.
KEY = "environment, instance, chain"

#: Two-sided 95 %, as in the reports (prober/judge/window.py).
Z = 1.959964


def pick(metric: str, *matchers: str) -> str:
    """The series of a metric that the variables choose."""
    return f"{metric}{{{', '.join((WHERE, *matchers))}}}"


def per_minute(series: str, by: str) -> str:
    """How often a minute, over the last few scrapes."""
    return f"60 * sum by ({by}) (rate({series}[$__rate_interval]))"


def in_range(series: str, by: str) -> str:
    """How often in the time range on the screen."""
    return f"sum by ({by}) (increase({series}[$__range]))"


def quantile(share: float, histogram: str, by: str) -> str:
    """A quantile of durations, and nothing where there was none."""
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({histogram}[$__rate_interval]))) >= 0"


def _each_chain(series: str) -> str:
    return f"max by ({KEY}) ({series})"


RATIO = _each_chain(pick("prober_success_ratio", CHAIN, WHOLE, WINDOW))
SAMPLES = _each_chain(pick("prober_success_samples", CHAIN, WHOLE, WINDOW))
THRESHOLD = _each_chain(pick("prober_success_ratio_threshold", CHAIN))


def wilson(sign: str) -> str:
    """A bound of the ratio in the window: the Wilson score interval, lower with "-", upper with "+"."""
    z2 = Z * Z
    centre = f"{RATIO} + {z2 / 2:.6f} / {SAMPLES}"
    reach = f"{Z} * sqrt({RATIO} * (1 - {RATIO}) / {SAMPLES} + {z2 / 4:.6f} / {SAMPLES} ^ 2)"
    return f"clamp((({centre}) {sign} {reach}) / (1 + {z2:.6f} / {SAMPLES}), 0, 1)"


LOWER, UPPER = wilson("-"), wilson("+")

#: 1: surely below the threshold; -1: surely not; 0: too few samples to say.
SAYS = f"({UPPER} < bool {THRESHOLD}) - ({LOWER} >= bool {THRESHOLD})"

#: 1 passed, 0 failed; -1: the chain is configured, but gave no answer for three intervals.
ANSWER = f"{_each_chain(pick('prober_chain_up', CHAIN))} or {THRESHOLD} * 0 - 1"

NAMED = pick("prober_diagnosis_active", CHAIN)
CAUSES_NAMED = f"max by (environment, chain, cause) ({NAMED}) == 1"
CAUSES_EVER = (
    f"max by (environment, chain, cause) ({NAMED}) and on (environment, chain, cause) "
    f"max by (environment, chain, cause) (max_over_time({NAMED}[$__range] @ end())) == 1"
)

FORBIDDEN = pick("prober_http_responses_total", CHAIN, 'code="403"', UNEXPECTED)
FORBIDDEN_HANDSHAKES = pick("prober_websocket_handshakes_total", CHAIN, 'code="403"', UNEXPECTED)
CLOSED_1008 = pick("prober_websocket_closes_total", CHAIN, 'code="1008"', UNEXPECTED)
