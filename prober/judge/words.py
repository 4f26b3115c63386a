"""What was seen, in a few words a person understands: friendly names for statuses, close codes and refusals."""

from collections.abc import Mapping
from http import HTTPStatus

from prober.model.observation import HttpSeen, Json, Stage, WebSocketSeen


def describe_http(seen: HttpSeen) -> str:
    """A status with its name, and the word the answer itself gives where it is JSON."""
    status, word = status_text(seen.status), said(seen.json)
    return f"{status}: {word}" if word else status


def status_text(status: int) -> str:
    """`403 Forbidden`; a bare number for a status nobody registered."""
    return f"{status} {_PHRASES[status]}" if status in _PHRASES else str(status)


_PHRASES: Mapping[int, str] = {each.value: each.phrase for each in HTTPStatus}

#: Where services put the word for what is wrong, most telling first.
_SAID_AT = ("error_description", "error", "error_code", "code", "detail", "message", "reason")


def said(body: Json) -> str | None:
    """The word a JSON answer gives for what is wrong, if it gives one."""
    if not isinstance(body, Mapping):
        return None
    for key in _SAID_AT:
        if key in body and isinstance(body[key], str) and body[key]:
            return str(body[key])
    return None


_CLOSE_NAMES: Mapping[int, str] = {
    1000: "normal",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1006: "cut without a close frame",
    1008: "policy violation",
    1009: "message too big",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    3000: "unauthorized",
    3003: "forbidden",
}


def close_text(code: int) -> str:
    """`1008 policy violation`; a bare number for a code without a registered name (RFC 6455 §7.4.1)."""
    return f"{code} {_CLOSE_NAMES[code]}" if code in _CLOSE_NAMES else str(code)


def describe_websocket(seen: WebSocketSeen) -> str:
    """What became of the socket, in a few words."""
    if seen.stage is Stage.HANDSHAKE:
        return f"handshake refused with {status_text(seen.status)}"
    welcome = "welcomed" if seen.stage is Stage.WELCOMED else "accepted"
    if not seen.ended_by_peer:
        return f"{welcome}{', ping answered' if seen.ponged else ''}"
    word = seen.error_message or seen.error_code or seen.close_reason
    return f"{welcome}, then closed with {close_text(seen.close_code or 0)}{f': {word}' if word else ''}"
