"""A token's shape without the token: what may be shown of it in evidence."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenTraits:
    """What the incident reports looked at: length, dots, prefix; and the names, never the values, of its claims."""

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
