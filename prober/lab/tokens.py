"""Tokens as the services mint and check them: HS256, a fixed set of claims, no leeway at all."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any
from uuid import uuid4

import jwt

from prober.lab.holes import ENDS, claims_by_hole, is_sound

AUDIENCE = "netra-platform"
AUDIENCES = frozenset({AUDIENCE, "netra-backend", "netra-auth", "netra-services"})
OLDEST_SECONDS = 24 * 3600
ACCESS_SECONDS = 900
PERMISSIONS = ("read", "write")

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """What an issuer or a verifier holds, and what it insists on."""

    secret: str
    issuer: str
    check_signature: bool = True
    check_expiry: bool = True
    token_type: str = "access"
    holes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    """Keys by which a token holds too, while the key is rotated."""


def mint(subject: str, email: str, rules: Rules, now: float) -> str:
    """A token for this subject with all claims the services list and a `jti` of its own."""
    claims = {
        "sub": subject,
        "iat": int(now),
        "exp": int(now) + ACCESS_SECONDS,
        "token_type": rules.token_type,
        "type": rules.token_type,
        "iss": rules.issuer,
        "aud": AUDIENCE,
        "jti": uuid4().hex,
        "env": "staging",
        "svc_id": "netra-auth",
        "email": email,
        "permissions": list(PERMISSIONS),
    }
    return jwt.encode(claims, rules.secret, algorithm="HS256")


def check(token: str, rules: Rules, now: float) -> Claims | None:
    """The claims of a token that holds under these rules at this time, else nothing."""
    by_keys = (_payload(token, replace(rules, secret=secret)) for secret in (rules.secret, *rules.also))
    claims = next(filter(None, by_keys), None) or claims_by_hole(token, rules.secret, rules.holes, _anyone(rules, now))
    held = claims is not None and all(holds(claims, rules, now) for holds in _HOLDS)
    return claims if held else None


def _anyone(rules: Rules, now: float) -> Claims:
    """What is made up for a text that says nothing."""
    made = {"sub": "anyone", "jti": "none", "iat": now, "exp": now + ACCESS_SECONDS}
    return made | {"iss": rules.issuer, "token_type": rules.token_type}


def _payload(token: str, rules: Rules) -> Claims | None:
    options = {"verify_signature": rules.check_signature}
    try:
        payload = json.loads(_SIGNATURES.decode(token, rules.secret, ["HS256"], options=options))  # type: ignore[arg-type]
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) and is_sound(token) else None


def number(value: object) -> float | None:
    """A claim as a number; nothing when it is none, or none that JSON can carry."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) else None


def _is_not_expired(claims: Claims, rules: Rules, now: float) -> bool:
    end = claims.get("exp")
    expiry = number(end)
    by_hole = any(hole in ENDS and ENDS[hole](end, now) for hole in rules.holes)
    return not rules.check_expiry or by_hole or (expiry is not None and expiry > now)


def _lives_shortly(claims: Claims, rules: Rules, now: float) -> bool:
    expiry = number(claims.get("exp"))
    return "lifetime_unlimited" in rules.holes or expiry is None or expiry <= now + OLDEST_SECONDS


def _has_begun(claims: Claims, rules: Rules, now: float) -> bool:
    begun = number(claims.get("nbf", 0))
    return "nbf_unchecked" in rules.holes or (begun is not None and begun <= now)


def _was_issued_lately(claims: Claims, rules: Rules, now: float) -> bool:
    issued = number(claims.get("iat"))
    oldest = now - OLDEST_SECONDS if rules.check_expiry else 0
    latest = inf if "iat_unchecked" in rules.holes else now
    return issued is not None and oldest <= issued <= latest


def _names_someone(claims: Claims, _: Rules, __: float) -> bool:
    return all(isinstance(claims.get(name), str) and claims[name] for name in ("sub", "jti"))


def _is_ours(claims: Claims, rules: Rules, _: float) -> bool:
    issuer = claims.get("iss")
    is_prefix = "issuer_prefix" in rules.holes and isinstance(issuer, str) and rules.issuer.startswith(issuer)
    return issuer == rules.issuer or is_prefix or "issuer_unchecked" in rules.holes


def _is_of_the_type(claims: Claims, rules: Rules, _: float) -> bool:
    return claims.get("token_type") == rules.token_type or "type_unchecked" in rules.holes


def _is_for_us(claims: Claims, rules: Rules, _: float) -> bool:
    meant = claims.get("aud", AUDIENCE)
    return "audience_unchecked" in rules.holes or (isinstance(meant, str) and meant in AUDIENCES)


_HOLDS: tuple[Callable[[Claims, Rules, float], bool], ...] = (
    _is_not_expired,
    _lives_shortly,
    _has_begun,
    _was_issued_lately,
    _names_someone,
    _is_ours,
    _is_of_the_type,
    _is_for_us,
)

_SIGNATURES = jwt.PyJWS(algorithms=["HS256"])
