"""A plan of one chain, and whole reports of it: one healthy, one as the third incident report saw it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from prober.judge.assess import assess
from prober.judge.causes import catalogue
from prober.judge.signals import accepts, secrets
from prober.judge.verdict import judge
from prober.model.chain import Plan, Step, Trigger
from prober.model.diagnosis import Cause, Confidence, Diagnosis, Layer, Named, RuledOut, State, Why
from prober.model.observation import Initiator, Match, Pair, Seen, TokenSeen
from prober.model.report import Cell, Control, Facts, Report
from prober.model.signal import Reading
from prober.model.trend import Past, Window
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, StepResult, Verdict
from tests import builders as b

CAUSES = ("jwt_secret_drift", "service_credentials_missing", "ws_open_to_anyone")

HEALTH = b.health_step(b.AUTH)
MINT = b.mint_step()
MESSAGES = b.http_step()
SOCKET = b.websocket_step(needs=("mint",))
NO_TOKEN = b.http_step("messages-refuses-no-token", token=b.NONE, expect=b.REFUSED)
FORGED_SOCKET = b.websocket_step("websocket-refuses-forged", token=b.FORGED, expect=b.REFUSED)
SECRETS = b.secret_match_step()
STEPS: tuple[Step, ...] = (HEALTH, MINT, MESSAGES, SOCKET, NO_TOKEN, FORGED_SOCKET, SECRETS)

DRIFT = Cause(
    name="jwt_secret_drift",
    family="B",
    title="auth and backend hold different signing keys",
    predicts={},
    layers=(Layer("the backend refuses the token"), Layer("its key differs")),
    remedy=("Make JWT_SECRET the same version in both services.", "Restart the backend: it reads the key at start."),
    verify="prober run: secret-match passes.",
    page="",
    masks=("token_expired_early",),
)


def build_plan(*names: str, steps: Sequence[Step] = STEPS) -> Plan:
    """A plan with a chain of `steps` for each name; one called `validation` unless told otherwise."""
    issuers = {issuer.name: issuer for issuer in (b.LOCAL, b.ROUTE, b.FORGED, b.NONE)}
    chains = {name: b.chain(*steps, name=name) for name in names or ("validation",)}
    services = {service.name: service for service in (b.AUTH, b.BACKEND)}
    return Plan(environment="staging", services=services, issuers=issuers, secrets={"jwt": "env:JWT"}, chains=chains)


def result(step: Step, seen: Seen | Trouble | None, verdict: Verdict = Verdict.PASS, **more: Any) -> StepResult:
    """What `step` came to, having seen `seen`; None: it was not run."""
    phases = {Phase.CONNECT: 0.002, Phase.FIRST_BYTE: 0.008}
    look = b.look(seen, phases=phases) if seen is not None else None
    given = {"reason": Reason.OK, "detail": "as expected", "observation": look, **more}
    return StepResult(step=step, verdict=verdict, **given)


def healthy_results() -> tuple[StepResult, ...]:
    """Every step held."""
    refused = b.refused_late(error_code="AUTH_REQUIRED")
    return (
        result(HEALTH, b.http(200)),
        result(MINT, b.minted()),
        result(MESSAGES, b.http(200), outcome=Outcome.ACCEPTED),
        result(SOCKET, b.welcomed(), outcome=Outcome.ACCEPTED),
        result(NO_TOKEN, b.http(403), outcome=Outcome.REFUSED),
        result(FORGED_SOCKET, refused, outcome=Outcome.REFUSED),
        result(SECRETS, b.secrets_seen(auth_backend=Match.EQUAL), detail="1 pair equal"),
    )


def broken_results() -> tuple[StepResult, ...]:
    """The backend's key has drifted: good tokens are refused everywhere, so the controls prove nothing."""
    refused = {"reason": Reason.REFUSED, "outcome": Outcome.REFUSED, "origin": Whose.TARGET}
    moot = {"reason": Reason.UNPAIRED, "outcome": Outcome.UNCLEAR, "detail": "refused, but so was the good token"}
    late = b.refused_late(error_message="Authentication failed")
    mismatch = "jwt: auth and backend differ"
    return (
        result(HEALTH, b.http(200)),
        result(MINT, b.minted()),
        result(MESSAGES, b.http(403), Verdict.FAIL, detail="403 Forbidden: token_rejected", **refused),
        result(SOCKET, late, Verdict.FAIL, detail="accepted, then closed with 1008 policy violation", **refused),
        result(NO_TOKEN, b.http(403), Verdict.SKIP, **moot),
        result(FORGED_SOCKET, b.refused_early(), Verdict.SKIP, **moot),
        result(
            SECRETS,
            b.secrets_seen(auth_backend=Match.DIFFERENT),
            Verdict.FAIL,
            reason=Reason.MISMATCH,
            detail=mismatch,
            origin=Whose.TARGET,
        ),
    )


def drift_diagnosis() -> Diagnosis:
    """What explains `broken_results`."""
    differ = Reading(secrets("auth", "backend"), "different", ("secret-match",), normal=False)
    refused = Reading(accepts("local", "backend"), "refused", ("messages",), normal=False)
    minted = Reading(accepts("auth", "auth"), "accepted", ("mint",), normal=True)
    return Diagnosis(
        state=State.DIAGNOSED,
        causes=(Named(cause=DRIFT, confidence=Confidence.HIGH, explains=(differ, refused)),),
        whys=(
            Why(layer="surface", text="messages answers 403 Forbidden", steps=("messages", "websocket")),
            Why(layer="layer 1", text="the backend refuses tokens that auth signs", steps=("messages",)),
            Why(layer="root", text="auth and backend hold different signing keys", steps=("secret-match",)),
        ),
        ruled_out=(RuledOut(name="auth_down", by=minted),),
        masked=DRIFT.masks,
    )


def windows(successes: int, samples: int) -> tuple[Window, ...]:
    """Two windows with the same counts."""
    given = {"samples": samples, "successes": successes, "lower": 0.9, "upper": 0.99}
    return (Window(name="5m", seconds=300.0, **given), Window(name="1h", seconds=3600.0, **given))


def build_report(*results: StepResult, **more: Any) -> Report:
    """A report of a run that ended a second after noon; healthy unless given other results."""
    found = results or healthy_results()
    chain = b.chain(*STEPS, name=more.pop("chain", "validation"))
    run = {"began": b.NOON, "ended": b.NOON + timedelta(seconds=1), "trigger": Trigger.SCHEDULE}
    run |= {
        key: more.pop(key) for key in ("id", "trigger", "began", "ended", "reason", "revision", "slot") if key in more
    }
    given = {
        "diagnosis": Diagnosis(state=State.HEALTHY),
        "matrix": _matrix(found),
        "controls": _controls(found),
        "secrets": _pairs(found),
        "facts": (Facts(service="auth", version="1.4.0", revision="abc1234", clock_offset_seconds=-0.5),),
        "windows": windows(39, 40),
        "step_windows": {"messages": windows(40, 40)},
    }
    return Report(run=b.run(chain, *found, **run), **{**given, **more})


def broken_report(**more: Any) -> Report:
    """The third incident report's case, diagnosed."""
    return build_report(*broken_results(), **{"diagnosis": drift_diagnosis(), "windows": windows(25, 40), **more})


def hostile_report(rng: Random, *steps: Step) -> Report:
    """What comes of targets that answer whatever they like: any status, any code, any revision, any trouble."""
    chain = b.chain(*steps, name="validation")
    results = tuple(judge(step, b.look(_hostile(rng, step), phases=dict.fromkeys(Phase, 0.001))) for step in steps)
    run = b.run(chain, *results, trigger=rng.choice([*Trigger]), id=rng.randbytes(8).hex())
    report = assess(run, Past(), catalogue())
    told = rng.choice([f"r{rng.randrange(10**9)}", f'"}} 1\n{rng.randrange(10**9)}', rng.randbytes(20).hex()])
    return replace(report, facts=(Facts(service="auth", revision=told), Facts(service="backend", revision=told)))


def _hostile(rng: Random, step: Step) -> Seen | Trouble:
    status = rng.choice([200, 401, 403, rng.choice([-1, 0, 10**9, *range(100, 1000)])])
    code = rng.choice([None, 1000, 1008, rng.choice([0, 10**9, *range(1000, 5000)])])
    own = (TroubleKind.OWN_SECRET, TroubleKind.OWN_FAULT, TroubleKind.OWN_PAUSE)
    whose = {kind: Whose.PROBER if kind in own else Whose.TARGET for kind in TroubleKind}
    troubles = [Trouble(kind, of, rng.randbytes(8).hex()) for kind, of in whose.items()]
    seen: Mapping[str, Sequence[Seen]] = {
        "mint": [TokenSeen(traits=b.traits("auth")), TokenSeen(traits=b.traits("auth"), answer=b.http(status))],
        "secret_match": [b.secrets_seen(auth_backend=rng.choice([*Match]))],
        "websocket": [
            b.welcomed(),
            b.welcomed(close_code=code, initiator=Initiator.SERVER if code else Initiator.NONE),
            b.refused_late(code or 1008),
            b.refused_early(status),
        ],
    }
    return rng.choice([*seen.get(step.kind, [b.http(status), b.http(200)]), *rng.sample(troubles, 2)])


def with_detail(report: Report, detail: str) -> Report:
    """`report`, every step of it telling `detail`."""
    results = tuple(replace(each, detail=detail) for each in report.run.results)
    return replace(report, run=replace(report.run, results=results))


def _matrix(results: Sequence[StepResult]) -> tuple[Cell, ...]:
    """Where good tokens met verifiers."""
    met = [each for each in results if each.outcome and each.step.token and not each.step.is_control]
    return tuple(
        Cell(issuer=each.step.token.name, verifier=_verifier(each), outcome=each.outcome, step=each.step.name)
        for each in met
    )


def _controls(results: Sequence[StepResult]) -> tuple[Control, ...]:
    """Where bad ones did."""
    met = [each for each in results if each.outcome and each.step.token and each.step.is_control]
    return tuple(
        Control(
            name=each.step.token.name,
            verifier=_verifier(each),
            service=each.step.service.name,
            outcome=each.outcome,
            step=each.step.name,
        )
        for each in met
    )


def _verifier(each: StepResult) -> str:
    """As the diagnosis calls it."""
    return "websocket" if each.step.kind == "websocket" else each.step.service.name


def _pairs(results: Sequence[StepResult]) -> tuple[Pair, ...]:
    """Every comparison."""
    return tuple(pair for each in results for pair in getattr(getattr(each.observation, "seen", None), "pairs", ()))
