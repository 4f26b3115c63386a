"""Heartbeat: whom to tell that rounds are still being completed, so that our absence is noticed by somebody else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """An address that raises the alarm once it is no longer called."""

    url: str  # a reference (`env:NAME`, `file:PATH`): who knows the address can beat in our place
    method: str = "GET"

    @property
    def secret(self) -> str:
        """The name under which the keyring holds the address; no secret of `secrets:` can be called so."""
        return "heartbeat:url"
