"""What one step and one run came to: PASS, FAIL, BLIND (we could not look) or SKIP (moot, with why)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from prober.model.chain import Chain, Step, Trigger
from prober.model.copies import Copy
from prober.model.observation import Observation
from prober.model.slot import Slot
from prober.model.trouble import Whose


class Verdict(StrEnum):
    """What a step came to."""

    PASS = "pass"
    FAIL = "fail"  # the target
    BLIND = "blind"  # us: says nothing about the target
    SKIP = "skip"  # not run, or run and moot: never green


class RunVerdict(StrEnum):
    """What a whole run came to."""

    PASS = "pass"
    FAIL = "fail"
    BLIND = "blind"
    PARTIAL = "partial"


class Outcome(StrEnum):
    """What a verifier did with a token."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNCLEAR = "unclear"


class Reason(StrEnum):
    """Why a step has its verdict: the closed set behind the metrics' `reason` label."""

    OK = "ok"
    # with FAIL, what was seen is not what was expected
    STATUS = "status"
    CONDITION = "condition"  # a JSON condition or first event
    REFUSED = "refused"  # a good token
    ACCEPTED = "accepted"  # a bad token: auth is failing open
    CLOSED = "closed"  # the socket, with another code than a refusal
    SILENT = "silent"  # accepted, then no welcome or no pong
    IDENTITY = "identity"  # welcomed as somebody else
    MISMATCH = "mismatch"  # secrets differ
    CERTIFICATE = "certificate"
    DNS = "dns"
    CONNECTION_REFUSED = "connection_refused"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"
    # with SKIP, moot
    NEEDS = "needs"  # a step it needs did not pass
    NO_TOKEN = "no_token"  # nothing to send
    UNPAIRED = "unpaired"  # a refusal next to which the good token was refused too
    UNCLEAR = "unclear"  # a control that was neither accepted nor refused
    UNAVAILABLE = "unavailable"  # nowhere to compare
    CHAIN_DEADLINE = "chain_deadline"
    # with BLIND, our own
    OWN_SECRET = "own_secret"
    OWN_FAULT = "own_fault"
    OWN_PAUSE = "own_pause"  # an operator has stopped what we send there
    OWN_CAUSE = "own_cause"  # a failure that the diagnosis traced to us
    MAYBE_OWN = "maybe_own"  # a failure that may be ours as well as the target's, which the diagnosis cannot tell
    OWN_STALL = "own_stall"  # we stood still meanwhile, and came too late
    OWN_ACCESS = "own_access"  # the platform before the service lets it answer others, and not us
    OWN_CLOCK = "own_clock"  # our wall clock was set meanwhile, and tokens bear its time
    OWN_SELFTEST = "own_selftest"  # our self-test fails, so that our verdicts mean nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """One step of one run: the verdict, its reason, one sentence, and the observation it rests on."""

    step: Step
    verdict: Verdict
    reason: Reason
    detail: str
    outcome: Outcome | None = None  # set where a token met a verifier
    origin: Whose | None = None  # whose fault a FAIL or BLIND is
    observation: Observation | None = None  # None: not run


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One walk through one chain."""

    id: str
    chain: Chain
    trigger: Trigger
    began: datetime
    ended: datetime
    results: tuple[StepResult, ...]
    second_looks: tuple[StepResult, ...] = ()  # failed looks taken once more, for the diagnosis alone
    reason: str = ""  # what the caller who triggered it said
    revision: str = ""  # the revision the caller announced
    doubt: str = ""  # why our own judgement was not to be trusted when it ended
    copies: tuple[Copy, ...] = ()  # of our secrets whose sources know versions, as they were when it ended
    slot: Slot | None = None  # the due turn this run took; None: nobody's turn, it was asked for

    @property
    def verdict(self) -> RunVerdict:
        """The run's verdict, derived: a failure outranks everything, and nothing run is never green.

        Follow-ups speak to the diagnosis: what they ask is no part of what should hold.
        """
        return _run_verdict({result.verdict for result in self.results if not result.step.is_follow_up})

    def with_results(self, results: tuple[StepResult, ...]) -> Self:
        """The same run with its results judged further."""
        return replace(self, results=results)

    def result(self, name: str) -> StepResult | None:
        """The result of the step called `name`, if the chain has it."""
        return next((result for result in self.results if result.step.name == name), None)


def _run_verdict(verdicts: Iterable[Verdict]) -> RunVerdict:
    match set(verdicts):
        case seen if Verdict.FAIL in seen:
            return RunVerdict.FAIL
        case seen if seen == {Verdict.PASS}:
            return RunVerdict.PASS
        case seen if Verdict.BLIND in seen or not seen:
            return RunVerdict.BLIND
    return RunVerdict.PARTIAL
