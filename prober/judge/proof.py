"""Secret match: what the run's comparisons say, and what its tokens prove without any secret leaving anyone.

A verifier that accepts a token signed with our copy of the key, and refuses the same claims under another key, holds
the same key as we do. The refusal is needed: a verifier that checks no signature accepts anything.
"""

from collections.abc import Iterator

from prober.judge.signals import verifier_role
from prober.model.chain import LocalIssuer, ValidateStep
from prober.model.observation import Match, Pair, SecretsSeen
from prober.model.verdict import Outcome, Run, StepResult

PROBER = "prober"


def secret_matches(run: Run) -> tuple[Pair, ...]:
    """Every pair of parties that was compared or proven; a direct comparison outranks a proof."""
    proven = {(pair.secret, pair.left, pair.right): pair for pair in _proven(run)}
    compared = {(pair.secret, pair.left, pair.right): pair for pair in _compared(run)}
    known = {key: pair for key, pair in compared.items() if pair.match is not Match.UNKNOWN or key not in proven}
    return tuple({**proven, **known}.values())


def _compared(run: Run) -> Iterator[Pair]:
    for result in run.results:
        seen = result.observation.seen if result.observation else None
        if isinstance(seen, SecretsSeen):
            yield from seen.pairs


def _proven(run: Run) -> Iterator[Pair]:
    """Only the auth service verifies with a key of its own for sure: a backend may be asking it."""
    for result in run.results:
        step = result.step
        if _accepted_ours(result) and isinstance(step.token, LocalIssuer) and _forgery_refused(result, run):
            why = f"{step.service.name} accepts a token signed with our copy and refuses a forged one"
            yield Pair(secret=step.token.secret, left=PROBER, right=step.service.name, match=Match.EQUAL, why=why)


def _accepted_ours(result: StepResult) -> bool:
    return isinstance(result.step, ValidateStep) and result.outcome is Outcome.ACCEPTED and not result.step.is_control


def _forgery_refused(result: StepResult, run: Run) -> bool:
    return any(
        other.step.door == result.step.door
        and other.step.token is not None
        and other.step.token.how == "forged"
        and other.outcome is Outcome.REFUSED
        and verifier_role(other.step) == verifier_role(result.step)
        for other in run.results
    )
