"""View: what of a document can be judged, also when parts of it are broken.

A step of a wrong shape must not hide that another step needs itself. So what is broken is cut out, piece by piece, and
the rest is judged; names that were written in a broken piece are still known, or every mention of them would be blamed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prober.config import schema
from prober.config.defaults import completed
from prober.config.groups import members
from prober.config.limits import MOST_STEPS
from prober.config.problems import Place

_NAMED = ("secrets", "services", "identities", "issuers", "chains")
#: What stands in for a key that must be there, so that the rest can be read without it.
_FILLERS: Mapping[str, object] = {
    "version": 1,
    "environment": "unknown",
    "services": {"unknown": {"role": "other", "url": "https://unknown.invalid"}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A document that is valid in itself, and what was cut to make it so."""

    document: schema.Document
    names: Mapping[str, tuple[str, ...]]  # of each section, as written
    step_names: Mapping[str, tuple[str, ...]]  # of each chain, as written
    steps: Mapping[str, tuple[tuple[Place, schema.AnyStepForm], ...]]  # of each chain, with their places
    cuts: frozenset[Place]
    most_steps: int = MOST_STEPS

    def is_whole(self, *place: str) -> bool:
        """Whether nothing was cut there or below."""
        return not any(cut[: len(place)] == place for cut in self.cuts)

    def every_step(self) -> Iterable[tuple[Place, schema.AnyStepForm]]:
        """All steps of all chains."""
        return (placed for steps in self.steps.values() for placed in steps)


def view(value: object, locations: Iterable[Sequence[str | int]] = ()) -> View | None:
    """What is left to judge once the pieces at pydantic's `locations` are cut out; None if that is nothing."""
    cuts = frozenset(_piece(tuple(location)) for location in locations)
    if not isinstance(value, dict) or () in cuts:
        return None
    document, _, __ = schema.read(_without(value, cuts), value)
    return _viewed(value, document, cuts) if document else None


def _viewed(value: dict[str, Any], written: schema.Document, cuts: frozenset[Place]) -> View:
    document = completed(written)
    chains = {name: value["chains"][name]["steps"] for name in document.chains}
    return View(
        document=document,
        names={section: tuple(_mapping(value.get(section))) for section in _NAMED},
        step_names={name: (*_names(steps), *_members(written.chains[name])) for name, steps in chains.items()},
        steps={
            name: tuple(zip(_places(name, written.chains[name], cuts), chain.steps, strict=True))
            for name, chain in document.chains.items()
        },
        cuts=cuts,
    )


def _places(name: str, chain: schema.ChainForm, cuts: frozenset[Place]) -> Iterable[Place]:
    """Where the steps that are left were before others were cut; all steps of a group are where the group is."""
    every = (("chains", name, "steps", index) for index in range(len(chain.steps) + len(cuts)))
    places = (place for place in every if place not in cuts)
    return (place for place, step in zip(places, chain.steps, strict=False) for _ in members(step))


def _members(chain: schema.ChainForm) -> Iterable[str]:
    """The names of the steps that groups stand for."""
    return (member.name for step in chain.steps for member in members(step) if member is not step)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _names(steps: Iterable[object]) -> Iterable[str]:
    return (str(step["name"]) for step in steps if isinstance(step, dict) and "name" in step)


def _piece(location: Place) -> Place:
    """The smallest piece around a location that can be left out: a step, a chain's setting, an entry of a section."""
    if location[:1] != ("chains",) or "[key]" in location:
        return location[: 2 if location[:1] and location[0] in _NAMED else 1]
    if location[2:3] == ("steps",):
        return location[: 4 if len(location) > 3 else 2]  # noqa: PLR2004 - chains, NAME, steps, INDEX
    return location[:3]


def _without(value: dict[str, Any], cuts: frozenset[Place]) -> dict[str, Any]:
    """The document without the pieces at `cuts`; never changes what it is given."""
    kept = {key: _section(key, inner, cuts) for key, inner in value.items() if (key,) not in cuts}
    return {**{key: filler for key, filler in _FILLERS.items() if (key,) in cuts}, **kept}


def _section(section: str, value: object, cuts: frozenset[Place]) -> object:
    if not isinstance(value, dict):
        return value
    entries = {key: inner for key, inner in value.items() if (section, key) not in cuts}
    if section == "chains":
        return {key: _chain(key, inner, cuts) for key, inner in entries.items()}
    return entries or _FILLERS.get(section, {})


def _chain(name: str, chain: dict[str, Any], cuts: frozenset[Place]) -> dict[str, Any]:
    """The chain without its broken settings and steps; one that is no mapping has been cut as a whole."""
    kept = {key: inner for key, inner in chain.items() if ("chains", name, key) not in cuts}
    steps = enumerate(kept.get("steps") or ())
    return {**kept, "steps": [step for index, step in steps if ("chains", name, "steps", index) not in cuts]}
