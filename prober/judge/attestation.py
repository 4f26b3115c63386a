"""What the platforms say of how services are configured, held against what each should have. Names, never values.

Rule 1: what was not told is unknown: it is named as that, and speaks for and against nothing.
Rule 2: two references are compared only where they name the same secret; two literals by their equality alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from prober.judge.signals import Sign, configured, is_normal, kept_out, port, rollout, versions
from prober.model.chain import PlatformStep, Role, Service
from prober.model.observation import PlatformSeen
from prober.model.platform import Configuration, Platform, Source, Thing, Variable
from prober.model.signal import Signal

#: What makes a service known to another: without either the other is of no use.
_CREDENTIALS = (Thing.SERVICE_ID, Thing.SERVICE_SECRET)
_GROUPS = {**{thing: str(thing) for thing in Thing}, **dict.fromkeys(_CREDENTIALS, "service_credentials")}

#: What the auth service and the backend must have alike.
_SHARED = (Thing.JWT_SECRET, Thing.SERVICE_ID, Thing.SERVICE_SECRET)

#: Names that a config adds to those of its role.
_SETTINGS = "settings"

_PRESENT, _ABSENT, _EQUAL, _DIFFER = "present", "absent", "equal", "differ"


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that was asked about: its sign, None where it is unknown, and a few words."""

    sign: Sign | None
    text: str

    @property
    def is_wrong(self) -> bool:
        """It is surely not as it should be."""
        return self.sign is not None and not is_normal(*self.sign)


@dataclass(frozen=True, slots=True)
class _Known:
    """One service whose configuration was read."""

    service: Service
    platform: Platform
    configuration: Configuration

    def held(self, thing: Thing) -> Variable | None:
        """The setting in which the service finds a thing."""
        return self.configuration.variable(self.platform.names[thing])

    def has(self, names: Sequence[str]) -> bool | None:
        """Whether one of `names` is set; None: nobody can say."""
        if self.configuration.variable(tuple(names)):
            return True
        return False if all(map(self.configuration.lacks, names)) else None


def told(step: PlatformStep, seen: PlatformSeen) -> tuple[Told, ...]:
    """All that was asked about, of each service by itself and then of two together."""
    read = {each.service: each for each in seen.configurations}
    known = [
        _Known(each, each.platform, read[each.name]) for each in step.services if each.platform and each.name in read
    ]
    return (*(one for each in known for one in _of(each)), *_together(known))


def signs(step: PlatformStep, seen: PlatformSeen) -> tuple[Sign, ...]:
    """One answer a question; where one service of a role is well and another is not, what is wrong stands."""
    found: dict[object, Sign] = {}
    for each in told(step, seen):
        if each.sign and (each.sign.signal not in found or each.is_wrong):
            found[each.sign.signal] = each.sign
    return tuple(found.values())


# ── one service ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _of(known: _Known) -> Iterator[Told]:
    name, role = known.service.name, str(known.service.role)
    for group, wanted in _required(known.platform).items():
        yield from _set(known, role, group, wanted)
    for what, names in _forbidden(known.platform):
        has = known.has(names)
        there = known.configuration.variable(tuple(names))
        text = f"{name}: {there.name} is set, and must not be" if there else f"{name}: {_either(names)}"
        yield Told(_sign(kept_out(role, what), has, yes=_PRESENT, no=_ABSENT), text)
    if known.platform.port is not None:
        yield _port(known)
    if known.configuration.revisions:
        parts = known.configuration.revisions
        value = "split" if len(parts) > 1 else "whole"
        yield Told(Sign(rollout(role), value), f"{name}: {' and '.join(parts)} serve")


def _required(platform: Platform) -> dict[str, list[tuple[str, ...]]]:
    """By group, the names under each of which something must be set: of alternatives one."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for thing in platform.required:
        groups.setdefault(_GROUPS[thing], []).append(tuple(platform.names[thing]))
    if platform.requires:
        groups[_SETTINGS] = [(name,) for name in platform.requires]
    return groups


def _forbidden(platform: Platform) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield from ((str(thing), tuple(platform.names[thing])) for thing in platform.forbidden)
    if platform.forbids:
        yield _SETTINGS, platform.forbids


def _set(known: _Known, role: str, group: str, wanted: Iterable[tuple[str, ...]]) -> Iterator[Told]:
    """A group is there if all of it is; it is missing if anything of it surely is."""
    has = {names: known.has(names) for names in wanted}
    name, signal = known.service.name, configured(role, group)
    missing = [_either(names) for names, found in has.items() if found is False]
    if missing:
        yield Told(Sign(signal, _ABSENT), f"{name}: {' and '.join(missing)} not set")
    elif all(has.values()):
        yield Told(Sign(signal, _PRESENT), f"{name}: {group} set")
    else:
        yield Told(None, f"{name}: {' and '.join(_either(names) for names, found in has.items() if found is None)}")


def _either(names: Sequence[str]) -> str:
    return " or ".join(names)


def _sign(signal: Signal, is_so: bool | None, *, yes: str, no: str) -> Sign | None:  # noqa: FBT001 - None is an answer too
    return None if is_so is None else Sign(signal, yes if is_so else no)


def _port(known: _Known) -> Told:
    name, wanted, found = known.service.name, known.platform.port, known.configuration.port
    is_so = None if found is None else found == wanted
    text = f"{name}: its requests go to port {found}, it listens at {wanted}" if found else f"{name}: the port"
    return Told(_sign(port(str(known.service.role)), is_so, yes="matches", no="differs"), text)


# ── two services ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _together(known: Sequence[_Known]) -> Iterator[Told]:
    """What the auth service and each backend must have alike."""
    issuing = [each for each in known if each.service.role is Role.AUTH]
    trusting = [each for each in known if each.service.role is Role.BACKEND]
    for left, right in product(issuing, trusting):
        for thing in _SHARED:
            one, other = left.held(thing), right.held(thing)
            if one and other:
                yield _compared(thing, (left.service.name, one), (right.service.name, other))


def _compared(thing: Thing, one: tuple[str, Variable], other: tuple[str, Variable]) -> Told:
    is_equal = _is_equal(one[1], other[1])
    text = f"{_WHETHER[is_equal].format(thing)}: {_runs(*one)}, {_runs(*other)}"
    return Told(_sign(versions(thing), is_equal, yes=_EQUAL, no=_DIFFER), text)


_WHETHER = {True: "{} is the same", False: "{} is not the same", None: "whether {} is the same"}


def _is_equal(one: Variable, other: Variable) -> bool | None:
    """None: of different secrets, of different sorts, or of versions that nobody knows."""
    if one.source is Source.LITERAL and other.source is Source.LITERAL:
        return one.alike == other.alike
    is_same = one.source is Source.SECRET and other.source is Source.SECRET and one.secret == other.secret
    return one.version == other.version if is_same and one.version and other.version else None


def _runs(service: str, variable: Variable) -> str:
    if variable.source is not Source.SECRET:
        return f"{service} has {variable.name} as {_SORTS[variable.source]}"
    version = f"version {variable.version}" if variable.version else "a version that nobody can tell"
    return f"{service} has {variable.name} in {version} of {variable.secret}"


_SORTS = {Source.LITERAL: "a literal", Source.OTHER: "something that is no secret"}
