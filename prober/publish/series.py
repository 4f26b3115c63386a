"""What a plan has series of: those that each metric is born with, and the label values that there are.

Made beside the event loop where others wait for it: for a thousand chains it takes a third of a second.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from prober.judge.signals import control_name, issuer_role
from prober.model.chain import Plan
from prober.model.copies import Fetched
from prober.model.gate import GateVerdict
from prober.model.notice import Delivery
from prober.model.slot import Missed
from prober.publish.counted import COUNTERS, TIMINGS, Known
from prober.publish.totals import Born, Labels, Lives


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What the board counts beside reports, of what is configured: its labels, and the series it has from the start."""

    labels: Labels
    born: Callable[[Plan], Iterable[Labels]]


BESIDE: Mapping[str, Beside] = {
    "slots": Beside(labels=("chain",), born=lambda plan: ((chain,) for chain in plan.chains)),
    "missed": Beside(labels=("chain", "reason"), born=lambda plan: product(plan.chains, map(str, Missed))),
    "gates": Beside(labels=("chain", "verdict"), born=lambda plan: product(plan.chains, map(str, GateVerdict))),
    "notices": Beside(labels=("receiver", "outcome"), born=lambda plan: product(plan.receivers, map(str, Delivery))),
    "fetches": Beside(labels=("reference", "outcome"), born=lambda plan: product(plan.references, map(str, Fetched))),
}


@dataclass(frozen=True, slots=True)
class Series:
    """All that a plan says of the series of metrics."""

    plan: Plan
    born: Mapping[str, Born]  # by the metric's name, or that of an entry of BESIDE
    values: Mapping[str, frozenset[str]]  # by label; a label that is not here is of the code
    steps: Mapping[str, frozenset[str]]  # by chain

    def lives(self, names: Labels) -> Lives:
        """Whether a series with labels of these `names` belongs to the plan: all it is of is still configured."""
        checks = tuple((place, self.values[name]) for place, name in enumerate(names) if name in self.values)
        by_step = names[:2] == ("chain", "step")
        return lambda labels: (
            all(labels[place] in values for place, values in checks)
            and (not by_step or labels[1] in self.steps[labels[0]])
        )

    def lost_since(self, before: "Series") -> Callable[[Labels], bool]:
        """Whether a series with labels of such names may have belonged to the plan `before`, and no longer does."""
        lost = {name for name, values in self.values.items() if not before.values[name] <= values}
        shorter = {chain for chain, steps in before.steps.items() if not steps <= self.steps.get(chain, steps)}
        return lambda names: not lost.isdisjoint(names) or (bool(shorter) and "step" in names)


def series_of(plan: Plan) -> Series:
    """The series of a plan."""
    known = Known(plan)
    born = {counted.name: Born(counted.born(known)) for counted in COUNTERS}
    born |= {timed.name: Born(timed.born(known)) for timed in TIMINGS}
    born |= {name: Born(beside.born(plan)) for name, beside in BESIDE.items()}
    return Series(plan, born, _values(plan), _steps(plan))


def _values(plan: Plan) -> Mapping[str, frozenset[str]]:
    steps = [step for chain in plan.chains.values() for step in chain.steps]
    tokens = [step.token for step in steps if step.token]
    return {
        "chain": frozenset(plan.chains),
        "service": frozenset(plan.services),
        "issuer": frozenset({*plan.issuers, *(token.name for token in tokens), *map(issuer_role, tokens)}),
        "control": frozenset(control_name(step) for step in steps if step.is_control),
        "secret": frozenset(plan.secrets),
        "receiver": frozenset(plan.receivers),
        "reference": frozenset(plan.references),
    }


def _steps(plan: Plan) -> Mapping[str, frozenset[str]]:
    """Most chains have steps of the same names."""
    shared: dict[frozenset[str], frozenset[str]] = {}
    named = ((name, frozenset(step.name for step in chain.steps)) for name, chain in plan.chains.items())
    return {name: shared.setdefault(steps, steps) for name, steps in named}
