"""Keys: what a look may know of secrets, whichever versions of them it was given."""

from collections.abc import Callable, Sequence
from typing import Protocol

from prober.gather.versions import Version
from prober.model.chain import IdentityToken
from prober.model.secret import Secret


class Keys(Protocol):
    """What a look may know of secrets."""

    def get(self, name: str) -> Secret:
        """The value of the secret called `name`; raises SecretUnavailable."""
        ...

    def held(self, name: str) -> Sequence[Version]:
        """All versions of it that count, the newest first; raises SecretUnavailable."""
        ...

    def heed(self, token: Secret) -> None:
        """Know a token for a while, to blot it out."""
        ...

    def lent(self, wanted: IdentityToken) -> Secret:
        """The identity token that a platform wants to see; raises IdentityUnavailable."""
        ...

    def redactor(self) -> Callable[[str], str]:
        """What blots out whatever is secret."""
        ...
