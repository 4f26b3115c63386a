"""A token's shape and what it says, without its signature: what may be shown of it in evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TokenTraits:
    """What the incident reports looked at: length, dots, prefix; and what it says, without what would make it good."""

    length: int
    dots: int
    prefix: str  # the first 12 characters: the encoded header, alike for one algorithm; empty for no JWT
    has_bearer_prefix: bool
    algorithm: str | None
    key_id: str | None
    claims: tuple[str, ...]  # names only, sorted
    lifetime_seconds: float | None  # exp − iat
    issuer: str  # which configured issuer made it
    subject: str | None = None  # the `sub` claim: a configured test user, so it may be shown
    header: Mapping[str, object] = field(default_factory=dict)  # decoded, redacted and bounded; so is the payload
    payload: Mapping[str, object] = field(default_factory=dict)
