"""A gate in the words of a release manager: go or no-go, why, what the evidence proves, and whose fault it is."""

from collections.abc import Callable, Mapping

from prober.judge.gate import fewest_rounds
from prober.judge.gate import proven as lower_bound
from prober.model.aims import Aims
from prober.model.gate import Because, Gate, GateVerdict, Standing
from prober.publish import words
from prober.publish.document import moment

#: Shape before colour.
MARKS: Mapping[GateVerdict, str] = {GateVerdict.PASS: "✓", GateVerdict.FAIL: "✗", GateVerdict.INCONCLUSIVE: "?"}

HEADLINES: Mapping[GateVerdict, str] = {
    GateVerdict.PASS: "GO",
    GateVerdict.FAIL: "NO GO",
    GateVerdict.INCONCLUSIVE: "NOT ENOUGH EVIDENCE",
}


def headline(gate: Gate) -> str:
    """Which chain, and go or no-go: `validation: NO GO.` is one."""
    return f"{gate.chain}: {HEADLINES[gate.verdict]}."


def sentence(gate: Gate) -> str:
    """The headline, why, and how it stands to what held before the deploy."""
    return " ".join(filter(None, (headline(gate), why(gate), standing(gate))))


def why(gate: Gate) -> str:
    """Why the gate came to its verdict."""
    return _WHYS[gate.because](gate)


def _held(gate: Gate) -> str:
    return f"{_rounds_held(gate)}, which proves {proven(gate)}."


def _broke(gate: Gate) -> str:
    cause = words.cause_sentence(gate.report)
    return " ".join(filter(None, (cause, f"{_rounds_failed(gate)}.")))


def _fail_open(gate: Gate) -> str:
    return words.open_doors_sentence(gate.report) or "Auth is failing OPEN."


def _undecided(gate: Gate) -> str:
    if gate.aims.proven is not None and not gate.failures:
        wanted = f"{100 * gate.aims.proven:.1f} %"
        return f"{_rounds_held(gate)}, which proves {proven(gate)}; {wanted} was to be proven."
    if not gate.failures or gate.failures == gate.samples:
        return f"{_rounds_held(gate)}: too few rounds to tell. {words.cause_sentence(gate.report)}".rstrip()
    held = f"{_rounds_held(gate)}: too many for a broken service, too few for a good one"
    return f"{held}. {words.cause_sentence(gate.report)}".rstrip()


def _blind(gate: Gate) -> str:
    ours = f"{_unjudged(gate)} could not be judged, by {words.own_fault(gate.report)}"
    return f"{ours}. {words.cause_sentence(gate.report)}".rstrip()


def _moot(gate: Gate) -> str:
    return f"{_unjudged(gate)} could not be judged: what they wanted to look at was not there, or the time was over."


def _not_deployed(gate: Gate) -> str:
    return f"{_rounds_held(gate)}, but {gate.aims.revision}, which was announced, was not what answered in the end."


def _restarting(gate: Gate) -> str:
    return f"{_rounds_held(gate)}, but a service was started anew again and again meanwhile."


_WHYS: Mapping[Because, Callable[[Gate], str]] = {
    Because.HELD: _held,
    Because.BROKE: _broke,
    Because.SAME_STEP: _broke,
    Because.FAIL_OPEN: _fail_open,
    Because.UNDECIDED: _undecided,
    Because.BLIND: _blind,
    Because.MOOT: _moot,
    Because.NOT_DEPLOYED: _not_deployed,
    Because.RESTARTING: _restarting,
}


def _rounds_held(gate: Gate) -> str:
    return f"{gate.samples - gate.failures} of {_rounds(gate.samples)} held"


def _rounds_failed(gate: Gate) -> str:
    return f"{gate.failures} of {_rounds(gate.samples)} failed"


def _unjudged(gate: Gate) -> str:
    return f"{len(gate.rounds) - gate.samples} of {_rounds(len(gate.rounds))}"


def _rounds(count: int) -> str:
    return f"{count} round" if count == 1 else f"{count} rounds"


def proven(gate: Gate) -> str:
    """`≥ 95.0 % at 95 % confidence`: what so many rounds prove, and not more."""
    bound = int(gate.lower * 1000) / 10  # never rounded up
    confidence = f"{100 * gate.aims.confidence:.0f} %"
    return f"≥ {bound:.1f} % at {confidence} confidence"


def unprovable(aims: Aims) -> str:
    """Why such a gate can never prove what it is to prove; empty where it can."""
    if aims.proven is None or lower_bound(aims.most_rounds, 0, aims.confidence) >= aims.proven:
        return ""
    needed, most = fewest_rounds(aims.proven, aims.confidence), aims.most_rounds
    return f"{aims.proven} takes {needed} rounds that all hold, and there are {most}: write less, or more rounds"


_STANDINGS: Mapping[Standing, str] = {
    Standing.HEALTHY: "So it was before.",
    Standing.REGRESSION: "Before the deploy all was well: this is a REGRESSION.",
    Standing.STILL_FAILING: "It failed before the deploy already: this deploy did not break it, nor mend it.",
    Standing.FAILING_OTHERWISE: "It failed before the deploy too, but otherwise: look at what is new.",
    Standing.FIXED: "It failed before the deploy: this deploy FIXED it.",
    Standing.UNKNOWN: "",
}


def standing(gate: Gate) -> str:
    """How it stands to what held before; empty where nobody looked."""
    return _STANDINGS[gate.standing]


def before(gate: Gate) -> str:
    """What held before, in one line; empty where nobody looked."""
    if gate.before is None:
        return ""
    runs = "the last run" if gate.before.runs == 1 else f"the last {gate.before.runs} runs"
    told = {True: "failing", False: "all well", None: "not known"}[gate.before.failing]
    causes = f" ({', '.join(gate.before.causes)})" if gate.before.causes else ""
    return f"{told}{causes}, by {runs} until {moment(gate.before.at)}"
