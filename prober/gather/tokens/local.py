"""Tokens we mint ourselves, with our copy of the signing key."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import uuid4
from weakref import WeakSet

import jwt
from jwt.algorithms import HMACAlgorithm

from prober.gather.evidence import Redact
from prober.gather.token import Token
from prober.gather.tokens.mint import Bench, Minted
from prober.gather.tokens.traits import traits_of
from prober.model.chain import Identity, LocalIssuer
from prober.model.errors import SecretUnavailable
from prober.model.secret import Secret

Claims = Mapping[str, Any]


async def mint_local(issuer: LocalIssuer, bench: Bench) -> Minted:
    """A token with a fresh `jti`, valid now; raises SecretUnavailable without a usable key."""
    key = bench.keyring.get(issuer.secret)
    claims = current_claims(issuer, issuer.identity, bench.clock.now())
    return Minted(signed(claims, key, issuer, issuer.name, bench.keyring.redactor()))


def current_claims(like: LocalIssuer, identity: Identity, now: datetime) -> Claims:
    """The claims of a token that is good now; what is configured cannot replace `sub`, `iat`, `exp` and `jti`."""
    issued, expires = now.timestamp() - like.backdate_seconds, now.timestamp() + like.lifetime_seconds
    configured = {name: _filled(value, identity) for name, value in like.claims.items()}
    return configured | {
        "sub": identity.subject,
        "iat": int(issued),
        "exp": int(expires),
        "jti": str(uuid4()),  # verifiers cache their verdict per token, up to 300 s: never the same token twice
    }


def signed(claims: Claims, key: Secret, like: LocalIssuer, issuer: str, redact: Redact) -> Token:
    """`claims` as a compact JWT, signed as `like` says but with `key`, in the name of `issuer`."""
    payload = _JSON.encode(claims).encode()
    try:
        value = (
            _by_hand(payload, key, like)
            if key in _SOUND and like.algorithm in _DIGESTS
            else _by_library(payload, key, like)
        )
    except (jwt.PyJWTError, NotImplementedError, TypeError, ValueError):
        # `from None`: what a crypto library says of a key may quote it.
        raise SecretUnavailable(key.name, f"issuer {issuer}", f"cannot sign with it by {like.algorithm}") from None
    header = _header(like.algorithm, like.key_id)
    return Token(Secret("token", value), traits_of(value, header, claims, issuer, redact))


def sound(key: Secret) -> Secret:
    """`key`, of which we know that it is fit for HMAC: the library need not look at it, for 60 µs."""
    _SOUND.add(key)
    return key


def _by_library(payload: bytes, key: Secret, like: LocalIssuer) -> str:
    value = _SIGNATURES.encode(payload, key.reveal(), like.algorithm, {"kid": like.key_id} if like.key_id else None)
    if like.algorithm in _DIGESTS:
        sound(key)
    return value


def _by_hand(payload: bytes, key: Secret, like: LocalIssuer) -> str:
    """What the library makes of a key that it found to be fit for it (RFC 7515 §5.1)."""
    said = b"%b.%b" % (_encoded_header(like.algorithm, like.key_id), _part(payload))
    return (said + b"." + _part(hmac.digest(key.reveal().encode(), said, _DIGESTS[like.algorithm]))).decode()


@lru_cache
def _encoded_header(algorithm: str, key_id: str | None) -> bytes:
    return _part(_JSON.encode(_header(algorithm, key_id)).encode())


def _header(algorithm: str, key_id: str | None) -> dict[str, str]:
    return {"alg": algorithm} | ({"kid": key_id} if key_id else {}) | {"typ": "JWT"}


def _part(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _filled(value: object, identity: Identity) -> object:
    if not isinstance(value, str):
        return value
    return value.replace("{subject}", identity.subject).replace("{email}", identity.email)


class _AnyLength(HMACAlgorithm):
    """HMAC with a key as short as the services' own: PyJWT would warn of it on every token.

    Whether such a key is wise is a finding about the environment, said where secrets are compared, not in a warning.
    """

    def check_key_length(self, key: bytes) -> None:
        """Any length will do."""


#: Made once: `json.dumps` makes one for each token.
_JSON = json.JSONEncoder(separators=(",", ":"))

_DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}

#: The keys that the library has found to be fit for HMAC.
_SOUND: "WeakSet[Secret]" = WeakSet()


def _signatures() -> jwt.PyJWS:
    signatures = jwt.PyJWS()
    for name, digest in _DIGESTS.items():
        signatures.unregister_algorithm(name)
        signatures.register_algorithm(name, _AnyLength(digest))
    return signatures


_SIGNATURES = _signatures()
