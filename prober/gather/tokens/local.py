"""Tokens we mint ourselves, with our copy of the signing key."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import jwt
from jwt.algorithms import HMACAlgorithm

from prober.gather.evidence import Redact
from prober.gather.token import Token
from prober.gather.tokens.mint import Bench, Minted
from prober.gather.tokens.traits import traits
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
    payload = json.dumps(claims, separators=(",", ":")).encode()
    headers = {"kid": like.key_id} if like.key_id else None
    try:
        value = _SIGNATURES.encode(payload, key.reveal(), like.algorithm, headers)
    except (jwt.PyJWTError, NotImplementedError, TypeError, ValueError):
        # `from None`: what a crypto library says of a key may quote it.
        raise SecretUnavailable(key.name, f"issuer {issuer}", f"cannot sign with it by {like.algorithm}") from None
    return Token(Secret("token", value), traits(value, issuer, redact))


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


_DIGESTS = {"HS256": HMACAlgorithm.SHA256, "HS384": HMACAlgorithm.SHA384, "HS512": HMACAlgorithm.SHA512}


def _signatures() -> jwt.PyJWS:
    signatures = jwt.PyJWS()
    for name, digest in _DIGESTS.items():
        signatures.unregister_algorithm(name)
        signatures.register_algorithm(name, _AnyLength(digest))
    return signatures


_SIGNATURES = _signatures()
