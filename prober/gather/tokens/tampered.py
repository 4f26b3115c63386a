"""Bad tokens: each is a good one with one thing wrong, made by one small function of the table `TAMPERINGS`.

What each is good for, how bad it is and where it may be tried: the table in model/controls.py.
"""

import base64
import hmac
import json
import secrets
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prober.gather.token import Token
from prober.gather.tokens.local import Claims, current_claims
from prober.gather.tokens.mint import Bench, Minted
from prober.gather.tokens.traits import traits
from prober.model.chain import TamperedIssuer
from prober.model.controls import ENDED_SECONDS, NOBODY, TAMPERED, TOKEN_TYPES
from prober.model.secret import Secret

#: Keys that come with examples, tutorials and development set-ups; a run tries one of them at all its doors.
WEAK_KEYS = (
    "secret", "your-256-bit-secret", "changeme", "password", "jwt_secret", "dev-secret-key",
    "development-secret-key-change-in-production", "test-secret-key-for-jwt-tokens-32chars", "supersecret", "admin",
)  # fmt: skip

OVERSIZED_BYTES = 16 * 1024
_HOUR, _DECADE = 3600, 10 * 365 * 86400
_JSON_FORM_SECONDS = 10  # nobody knows this form in a log and blots it out: it is to be worthless by then
_INJECTED = "prober-injected-key"

_DIGESTS: Mapping[str, str] = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}

Header = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Model:
    """The good token that is imitated: its claims, its header and its key; `run_id` is that of the run."""

    claims: Claims
    header: Header
    key: str
    now: datetime
    run_id: str

    def at(self, seconds: float) -> int:
        """So many seconds from now, as a NumericDate."""
        return int(self.now.timestamp() + seconds)


Tampering = Callable[[Model], str]


async def mint_tampered(issuer: TamperedIssuer, bench: Bench) -> Minted:
    """The bad token that the issuer is named after; raises SecretUnavailable without our key, which all start from."""
    like, now = issuer.like, bench.clock.now()
    model = Model(
        claims=current_claims(like, issuer.identity, now),
        header={"alg": like.algorithm, "typ": "JWT"} | ({"kid": like.key_id} if like.key_id else {}),
        key=bench.keyring.get(like.secret).reveal(),
        now=now,
        run_id=bench.run_id,
    )
    value = TAMPERINGS[issuer.control](model)
    return Minted(Token(Secret("token", value), traits(value, issuer.name, bench.keyring.redactor())))


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _signature(signed: str, key: str, algorithm: str) -> str:
    return _part(hmac.new(key.encode(), signed.encode(), _DIGESTS[algorithm]).digest())


def _jws(header: Header, payload: bytes, key: str) -> str:
    signed = f"{_part(_json(header))}.{_part(payload)}"
    return f"{signed}.{_signature(signed, key, header['alg'])}"


def _random_key() -> str:
    return secrets.token_urlsafe(32)


def _good(model: Model) -> str:
    return _jws(model.header, _json(model.claims), model.key)


def _parts(model: Model) -> tuple[str, str, str]:
    header, payload, signature = _good(model).split(".")
    return header, payload, signature


# ── one thing wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def _claims(change: Callable[[Model], Claims]) -> Tampering:
    """The right key over claims with some changed."""
    return lambda model: _jws(model.header, _json({**model.claims, **change(model)}), model.key)


def _without(*names: str, **changed: object) -> Tampering:
    """The right key over claims with some left out."""

    def tampered(model: Model) -> str:
        kept = {name: value for name, value in model.claims.items() if name not in names}
        return _jws(model.header, _json(kept | changed), model.key)

    return tampered


def _key(key: Callable[[Model], str], header: Callable[[str], Header] = lambda _: {}, **claims: object) -> Tampering:
    """Another key over the right claims, and what the header then says."""

    def tampered(model: Model) -> str:
        chosen = key(model)
        return _jws({**model.header, **header(chosen)}, _json({**model.claims, **claims}), chosen)

    return tampered


def _algorithm(name: str) -> Tampering:
    """The right key by another algorithm."""
    return lambda model: _jws({**model.header, "alg": name}, _json(model.claims), model.key)


def _unsigned(spelling: str) -> Tampering:
    """`alg: none`, in some spelling."""
    return lambda model: f"{_part(_json({**model.header, 'alg': spelling}))}.{_part(_json(model.claims))}."


def _ended(seconds: int) -> Tampering:
    """Over for so long."""
    return _claims(lambda model: {"iat": model.at(-seconds - 300), "exp": model.at(-seconds)})


def _random_once(_: Model) -> str:
    return _random_key()


def _empty(_: Model) -> str:
    return ""


def _injected(_: Model) -> str:
    return _INJECTED


def _weak(model: Model) -> str:
    """One key for a whole run, so that a second look sees the same one; another for the next."""
    return WEAK_KEYS[zlib.crc32(model.run_id.encode()) % len(WEAK_KEYS)]


def _junk(_: Model) -> str:
    return secrets.token_urlsafe(48)


def _junk_parts(_: Model) -> str:
    return ".".join(secrets.token_urlsafe(size) for size in (27, 96, 32))


def _payload_changed(model: Model) -> str:
    header, _, signature = _parts(model)
    return f"{header}.{_part(_json({**model.claims, 'changed': True}))}.{signature}"


def _signature_empty(model: Model) -> str:
    header, payload, _ = _parts(model)
    return f"{header}.{payload}."


def _signature_missing(model: Model) -> str:
    header, payload, _ = _parts(model)
    return f"{header}.{payload}"


def _signature_cut(model: Model) -> str:
    return _good(model)[:-8]  # six bytes


def _signature_longer(model: Model) -> str:
    header, payload, signature = _parts(model)
    longer = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)) + secrets.token_bytes(6)
    return f"{header}.{payload}.{_part(longer)}"


def _refresh(model: Model) -> Claims:
    return {name: "refresh" for name in TOKEN_TYPES if name in model.claims}


def _claims_twice(model: Model) -> str:
    """A parser takes the first `sub` or the last: two verifiers then see two users."""
    twice = _json({"sub": NOBODY}).removesuffix(b"}") + b"," + _json(model.claims).removeprefix(b"{")
    return _jws(model.header, twice, model.key)


def _json_form(model: Model) -> str:
    short = {**model.claims, "exp": model.at(_JSON_FORM_SECONDS)}
    header, payload, signature = _jws(model.header, _json(short), model.key).split(".")
    return json.dumps({"protected": header, "payload": payload, "signature": signature})


_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _loose(model: Model) -> str:
    """The last character of a signature of 32 or 64 bytes holds bits that belong to no byte; HS384 leaves none."""
    header, payload, signature = _parts(model)
    unused = {43: 0b11, 86: 0b1111}.get(len(signature), 0)
    last = _ALPHABET[_ALPHABET.index(signature[-1]) | unused]
    return f"{header}.{payload}.{signature[:-1]}{last}" if unused else f"{header}.{payload}.{signature}="


def _embedded(key: str) -> Header:
    return {"jwk": {"kty": "oct", "k": _part(key.encode())}}


def _oversized(model: Model) -> str:
    spare = OVERSIZED_BYTES - len(_good(model))
    padding = "x" * (spare * 3 // 4)
    return _jws(model.header, _json({**model.claims, "padding": padding}), _random_key())


#: A new way to be bad is one line here and one in model/controls.py.
TAMPERINGS: Mapping[str, Tampering] = {
    "junk": _junk,
    "junk-parts": _junk_parts,
    "oversized": _oversized,
    "forged-admin": _key(_random_once, admin=True, role="admin", permissions=["*"]),
    "payload-changed": _payload_changed,
    "signature-empty": _signature_empty,
    "signature-missing": _signature_missing,
    "signature-cut": _signature_cut,
    "signature-longer": _signature_longer,
    "alg-none": _unsigned("none"),
    "alg-none-title": _unsigned("None"),
    "alg-none-upper": _unsigned("NONE"),
    "alg-none-mixed": _unsigned("nOnE"),
    "alg-hs384": _algorithm("HS384"),
    "alg-hs512": _algorithm("HS512"),
    "key-empty": _key(_empty),
    "key-weak": _key(_weak),
    "kid-unknown": _key(_random_once, lambda _: {"kid": secrets.token_hex(8)}),
    "kid-file": _key(_empty, lambda _: {"kid": "../../../../../../../../dev/null"}),
    "kid-sql": _key(_injected, lambda key: {"kid": f"none' UNION SELECT '{key}' -- "}),
    "kid-command": _key(_injected, lambda key: {"kid": f"none; printf {key}"}),
    "jwk-embedded": _key(_random_once, _embedded),
    "jku-foreign": _key(_random_once, lambda _: {"jku": "https://prober.invalid/jwks.json"}),
    "x5u-foreign": _key(_random_once, lambda _: {"x5u": "https://prober.invalid/certificate.pem"}),
    "crit-unknown": lambda model: _jws(
        {**model.header, "crit": ["prober-unknown"], "prober-unknown": True}, _json(model.claims), model.key
    ),
    **{name: _ended(seconds) for name, seconds in ENDED_SECONDS.items() if name in TAMPERED},
    "nbf-future": _claims(lambda model: {"nbf": model.at(_HOUR)}),  # and by then it has ended
    "iat-future": _claims(lambda model: {"iat": model.at(_HOUR)}),
    "exp-text": _claims(lambda model: {"exp": f"in {model.claims['exp']}"}),
    "exp-negative": _claims(lambda _: {"exp": -1}),
    "exp-huge": _claims(lambda _: {"exp": 1e308, "sub": NOBODY}),
    "exp-nan": _claims(lambda _: {"exp": float("nan")}),
    "exp-missing": _without("exp", sub=NOBODY),
    "exp-decade": _claims(lambda model: {"exp": model.at(_DECADE), "sub": NOBODY}),
    "iss-other": _claims(lambda _: {"iss": "https://prober.invalid"}),
    "iss-prefix": _claims(lambda model: {"iss": str(model.claims.get("iss", ""))[:-1]}),
    "aud-other": _claims(lambda _: {"aud": "https://prober.invalid"}),
    "aud-missing": _without("aud"),
    "type-refresh": _claims(_refresh),
    "subject-unknown": _claims(lambda _: {"sub": NOBODY}),
    "claims-twice": _claims_twice,
    "jws-json": _json_form,
    "base64-loose": _loose,
}
