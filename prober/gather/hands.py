"""Hands: which version of each secret a look takes while several count, and by which each service last let us in.

Rule 1: who is turned away while several versions count is looked at with the others; if one of them is let in, that is
what was seen. Rule 2: a bad token is made from the version that its door takes, and looked at once. Rule 3: a service
that takes an older version is shown the newest one only every half a minute: who tries many keys is locked out.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product

from prober.gather.clock import Clock
from prober.gather.secrets import Keyring
from prober.gather.versions import Version
from prober.judge.verdict import is_turned_away, judge
from prober.model.chain import Step
from prober.model.observation import Observation
from prober.model.secret import Secret
from prober.model.verdict import StepResult, Verdict

#: How soon a service that takes an older version is shown the newest again.
TRY_AGAIN_SECONDS = 30.0

#: Of one step: two secrets of two versions each.
_MOST_LOOKS = 4

Choose = Callable[[str, Sequence[Version]], Version]


class Hand:
    """The keyring as one look has it: of each secret one version. It remembers which were taken."""

    def __init__(self, ring: Keyring, choose: Choose) -> None:
        """Take of each secret what `choose` says, once the look wants it."""
        self._ring, self._choose = ring, choose
        self.used: dict[str, Version] = {}
        self.compared: dict[str, Sequence[Version]] = {}
        self.heed, self.redactor, self.lent = ring.heed, ring.redactor, ring.lent

    def get(self, name: str) -> Secret:
        """One version of it, the same throughout the look; raises SecretUnavailable."""
        if name not in self.used:
            self.used[name] = self._choose(name, self._ring.held(name))
        return self.used[name].secret

    def held(self, name: str) -> Sequence[Version]:
        """All that count, for who compares; raises SecretUnavailable."""
        self.compared[name] = self._ring.held(name)
        return self.compared[name]

    @property
    def names(self) -> list[str]:
        """The secrets that the look needed."""
        return [*dict.fromkeys([*self.used, *self.compared])]

    @property
    def labels(self) -> Mapping[str, str]:
        """The versions that were taken, where their sources name them."""
        return {name: version.label for name, version in self.used.items() if version.label}


class Hands:
    """Gives each look a hand, and remembers which version each service takes."""

    def __init__(self, ring: Keyring, clock: Clock) -> None:
        """Choose among what `ring` holds."""
        self._ring, self._clock = ring, clock
        self._let_in: dict[tuple[str, ...], Version] = {}
        self._tried: dict[tuple[str, ...], float] = {}
        self._takes_before: dict[tuple[str, ...], bool] = {}  # a version whose time is over, when last tried

    async def look(self, step: Step, take: Callable[[Hand], Awaitable[Observation]]) -> StepResult:
        """What `take` sees with the version that counts, judged; with another one, if only that is let in."""
        hand = Hand(self._ring, lambda name, held: self._chosen(step, name, held))
        result = judge(step, _labelled(hand, await take(hand)))
        if step.is_control or not hand.names:
            return result
        if not is_turned_away(result):
            return self._learnt(hand, result)
        await self._ring.renew(hand.names)
        return await self._with_others(step, hand, result, take)

    async def _with_others(
        self, step: Step, hand: Hand, newest: StepResult, take: Callable[[Hand], Awaitable[Observation]]
    ) -> StepResult:
        """The first that is let in, or else what was seen with the newest of all."""
        for looks, other in enumerate(self._others(hand), start=2):
            again = replace(await take(other), attempts=looks)
            result = judge(step, _labelled(other, again))
            if result.verdict is Verdict.PASS:
                return self._learnt(other, result)
            if all(version is self._ring.held(name)[0] for name, version in other.used.items()):
                newest = result
        return await self._held_against_before(step, newest, hand, take)

    async def _held_against_before(
        self, step: Step, newest: StepResult, hand: Hand, take: Callable[[Hand], Awaitable[Observation]]
    ) -> StepResult:
        """Whether who refuses the newest takes the version whose time is over: that names who was left behind."""
        for name in hand.used:
            old, key = self._ring.outdated(name), _place(step, name)
            if old is None:
                continue
            if self._is_due((*key, "outdated")):
                seen = await take(Hand(self._ring, _only(name, old)))
                self._takes_before[key] = judge(step, seen).verdict is Verdict.PASS
            if self._takes_before.get(key) and newest.observation is not None:
                return judge(step, replace(newest.observation, left_behind={name: old.label}))
        return newest

    def _others(self, hand: Hand) -> Iterator[Hand]:
        """A hand for every other choice among what counts now, the newest first."""
        names = [*hand.used]
        choices = (dict(zip(names, each, strict=True)) for each in product(*(self._ring.held(name) for name in names)))
        is_new = any(tuple(held) != tuple(self._ring.held(name)) for name, held in hand.compared.items())
        others = (choice for choice in choices if is_new or choice != hand.used)
        for choice in islice(others, _MOST_LOOKS - 1):
            yield Hand(self._ring, lambda name, held, choice=choice: choice.get(name, held[0]))  # type: ignore[misc]  # of a default

    def _chosen(self, step: Step, name: str, held: Sequence[Version]) -> Version:
        """The newest, unless the service takes an older one and was shown the newest just now."""
        key = _place(step, name)
        last = self._let_in.get(key)
        if last is None or last is held[0] or last not in held:
            return held[0]
        return last if step.is_control or not self._is_due(key) else held[0]

    def _is_due(self, key: tuple[str, ...]) -> bool:
        """Whether that was not tried a moment ago; from now on it was."""
        now = self._clock.seconds()
        if now - self._tried.get(key, float("-inf")) < TRY_AGAIN_SECONDS:
            return False
        self._tried[key] = now
        return True

    def _learnt(self, hand: Hand, result: StepResult) -> StepResult:
        """Remember what let us in."""
        if result.verdict is Verdict.PASS:
            for name, version in hand.used.items():
                self._let_in[_place(result.step, name)] = version
        return result


def _labelled(hand: Hand, seen: Observation) -> Observation:
    """What was seen, and with which versions, where they have names."""
    return replace(seen, versions=labels) if (labels := hand.labels) else seen


def _only(name: str, version: Version) -> Choose:
    """This version of one secret, and the newest of all others."""
    return lambda each, held: version if each == name else held[0]


def _place(step: Step, name: str) -> tuple[str, ...]:
    """Who is shown the secret, as far as that matters: a service, by way of an issuer or not."""
    return (step.service.name, step.token.name if step.token else "", name)
