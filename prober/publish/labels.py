"""The closed sets behind the metrics' label values: whatever a target answers, it becomes one of these words."""

import re
from collections.abc import Container

from prober.judge.signals import control_role
from prober.model.chain import CredentialsStep, HttpStep, MintStep, Step, ValidateStep, WebSocketStep
from prober.model.controls import CONTROLS
from prober.model.observation import Initiator, Match
from prober.model.verdict import Reason, Verdict

NONE = "none"
OTHER = "other"

_NAMED_STATUSES = (200, 204, 301, 302, 307, 308, 400, 401, 403, 404, 405, 409, 422, 429, 500, 502, 503, 504)
_STATUS_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
_SWITCHING_PROTOCOLS = 101

#: `code` of `prober_http_responses_total`; `none`: no answer.
HTTP_CODES = (*map(str, _NAMED_STATUSES), *_STATUS_CLASSES, NONE)

#: `code` of `prober_websocket_handshakes_total`; 101 has a name of its own here: the socket was accepted.
HANDSHAKE_CODES = (str(_SWITCHING_PROTOCOLS), *HTTP_CODES)

_NAMED_CLOSES = (1000, 1001, 1006, 1008, 1011, 1012, 1013, 3000, 3003, 4401, 4403)

#: `code` of `prober_websocket_closes_total`; `none`: never closed within the deadline.
CLOSE_CODES = (*map(str, _NAMED_CLOSES), OTHER, NONE)

#: The codes alerts look at, whose series exist from the start, so that their first increase can be seen; any other
#: code has a series once it was seen.
HTTP_FROM_THE_START = (200, 401, 403)
HANDSHAKES_FROM_THE_START = (_SWITCHING_PROTOCOLS, 401, 403)
CLOSES_FROM_THE_START = ((1000, Initiator.CLIENT), (1008, Initiator.SERVER))

#: What a refusal looks like unless the config says otherwise.
REFUSAL_STATUSES = (401, 403)

_SUCCESSES = range(200, 300)

#: `reason` of `prober_step_failures_total`: every reason a step can FAIL for.
FAILURES = (
    Reason.STATUS,
    Reason.CONDITION,
    Reason.REFUSED,
    Reason.ACCEPTED,
    Reason.CLOSED,
    Reason.SILENT,
    Reason.IDENTITY,
    Reason.MISMATCH,
    Reason.CERTIFICATE,
    Reason.DNS,
    Reason.CONNECTION_REFUSED,
    Reason.UNREACHABLE,
    Reason.RESET,
    Reason.TLS,
    Reason.TIMEOUT,
    Reason.PROTOCOL,
    Reason.TOO_LARGE,
)

#: `outcome` of the two metrics of minting, by the mint step's verdict; a mint that was skipped did not mint.
MINT_OUTCOMES = {Verdict.PASS: "minted", Verdict.FAIL: "failed", Verdict.BLIND: "blind"}

#: `outcome` of `prober_secret_checks_total`.
SECRET_OUTCOMES = {
    Match.EQUAL: "match",
    Match.EQUAL_AFTER_STRIP: "mismatch",
    Match.DIFFERENT: "mismatch",
    Match.UNKNOWN: "unknown",
}

#: `outcome` of `prober_trigger_requests_total`.
TRIGGER_OUTCOMES = ("accepted", "coalesced", "limited", "unauthorized", "rejected")

#: `component` of `prober_internal_errors_total`.
COMPONENTS = (
    "config",
    "cycle",
    "gather",
    "heartbeat",
    "history",
    "judge",
    "notify",
    "on_demand",
    "pausing",
    "publish",
    "schedule",
    "secrets",
    "selftest",
    "traces",
    "web",
)

#: `expected`, and nothing else.
EXPECTED = ("true", "false")


def http_code(status: int | None) -> str:
    """The label of an HTTP status: itself when it is a common one, else its class."""
    if status is None:
        return NONE
    family = f"{status // 100}xx"
    return str(status) if status in _NAMED_STATUSES else family if family in _STATUS_CLASSES else NONE


def handshake_code(status: int | None) -> str:
    """The label of a WebSocket handshake's status."""
    return str(status) if status == _SWITCHING_PROTOCOLS else http_code(status)


def close_code(code: int | None) -> str:
    """The label of a WebSocket close code."""
    return NONE if code is None else str(code) if code in _NAMED_CLOSES else OTHER


def yes_no(truth: bool) -> str:  # noqa: FBT001 - the truth is all there is to it
    """A label value of a truth."""
    return "true" if truth else "false"


def expects_status(step: Step, status: int | None) -> bool:
    """Whether `step` was set up to see this HTTP status."""
    return status is not None and status in _expected_statuses(step)


def _expected_statuses(step: Step) -> Container[int]:
    """A validation route may say no in the body of a 200."""
    if step.expect.statuses or not step.is_control:
        return step.expect.statuses or _SUCCESSES
    kind = CONTROLS.get(control_role(step))
    refusals = (*REFUSAL_STATUSES, *(kind.statuses if kind else ()))
    says_no_in_words = isinstance(step, ValidateStep | CredentialsStep)
    return (*refusals, *_SUCCESSES) if says_no_in_words else refusals


def expects_handshake(step: Step, status: int | None) -> bool:
    """Whether `step` was set up to see this handshake; 101 surprises no one, a refusal may still come after accept."""
    refusals: Container[int] = step.expect.statuses or (REFUSAL_STATUSES if step.is_control else ())
    return status == _SWITCHING_PROTOCOLS or (status is not None and status in refusals)


def expects_close(step: Step, code: int | None) -> bool:
    """Whether `step` was set up to see this close: a refusal for a control, a normal closure for anyone else."""
    return code is not None and code in (step.expect.close_codes if step.is_control else (1000,))


def refuses(code: int | None) -> bool:
    """Whether a close code after accept says «not you»: 1008 (RFC 6455), 3000, 3003 (IANA), 44xx (custom)."""
    return code is not None and (code in (1008, 3000, 3003) or code in range(4400, 4500))


def speaks_http(step: Step) -> bool:
    """Whether `step` is one HTTP exchange whose answer is counted; a mint is when a route does it."""
    minted_by_route = isinstance(step, MintStep) and step.token is not None and step.token.how == "route"
    return isinstance(step, HttpStep) or minted_by_route


def speaks_websocket(step: Step) -> bool:
    """Whether `step` opens a WebSocket."""
    return isinstance(step, WebSocketStep)


_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


def revision(text: str) -> str:
    """A revision a service told, fit for a label; a target chooses it, so its shape is checked."""
    return text if _REVISION.fullmatch(text) else OTHER
