"""What is looked at: every case planned from a few numbers, and how its world varies in what must not matter."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, product

from prober.lab.faults import FAULTS, Fault

DIALECTS = ("real", "reports")

#: A few faults of different families that are quickly looked at.
SHORT = (
    "backend_down",
    "bypass_key_absent",
    "bypass_key_not_sent",
    "jwt_secret_drift",
    "service_secret_drift_at_auth",
    "ws_router_dead",
)


class Kind(StrEnum):
    """What is broken in a case."""

    SINGLE = "single"
    CONTROL = "control"  # nothing
    PAIR = "pair"
    OUTSIDE = "outside"  # one thing that no cause is about


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One look to be taken; all that chance decides about it follows from its id."""

    kind: Kind
    dialect: str
    faults: tuple[str, ...] = ()
    seed: int = 0
    noise: bool = False
    turn: int = 0  # the how-manieth of several alike

    @property
    def id(self) -> str:
        """Its name in files and on the page."""
        what = "+".join(self.faults) or f"healthy-{self.turn}"
        return f"{self.kind}/{what}/{self.dialect}/{self.seed}{'n' if self.noise else ''}"

    @property
    def group(self) -> tuple[str, int, bool]:
        """Cases of a group share config and wording; its healthy cases are what the others are held against."""
        return self.dialect, self.seed, self.noise

    @property
    def is_as_shipped(self) -> bool:
        """Whether names, order, wording and pace are those that the rules were written with."""
        return self.seed == 0 and not self.noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is looked at."""

    faults: Sequence[str] = tuple(fault.name for fault in FAULTS)
    outside: Sequence[str] = ()
    dialects: Sequence[str] = DIALECTS
    seeds: int = 5
    first_seed: int = 0  # another one makes worlds that nobody has seen; the lab as shipped is always among them
    noise: Sequence[bool] = (False, True)
    pairs: int = 60
    controls: int = 3


def planned(plan: Plan) -> list[Case]:
    """Every case: the healthy ones first, then all others shuffled, so that what was done by any moment is fair."""
    groups = _groups(plan)
    healthy = [
        Case(kind=Kind.CONTROL, dialect=dialect, seed=seed, noise=noise, turn=turn)
        for dialect, seed, noise in groups
        for turn in range(plan.controls)
    ]
    broken = [
        Case(kind=kind, faults=(name,), dialect=dialect, seed=seed, noise=noise)
        for kind, names in ((Kind.SINGLE, plan.faults), (Kind.OUTSIDE, plan.outside))
        for name, (dialect, seed, noise) in product(names, groups)
    ]
    broken += _pairs(plan, groups)
    random.Random("order of cases").shuffle(broken)
    return healthy + broken


def _groups(plan: Plan) -> list[tuple[str, int, bool]]:
    seeds = range(plan.first_seed, plan.first_seed + plan.seeds)
    shipped = [(dialect, 0, False) for dialect in plan.dialects if plan.first_seed and False in plan.noise]
    return [*shipped, *product(plan.dialects, seeds, plan.noise)]


# ── two at once ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _pairs(plan: Plan, groups: Sequence[tuple[str, int, bool]]) -> Iterator[Case]:
    chance = random.Random(f"pairs {plan.first_seed}")
    chosen = [fault for fault in FAULTS if fault.name in plan.faults]
    apart = [pair for pair in combinations(chosen, 2) if not touched(pair[0]) & touched(pair[1])]
    for first, second in chance.sample(apart, min(plan.pairs, len(apart))):
        dialect, seed, noise = chance.choice(groups)
        yield Case(kind=Kind.PAIR, faults=(first.name, second.name), dialect=dialect, seed=seed, noise=noise)


#: Everywhere a fault may change a setting.
_PLACES = ("auth", "backend", "twin", "auth_edge", "backend_edge", "prober")


def touched(fault: Fault) -> frozenset[tuple[str, str]]:
    """The settings that a fault changes; of two faults that share one, one would simply overwrite the other."""
    return frozenset((place, name) for place in _PLACES for name in getattr(fault, place))


# ── what must not matter ─────────────────────────────────────────────────────────────────────────────────────────────

_NAMES = (
    ("identity", "gateway"),
    ("accounts", "api"),
    ("login", "core"),
    ("keycloak-proxy", "chat"),
    ("iam", "edge"),
)

#: Slow worlds take a minute a case, so only a few are slow.
_SLOW_SHARE = 0.03
_SLOW_SECONDS = (1.5, 2.0)
_FASTEST_SECONDS = 0.01
_USUAL_SECONDS = (0.02, 0.1)
_FAILURES = (0.01, 0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """How a world and its config are beside the fault."""

    services: tuple[str, str] = ("auth", "backend")  # what the config calls them
    order: str | None = None  # the seed that steps are shuffled with
    latency: tuple[float, float] = (0.0, 0.0)  # seconds, before each request
    failures: float = 0.0  # the share of requests that crash
    reworded: bool = False
    chance: int = 0

    @property
    def is_slow(self) -> bool:
        """Whether everything takes long."""
        return self.latency[1] > _USUAL_SECONDS[1]


def variation(case: Case) -> Variation:
    """Names, order and wording are the group's, pace and failures the case's own."""
    if case.is_as_shipped:
        return Variation()
    own, is_varied = random.Random(case.id), case.seed > 0
    slowest = own.uniform(*_USUAL_SECONDS)
    return Variation(
        services=_NAMES[(case.seed - 1) % len(_NAMES)] if is_varied else ("auth", "backend"),
        order=f"{case.dialect} {case.seed}" if is_varied else None,
        latency=_SLOW_SECONDS if own.random() < _SLOW_SHARE else (_FASTEST_SECONDS, slowest),
        failures=own.uniform(*_FAILURES) if case.noise else 0.0,
        reworded=case.seed % 2 == 1,
        chance=own.randrange(2**31),
    )
