"""The tree of our exceptions; each carries its facts as attributes and knows the exit code it ends a command with.

ProberError
├── ConfigError            the file is not valid: all complaints at once          exit 2
├── NothingMatched         no such chain, or nothing to run                       exit 5
│   └── ChainElsewhere     … at this shard: another one has it                    exit 5
├── ChainChanged           a reload changed a chain while it was being judged     exit 3
├── ChainPaused            an operator has stopped what a chain sends              exit 4
├── HeldBack               a request did not go out, or was cut off: it is paused  exit 4
├── RunBroke               a run has no report, and none is to come: our own fault exit 3
├── BaselineUnreadable     a file is no baseline                                  exit 2
├── KeyReused              one idempotency key, two requests                      exit 2
├── TooMuchAsked           as much waits to be run as may: our own limit          exit 3
├── OutOfReach             an address is none that we may connect to: our own    exit 3
├── SecretUnavailable      a secret we need is missing or unusable: our own fault exit 3
├── IdentityUnavailable    no identity token to show a platform: our own fault    exit 3
├── MintRefused            an issuer's route gave no token                        exit 1
├── CannotListen           our address cannot be had: our own fault               exit 3
├── CannotNotify           apprise is missing: our own fault                      exit 3
├── CannotTrace            traces cannot go out: our own fault                    exit 3
├── NobodyToTell           no receiver is configured                              exit 2
├── StoreUnavailable       what we write down cannot be kept now: our own fault   exit 3
│   └── StoreDamaged       … because its file is no longer what we wrote          exit 3
├── StoreNotOurs           the store is of a newer release, or in use: our own    exit 3
├── AskedInVain            another prober gave no verdict: our own fault          exit 3
│   ├── AskedWrongly       … because of what was asked, or by whom                exit 2
│   └── PausedThere        … because an operator has paused what it looks at      exit 4
├── NotSwitched            another prober did not pause or resume, or not surely   exit 3
│   └── SwitchedWrongly    … because of what was asked, or by whom                exit 2
├── LabUnavailable         the lab did not start: our own fault                   exit 3
└── NotATestSubject        a token was asked for somebody who is no test user     exit 2
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import ClassVar, Protocol, Self

from prober.model.pause import Pause
from prober.model.shard import Shard


class Complaint(Protocol):
    """Whatever can be printed as one line that names the place, what was found and what would do."""

    def __str__(self) -> str: ...


class ProberError(Exception):
    """Any failure of ours; never a finding about a target."""

    exit_code: ClassVar[int] = 3


class ConfigError(ProberError):
    """The configuration is not valid; `problems` holds every complaint, in the order of the file."""

    exit_code = 2

    def __init__(self, problems: Sequence[Complaint]) -> None:
        """Carry all complaints at once."""
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class NothingMatched(ProberError):
    """What was asked for does not exist; `known` is what there is."""

    exit_code = 5

    def __init__(self, wanted: str, known: Sequence[str], *, what: str = "chain") -> None:
        """Say by which name what kind of thing was wanted, and which names would do."""
        super().__init__(wanted, known, what)
        self.what, self.wanted, self.known = what, wanted, tuple(known)

    def __str__(self) -> str:
        near = get_close_matches(self.wanted, self.known, n=3, cutoff=0.5)
        if near:
            return f"no {self.what} is called {self.wanted!r}; did you mean {' or '.join(near)}?"
        return f"no {self.what} is called {self.wanted!r}; there is: {', '.join(self.known) or 'none is configured'}"


class ChainElsewhere(NothingMatched):
    """A chain is configured, and another shard looks at it."""

    def __init__(self, chain: str, where: Shard) -> None:
        """Name the chain, and who has it."""
        super().__init__(chain, ())
        self.where = where

    def __str__(self) -> str:
        return f"chain {self.wanted!r} falls to shard {self.where}, which is another instance: ask that one"


class ChainChanged(ProberError):
    """A gate cannot go on: its chain is not what it was when the gate began, and rounds of two chains prove nothing."""

    def __init__(self, chain: str) -> None:
        """Name the chain."""
        super().__init__(chain)
        self.chain = chain

    def __str__(self) -> str:
        return f"chain {self.chain!r} was changed by a reload while it was being judged; ask for another gate"


class ChainPaused(ProberError):
    """Nothing is sent to what a chain looks at until the pause is lifted: no evidence is to come."""

    exit_code = 4

    def __init__(self, chain: str, pause: Pause) -> None:
        """Name the chain, and who has stopped it."""
        super().__init__(chain, pause)
        self.chain, self.pause = chain, pause

    def __str__(self) -> str:
        return f"chain {self.chain!r} is not looked at: {self.pause}; {self.pause.remedy}"


class HeldBack(ProberError):
    """A request to `place` did not go out, or was cut off on its way, for what is there is paused."""

    exit_code = 4

    def __init__(self, place: str, pause: Pause) -> None:
        """Name the host and port, and who has stopped it."""
        super().__init__(place, pause)
        self.place, self.pause = place, pause

    def __str__(self) -> str:
        return f"nothing is sent to {self.place}: {self.pause}"


class RunBroke(ProberError):
    """A run came to nothing, by a bug of ours, or because it was cut off; says nothing about any target."""

    def __init__(self, chain: str) -> None:
        """Name the chain."""
        super().__init__(chain)
        self.chain = chain

    def __str__(self) -> str:
        return f"the run of {self.chain!r} broke off through a fault of the prober's own; its log tells more"


class BaselineUnreadable(ProberError):
    """A file that should say what held before a deploy does not."""

    exit_code = 2

    def __init__(self, path: str, why: str) -> None:
        """Say which file and why, and how one is made."""
        super().__init__(path, why)
        self.path, self.why = path, why

    def __str__(self) -> str:
        made = f"write one before the deploy: prober gate --save-baseline {self.path}"
        return f"{self.path} is no baseline: {self.why}; {made}"


class KeyReused(ProberError):
    """A caller asked for something else under a key that stands for what it asked for before."""

    exit_code = 2

    def __init__(self, key: str) -> None:
        """Name the key."""
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"the idempotency key {self.key!r} stands for another request of yours; take a new one for each"


class TooMuchAsked(ProberError):
    """As much is waiting to be run as may be; `again_seconds` is when to ask once more."""

    def __init__(self, waiting: int, again_seconds: int) -> None:
        """Say how many wait, and for how long to wait."""
        super().__init__(waiting, again_seconds)
        self.waiting, self.again_seconds = waiting, again_seconds

    def __str__(self) -> str:
        return f"{self.waiting} are waiting to be run already; ask again in {self.again_seconds} s"


class SecretUnavailable(ProberError):
    """A secret could not be had; says where it was looked for and why that failed, never a value."""

    def __init__(self, name: str, source: str, why: str) -> None:
        """Name the secret, the reference it was looked up by, and what was wrong."""
        super().__init__(name, source, why)
        self.name, self.source, self.why = name, source, why

    def __str__(self) -> str:
        return f"secret {self.name!r} ({self.source}): {self.why}"


class IdentityUnavailable(ProberError):
    """There is no identity token to show the platform before a service; says for whom, from where, and why not."""

    def __init__(self, audience: str, source: str, why: str) -> None:
        """Name the audience it was to be for, where it was looked for, and what was wrong."""
        super().__init__(audience, source, why)
        self.audience, self.source, self.why = audience, source, why

    def __str__(self) -> str:
        return f"identity token for {self.audience} ({self.source}): {self.why}"


class MintRefused(ProberError):
    """An issuer's route was asked for a token and gave none: the target's doing."""

    exit_code = 1

    def __init__(self, issuer: str, why: str) -> None:
        """Name the issuer and what it said."""
        super().__init__(issuer, why)
        self.issuer, self.why = issuer, why

    def __str__(self) -> str:
        return f"issuer {self.issuer!r}: {self.why}"


class OutOfReach(ProberError):
    """A name leads where nobody said that it may: nothing was connected to."""

    def __init__(self, host: str, address: str, kind: str) -> None:
        """Name the host, the first address it leads to, and what kind of address that is."""
        super().__init__(host, address, kind)
        self.host, self.address, self.kind = host, address, kind

    def __str__(self) -> str:
        where = "is" if self.host == self.address else f"leads to {self.address},"
        return f"{self.host} {where} {self.kind}: nothing was connected to; list it in `addresses:` if it is meant"


class CannotListen(ProberError):
    """The address we should answer at cannot be had; `why` is what the operating system said."""

    def __init__(self, host: str, port: int, why: str) -> None:
        """Name the address and the operating system's reason."""
        super().__init__(host, port, why)
        self.host, self.port, self.why = host, port, why

    def __str__(self) -> str:
        return f"cannot listen on {self.host}:{self.port}: {self.why}; choose another with --listen HOST:PORT"


class CannotNotify(ProberError):
    """What hands notices over is not installed here."""

    def __str__(self) -> str:
        return "apprise is not installed here, and notices go out by it; pip install 'post-deploy-prober[notify]'"


class CannotTrace(ProberError):
    """Traces are wanted, and cannot go out."""

    def __init__(self, why: str) -> None:
        """Say why, and what would do."""
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return self.why


class NobodyToTell(ProberError):
    """The config has no receivers of notices."""

    exit_code = 2

    def __str__(self) -> str:
        return "nobody is configured to be told; add `notify:` to probes.yaml (docs/notifications.md)"


class StoreUnavailable(ProberError):
    """The store cannot be written or read now; `why` is what it said, without its address."""

    def __init__(self, why: str) -> None:
        """Keep the reason."""
        super().__init__(why)
        self.why = why

    @classmethod
    def address(cls, wrong: str) -> Self:
        """Its address is none of a store; never quoted, for it may hold a password."""
        return cls(f"{wrong}; write postgresql://USER:PASSWORD@HOST:PORT/DATABASE")

    @classmethod
    def driver(cls) -> Self:
        """PostgreSQL's driver is not installed."""
        return cls("PostgreSQL needs its driver: pip install 'post-deploy-prober[postgres]'")

    def __str__(self) -> str:
        return f"the store is away: {self.why}"


class StoreDamaged(StoreUnavailable):
    """The store's file is damaged: waiting will not mend it."""


class StoreNotOurs(ProberError):
    """The store must not be touched by us: a newer release wrote it, or another process is using it."""

    def __init__(self, why: str) -> None:
        """Keep the reason, with what would do."""
        super().__init__(why)
        self.why = why

    @classmethod
    def newer(cls) -> Self:
        """Its tables are of a release to come."""
        return cls("a newer release of prober has written it; run that one, or give this one a store of its own")

    @classmethod
    def in_use(cls, path: object, holder: str) -> Self:
        """Process `holder` has it."""
        would_do = "give this one a file of its own, or let both share a PostgreSQL"
        return cls(f"{path} is in use by process {holder or 'unknown'}; {would_do}")

    def __str__(self) -> str:
        return f"the store is left as it is: {self.why}"


class AskedInVain(ProberError):
    """A prober that was asked for a gate came to no verdict that we know of; says nothing about any target."""

    def __init__(self, server: str, why: str) -> None:
        """Name the prober, and what it said or did not."""
        super().__init__(server, why)
        self.server, self.why = server, why

    def __str__(self) -> str:
        return f"{self.server} gave no verdict: {self.why}"


class AskedWrongly(AskedInVain):
    """It would not hold the gate, and asking again would not help."""

    exit_code = 2


class PausedThere(AskedInVain):
    """It looks at nothing of what was asked for, as an operator has paused it."""

    exit_code = 4


class NotSwitched(ProberError):
    """A prober that was told to pause or to resume did not say that it is done."""

    def __init__(self, server: str, why: str) -> None:
        """Name the prober, and what it said or did not."""
        super().__init__(server, why)
        self.server, self.why = server, why

    def __str__(self) -> str:
        return f"{self.server} has not said that it is done: {self.why}"


class SwitchedWrongly(NotSwitched):
    """It would not, and asking again would not help."""

    exit_code = 2


class LabUnavailable(ProberError):
    """The lab's services did not come up on this machine; `why` is what they said."""

    def __init__(self, why: str) -> None:
        """Keep what the services said."""
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"the lab did not start on this machine: {self.why}"


class NotATestSubject(ProberError):
    """A token was asked of an issuer that is not configured for a test user; `issuers` are those that are."""

    exit_code = 2

    def __init__(self, wanted: str | None, issuers: Sequence[str]) -> None:
        """Keep what was wanted, and what could be had."""
        super().__init__(wanted, issuers)
        self.wanted, self.issuers = wanted, tuple(issuers)

    def __str__(self) -> str:
        would_do = ", ".join(self.issuers) or "none is configured"
        return f"{self.wanted!r} mints no token here: only configured test users get one, from {would_do}"
