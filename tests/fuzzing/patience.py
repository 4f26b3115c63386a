"""Hooks of schemathesis: whoever waits for a verdict waits a moment, and nobody pauses what the others look at."""

from typing import Any

import schemathesis

_MOMENT_SECONDS = 0.05

#: A service that no chain looks at, in place of everything.
SPARE = "spare"
_ALL = (None, "*", "backend")


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Shorten what would be waited; a `timeout` that is none stays what it is."""
    told = case.query.get("timeout", "1") if case.method == "POST" and isinstance(case.query, dict) else ""
    if _is_patience(told):
        case.query["timeout"] = _MOMENT_SECONDS
    if case.path == "/api/v1/pauses" and isinstance(case.body, dict) and case.body.get("service", "") in _ALL:
        case.body["service"] = SPARE


def _is_patience(told: object) -> bool:
    try:
        return 0 < float(str(told)) <= 120
    except ValueError:
        return False
