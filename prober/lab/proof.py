"""How a service shows which key it holds without giving it away: the keyed proof, and the old hash."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any

VERSION = "v1"
PURPOSE = "prober-secret-match"
KEY_ID = "jwt"
NONCE_BYTES = 32

_NONCE = re.compile(r"[A-Za-z0-9_-]{43}=?")


def md5_start(secret: str) -> str:
    """The fingerprint the real services write in their logs: the first 16 hex digits of the MD5."""
    return hashlib.md5(secret.encode(), usedforsecurity=False).hexdigest()[:16]


def derived_key(secret: str, purpose: str) -> bytes:
    """HKDF-SHA256 (RFC 5869) with an empty salt, the purpose as info, one block of 32 bytes."""
    extracted = hmac.digest(bytes(hashlib.sha256().digest_size), secret.encode(), "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")


def mac(secret: str, parts: tuple[str, ...], purpose: str = PURPOSE) -> str:
    """The proof itself, as base64url text without padding."""
    return encoded(hmac.digest(derived_key(secret, purpose), "|".join(parts).encode(), "sha256"))


def encoded(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def is_wanted(request: Mapping[str, Any]) -> bool:
    """Whether this asks for the one key and purpose there is, with a nonce of the right size."""
    named = request.get("key_id") == KEY_ID and request.get("purpose") == PURPOSE
    return named and is_nonce(request.get("nonce"))


def is_nonce(text: object) -> bool:
    """Whether this is 32 bytes in base64url, padded or not."""
    return isinstance(text, str) and _NONCE.fullmatch(text) is not None


def answer(secret: str, environment: str, service: str, nonce: str, now: float) -> dict[str, str | int]:
    """The service's answer: its own nonce, the minute, and the proof over everything said."""
    own, minute = encoded(secrets.token_bytes(NONCE_BYTES)), int(now // 60)
    parts = (VERSION, environment, service, KEY_ID, PURPOSE, nonce, own, str(minute))
    return {"nonce": own, "minute": minute, "mac": mac(secret, parts)}
