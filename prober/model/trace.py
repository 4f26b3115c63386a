"""Trace: under which ids a run and its steps stand in a trace, for those who are asked and those who are told."""

import hashlib
import re
from functools import lru_cache

#: What the id of a trace looks like (W3C Trace Context §3.2.2.3); the id of a run is one.
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")

_SPAN_DIGITS = 16


def trace_id(run_id: str) -> str:
    """The trace that a run is; empty where its id is none of a trace."""
    return run_id if _TRACE_ID.fullmatch(run_id) else ""


def span_id(run_id: str, step: str = "") -> str:
    """The span that a step of a run is, 16 hexadecimal digits; without a step, that of the run itself."""
    return hashlib.sha256(f"{run_id}/{step}".encode()).hexdigest()[:_SPAN_DIGITS]


@lru_cache(4096)  # it is sent, and shown; so many steps are under way at once
def traceparent(run_id: str, step: str = "") -> str:
    """What a request says of itself: spans of whoever answers hang below the step; empty outside of a trace."""
    return f"00-{run_id}-{span_id(run_id, step)}-01" if trace_id(run_id) else ""
