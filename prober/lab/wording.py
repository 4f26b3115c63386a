"""The same services in other words: what every text for people reads when the setting `reworded` is on."""

import json
import re
from typing import Any

from starlette.types import Message, Send

# What the services say, and what they say instead. `{}` stands for whatever is there. Codes for machines are not here.
OTHER_WORDS = {
    # auth
    "Token is required": "No credential was supplied for inspection",
    "Invalid or expired token": "This credential does not hold any more",
    "Invalid service ID: expected '{}'": "Unknown caller; known here is '{}'",
    "Invalid service secret": "The caller could not prove who it is",
    "Service authentication not configured": "This deployment knows no callers",
    "Request is malformed or lacks service credentials": "The call is incomplete",
    "Token validation error": "The credential could not be inspected",
    "email is required": "please name an address",
    "E2E test authentication is not available in production": "Robots may not sign in here",
    "E2E bypass key required": "Robots must show their key",
    "E2E authentication not configured": "Robots cannot sign in: no key was set up",
    "Invalid E2E bypass key": "That is not the key for robots",
    "email and provider 'test' are required": "please name an address and a provider",
    "Dev login is only available in development environment": "Developers sign in at home only",
    "user_id is required": "please name a person",
    "service_id and service_secret are required": "please say which caller you are",
    "Invalid or expired refresh token": "This session cannot be prolonged",
    "Not authenticated": "Please sign in first",
    "Logged out": "See you soon",
    # both
    "Invalid service credentials": "Callers only",
    "JWT secret not configured": "There is no signing material",
    "nonce (32 bytes, base64url), key_id and purpose are required": "the challenge is incomplete",
    "Nonce already used": "This challenge was answered before",
    "Not Found": "There is nothing here",
    "Method Not Allowed": "Not in this way",
    "Invalid host header": "We do not go by that name",
    "Internal server error": "Something broke on our side",
    # backend
    "Database connection failed": "Storage is out of reach",
    "Startup in progress": "We are about to open",
    "Auth service unavailable": "Sign-in is out of reach",
    "a JSON object is required": "please send an object",
    # the words of the backend's verdicts, as its socket tells them
    "no_token": "nothing to inspect",
    "auth_service_unreachable": "sign-in is out of reach",
    "inter_service_auth_failed": "sign-in does not trust us",
    "token_rejected": "sign-in gave no usable verdict",
    "Token validation failed": "Your credential was turned down",
    "validation_failed_{}: Illegal header": "inspection broke off ({}): a field cannot be sent",
    # the socket
    "No JWT token found in headers": "You brought no credential",
    "Unknown message type": "We do not understand that",
    "Authentication failed": "You may not enter",
    "Services not ready": "We are not open yet",
}

_REWORDED_TYPES = (b"application/json", b"text/plain")

_PATTERNS = [(re.compile("(.*)".join(map(re.escape, old.split("{}")))), new) for old, new in OTHER_WORDS.items()]


def reworded(text: str) -> str:
    """The text in other words, or as it is if it is not one of ours."""
    found = ((pattern.fullmatch(text), new) for pattern, new in _PATTERNS)
    return next((new.format(*match.groups()) for match, new in found if match), text)


def in_other_words(send: Send) -> Send:
    """A `send` that rewords what passes; an answer's head waits for its body, which changes its length."""
    heads: list[Message] = []

    async def say(message: Message) -> None:
        if message["type"].endswith("http.response.start") and _is_for_people(message):
            heads.append(message)
            return
        told = _REWORD.get(message["type"], _as_it_is)(message)
        if heads:
            await send(_with_length(heads.pop(), len(told["body"])))
        await send(told)

    return say


def _is_for_people(head: Message) -> bool:
    kind: bytes = dict(head["headers"]).get(b"content-type", b"")
    return kind.startswith(_REWORDED_TYPES)


def _with_length(head: Message, length: int) -> Message:
    kept = [pair for pair in head["headers"] if pair[0] != b"content-length"]
    return {**head, "headers": [*kept, (b"content-length", str(length).encode())]}


def _body(message: Message) -> Message:
    return {**message, "body": _document(message.get("body", b"").decode()).encode()}


def _frame(message: Message) -> Message:
    return {**message, "text": _document(message["text"])}


def _close(message: Message) -> Message:
    return {**message, "reason": reworded(message.get("reason") or "")}


def _as_it_is(message: Message) -> Message:
    return message


_REWORD = {
    "http.response.body": _body,
    "websocket.http.response.body": _body,
    "websocket.send": _frame,
    "websocket.close": _close,
}


def _document(text: str) -> str:
    """A text with all its words changed: the strings of a JSON document, or the whole of anything else."""
    try:
        document = json.loads(text)
    except ValueError:
        return reworded(text)
    return json.dumps(_all(document), ensure_ascii=False, separators=(",", ":"))


def _all(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, dict):
        return {name: _all(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_all(part) for part in value]
    return reworded(value) if isinstance(value, str) else value
