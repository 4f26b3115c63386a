"""The table of controls: every way a request can be bad, how bad it is if it gets in, and where it may be tried.

gather/tokens/tampered.py makes the tokens, config/checks.py keeps each where it belongs, docs/controls.md shows all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Safety(StrEnum):
    """Where a control may be tried."""

    STAGING = "staging"  # anywhere but in production
    OPT_IN = "opt_in"  # where the chain says so: should it be accepted, it leaves something behind or reaches out
    LAB = "lab"  # where all services are on this machine: it would be an attack anywhere else


class Severity(StrEnum):
    """How bad it is if a control is accepted."""

    INFO = "info"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Made(StrEnum):
    """What a control is made of."""

    NOTHING = "nothing"  # a request without a token
    TOKEN = "token"  # a token with one thing wrong
    HEADERS = "headers"  # headers instead of a token
    SECRET = "secret"  # a good request with a wrong secret beside it: a step, not an issuer


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlKind:
    """One way to be bad."""

    name: str
    about: str
    severity: Severity
    reference: str
    safety: Safety = Safety.STAGING
    made: Made = Made.TOKEN
    changes: tuple[str, ...] = ()  # claims of which the imitated token must have one, or nothing would be wrong with it
    not_signed_by: str = ""  # the algorithm the imitated token must not have
    statuses: tuple[int, ...] = ()  # that refuse it, beside 401 and 403: what is no token at all may be a bad request


TOKEN_TYPES = ("token_type", "type", "typ", "token_use")

_MALFORMED = (400,)
_TOO_LARGE = (400, 413, 431)
_CRITICAL, _HIGH, _MEDIUM, _INFO = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.INFO

_KINDS = (
    # Nothing, or no JWT
    ControlKind(name="none", about="no token", severity=_CRITICAL, reference="ASVS 9.1.1", made=Made.NOTHING),
    ControlKind(
        name="empty-bearer", about="`Authorization: Bearer` and no token", severity=_CRITICAL,
        reference="RFC 6750 §2.1", made=Made.HEADERS, statuses=_MALFORMED,
    ),
    ControlKind(
        name="basic-scheme", about="random text under the scheme `Basic`", severity=_CRITICAL,
        reference="RFC 6750 §2.1", made=Made.HEADERS, statuses=_MALFORMED,
    ),
    ControlKind(
        name="lower-case-scheme", about="random text under the scheme `bearer`", severity=_CRITICAL,
        reference="RFC 6750 §2.1", made=Made.HEADERS, statuses=_MALFORMED,
    ),
    ControlKind(
        name="spoofed", about="headers that proxies, services and test modes are trusted by, and no token",
        severity=_CRITICAL, reference="ASVS 4.1.3, CWE-290", made=Made.HEADERS,
    ),
    ControlKind(
        name="junk", about="random text for a token", severity=_CRITICAL, reference="CWE-287", statuses=_MALFORMED
    ),
    ControlKind(
        name="junk-parts", about="three parts of random text", severity=_CRITICAL, reference="CWE-287",
        statuses=_MALFORMED,
    ),
    ControlKind(
        name="oversized", about="16 KiB, under a random key", severity=_HIGH, reference="CWE-400", statuses=_TOO_LARGE
    ),
    # Signatures
    ControlKind(name="forged", about="the right claims under a random key", severity=_CRITICAL, reference="CWE-347"),
    ControlKind(
        name="forged-admin", about="the rights of an administrator under a random key", severity=_CRITICAL,
        reference="CWE-347, CWE-269",
    ),
    ControlKind(
        name="payload-changed", about="claims changed after they were signed", severity=_CRITICAL, reference="CWE-347"
    ),
    ControlKind(
        name="signature-empty", about="the signature taken out: `h.p.`", severity=_CRITICAL, reference="CVE-2020-28042",
        statuses=_MALFORMED,
    ),
    ControlKind(
        name="signature-missing", about="the signature and its dot taken out: `h.p`", severity=_CRITICAL,
        reference="CVE-2020-28042", statuses=_MALFORMED,
    ),
    ControlKind(
        name="signature-cut", about="the last bytes of the signature taken off", severity=_CRITICAL,
        reference="CWE-347", statuses=_MALFORMED,
    ),
    ControlKind(
        name="signature-longer", about="bytes added to the signature", severity=_HIGH, reference="CWE-347",
        statuses=_MALFORMED,
    ),
    ControlKind(
        name="alg-none", about="`alg` is `none`, no signature", severity=_CRITICAL,
        reference="ASVS 9.1.2, RFC 8725 §3.2",
    ),
    ControlKind(name="alg-none-title", about="`alg` is `None`", severity=_CRITICAL, reference="ASVS 9.1.2"),
    ControlKind(name="alg-none-upper", about="`alg` is `NONE`", severity=_CRITICAL, reference="ASVS 9.1.2"),
    ControlKind(name="alg-none-mixed", about="`alg` is `nOnE`", severity=_CRITICAL, reference="ASVS 9.1.2"),
    ControlKind(
        name="alg-hs384", about="the right key by HS384", severity=_MEDIUM, reference="ASVS 9.1.2",
        not_signed_by="HS384",
    ),
    ControlKind(
        name="alg-hs512", about="the right key by HS512", severity=_MEDIUM, reference="ASVS 9.1.2",
        not_signed_by="HS512",
    ),
    ControlKind(name="key-empty", about="signed with the empty key", severity=_CRITICAL, reference="CVE-2019-20933"),
    ControlKind(
        name="key-weak", about="signed with a key that everybody tries first: one of a list, another each run",
        severity=_CRITICAL, reference="CWE-1391",
    ),
    # Headers of the token
    ControlKind(
        name="kid-unknown", about="a `kid` nobody knows, under a random key", severity=_HIGH, reference="ASVS 9.1.3"
    ),
    ControlKind(
        name="kid-file", about="a `kid` that is the path of an empty file, signed with the empty key",
        severity=_CRITICAL, reference="CWE-22", safety=Safety.OPT_IN,
    ),
    ControlKind(
        name="kid-sql", about="a `kid` with SQL that selects a key, signed with that key", severity=_CRITICAL,
        reference="CWE-89", safety=Safety.LAB,
    ),
    ControlKind(
        name="kid-command", about="a `kid` with a command that prints a key, signed with that key", severity=_CRITICAL,
        reference="CWE-78", safety=Safety.LAB,
    ),
    ControlKind(
        name="jwk-embedded", about="signed with a random key that the token brings along", severity=_CRITICAL,
        reference="CVE-2018-0114", safety=Safety.OPT_IN,
    ),
    ControlKind(
        name="jku-foreign", about="`jku` names a key set that is not there, under a random key", severity=_CRITICAL,
        reference="ASVS 9.1.3, CWE-918", safety=Safety.OPT_IN,
    ),
    ControlKind(
        name="x5u-foreign", about="`x5u` names a certificate that is not there, under a random key",
        severity=_CRITICAL, reference="ASVS 9.1.3, CWE-918", safety=Safety.OPT_IN,
    ),
    ControlKind(
        name="crit-unknown", about="`crit` demands an extension nobody knows", severity=_HIGH,
        reference="RFC 7515 §4.1.11, CVE-2026-32597", statuses=_MALFORMED,
    ),
    # Time
    ControlKind(
        name="expired", about="ended an hour ago", severity=_CRITICAL, reference="ASVS 9.2.1, RFC 7519 §4.1.4"
    ),
    ControlKind(name="expired-10s", about="ended 10 s ago: leeway", severity=_INFO, reference="RFC 7519 §4.1.4"),
    ControlKind(name="expired-30s", about="ended 30 s ago: leeway", severity=_INFO, reference="RFC 7519 §4.1.4"),
    ControlKind(name="expired-61s", about="ended 61 s ago: leeway", severity=_MEDIUM, reference="RFC 7519 §4.1.4"),
    ControlKind(name="expired-121s", about="ended 121 s ago: leeway", severity=_MEDIUM, reference="RFC 7519 §4.1.4"),
    ControlKind(
        name="nbf-future", about="not to be used before an hour from now", severity=_HIGH, reference="ASVS 9.2.1"
    ),
    ControlKind(name="iat-future", about="issued an hour from now", severity=_INFO, reference="RFC 7519 §4.1.6"),
    ControlKind(
        name="exp-text", about="`exp` is a text", severity=_HIGH, reference="RFC 7519 §4.1.4", statuses=_MALFORMED
    ),
    ControlKind(
        name="exp-negative", about="`exp` is before 1970", severity=_HIGH, reference="CWE-613", statuses=_MALFORMED
    ),
    ControlKind(
        name="exp-huge", about="`exp` is 1e308, for a user who is not there", severity=_HIGH, reference="CWE-613",
        safety=Safety.OPT_IN, statuses=_MALFORMED,
    ),
    ControlKind(name="exp-nan", about="`exp` is NaN", severity=_HIGH, reference="CWE-613", statuses=_MALFORMED),
    ControlKind(
        name="exp-missing", about="no `exp`, for a user who is not there", severity=_HIGH, reference="CWE-613",
        safety=Safety.OPT_IN,
    ),
    ControlKind(
        name="exp-decade", about="`exp` in ten years, for a user who is not there", severity=_HIGH,
        reference="CWE-613", safety=Safety.OPT_IN,
    ),
    # For whom and from whom
    ControlKind(
        name="iss-other", about="another issuer", severity=_HIGH, reference="RFC 7519 §4.1.1", changes=("iss",)
    ),
    ControlKind(
        name="iss-prefix", about="the issuer's name without its end", severity=_HIGH, reference="CVE-2024-53861",
        changes=("iss",),
    ),
    ControlKind(
        name="aud-other", about="another audience", severity=_HIGH, reference="ASVS 9.2.3", changes=("aud",)
    ),
    ControlKind(name="aud-missing", about="no audience", severity=_HIGH, reference="ASVS 9.2.3", changes=("aud",)),
    ControlKind(
        name="type-refresh", about="a refresh token in place of an access token", severity=_HIGH,
        reference="ASVS 9.2.2", changes=TOKEN_TYPES,
    ),
    ControlKind(
        name="subject-unknown", about="all is right, but the user is not there", severity=_HIGH, reference="CWE-287"
    ),
    # Form
    ControlKind(
        name="claims-twice", about="`sub` stands in it twice", severity=_MEDIUM, reference="RFC 8725 §2.4",
        statuses=_MALFORMED,
    ),
    ControlKind(
        name="jws-json", about="the JSON form of a JWS in place of the compact one", severity=_MEDIUM,
        reference="RFC 7519 §1", statuses=_MALFORMED,
    ),
    ControlKind(
        name="base64-loose", about="unused bits set in the last character of the signature", severity=_MEDIUM,
        reference="RFC 4648 §3.5", statuses=_MALFORMED,
    ),
    # Secrets beside the token
    ControlKind(
        name="credentials", about="wrong service credentials", severity=_CRITICAL, reference="ASVS 13.2.1",
        made=Made.SECRET,
    ),
    ControlKind(
        name="bypass-key", about="a wrong key at the route that mints test tokens", severity=_CRITICAL,
        reference="CWE-798", made=Made.SECRET,
    ),
)  # fmt: skip

CONTROLS: Mapping[str, ControlKind] = {kind.name: kind for kind in _KINDS}

#: These have issuers of their own, older than the table.
_OF_THEIR_OWN = ("none", "forged", "expired")


def _made_of(made: Made) -> tuple[str, ...]:
    return tuple(kind.name for kind in _KINDS if kind.made is made and kind.name not in _OF_THEIR_OWN)


#: For how many seconds the tokens have been over that are bad by their date alone.
ENDED_SECONDS: Mapping[str, int] = {
    "expired": 3600,  # beyond any leeway, so that a refusal says nothing about clocks
    "expired-10s": 10,
    "expired-30s": 30,
    "expired-61s": 61,
    "expired-121s": 121,
}

#: What `mint:` may be for a TamperedIssuer, and for a SpoofedIssuer.
TAMPERED = _made_of(Made.TOKEN)
SPOOFED = _made_of(Made.HEADERS)

#: The headers of the controls that are made of headers, where the config gives no others.
HEADERS: Mapping[str, Mapping[str, str]] = {
    "empty-bearer": {"Authorization": "Bearer"},  # a space at the end is never on the wire (RFC 9110 §5.5)
    "basic-scheme": {"Authorization": "Basic {random}"},
    "lower-case-scheme": {"Authorization": "bearer {random}"},
    "spoofed": {
        "X-E2E-Test": "true",
        "X-Test-Mode": "true",
        "X-User-ID": "{subject}",
        "X-Auth-Request-User": "{subject}",
        "X-Forwarded-User": "{subject}",
        "X-Forwarded-Email": "{email}",
        "X-Forwarded-For": "127.0.0.1",
        "X-Service-ID": "backend",
        "X-Service-Name": "backend",
    },
}

#: Nobody has this subject: tokens that would last are made for it, so that they let in nobody who is there.
NOBODY = "prober-nobody"
