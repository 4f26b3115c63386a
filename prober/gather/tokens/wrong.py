"""Tokens that must be refused, and no token at all; each differs from a good one in a single thing."""

import secrets
from datetime import timedelta

from prober.gather.tokens.local import current_claims, signed, sound
from prober.gather.tokens.mint import Bench, Minted
from prober.model.chain import ExpiredIssuer, ForgedIssuer, NoToken, SpoofedIssuer
from prober.model.controls import ENDED_SECONDS
from prober.model.secret import Secret

_ISSUED = timedelta(hours=-2)
_EXPIRED = timedelta(seconds=-ENDED_SECONDS["expired"])


async def mint_forged(issuer: ForgedIssuer, bench: Bench) -> Minted:
    """The claims of a good token under a fresh random key: whoever takes it does not check signatures (CWE-347).

    The key has the length of the real one and nothing else of it, so that no near miss of a secret ends up in a log.
    """
    length = len(bench.keyring.get(issuer.like.secret).reveal())
    key = sound(Secret("a fresh random key", secrets.token_urlsafe(length)[:length]))
    claims = current_claims(issuer.like, issuer.identity, bench.clock.now())
    return Minted(signed(claims, key, issuer.like, issuer.name, bench.keyring.redactor()))


async def mint_expired(issuer: ExpiredIssuer, bench: Bench) -> Minted:
    """The right key, issued two hours and expired one hour ago (RFC 7519 §4.1.4)."""
    now, key = bench.clock.now(), bench.keyring.get(issuer.like.secret)
    times = {"iat": int((now + _ISSUED).timestamp()), "exp": int((now + _EXPIRED).timestamp())}
    claims = {**current_claims(issuer.like, issuer.identity, now), **times}
    return Minted(signed(claims, key, issuer.like, issuer.name, bench.keyring.redactor()))


async def mint_nothing(_issuer: NoToken | SpoofedIssuer, _bench: Bench) -> Minted:
    """No token, and that is what was wanted; a spoofed one's headers are part of the request (gather/render.py)."""
    return Minted()
