"""Hooks of schemathesis: whoever waits for a verdict waits a moment, since it is the answers that are looked at."""

from typing import Any

import schemathesis

_MOMENT_SECONDS = 0.05


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Shorten what would be waited; a `timeout` that is none stays what it is."""
    told = case.query.get("timeout", "1") if case.method == "POST" and isinstance(case.query, dict) else ""
    if _is_patience(told):
        case.query["timeout"] = _MOMENT_SECONDS


def _is_patience(told: object) -> bool:
    try:
        return 0 < float(str(told)) <= 120
    except ValueError:
        return False
