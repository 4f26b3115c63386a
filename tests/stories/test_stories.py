"""Break the lab in one way, look once: the verdict, the causes and the step that shows it are exactly what is right."""

from dataclasses import dataclass, field, replace

import pytest

from prober.app import Prober
from prober.judge.causes import catalogue
from prober.judge.signals import deploy
from prober.lab.faults import FAULTS, ONLY_THE_PLATFORM_SHOWS, SCENARIOS
from prober.model.chain import Trigger
from prober.model.diagnosis import State
from prober.model.observation import Match
from prober.model.verdict import Outcome, RunVerdict, Verdict
from prober.publish.document import document
from tests.stories.conftest import CONFIG

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIALECTS = ("real", "reports")

FAIL, BLIND, PARTIAL = RunVerdict.FAIL, RunVerdict.BLIND, RunVerdict.PARTIAL

# ── what nothing that we can read splits ─────────────────────────────────────────────────────────────────────────────

#: The backend does not hold our service secret: whether it holds none or another, only its own configuration tells.
SECRET_NOT_HELD = frozenset({"service_credentials_missing", "service_secret_drift_at_backend"})

#: The services of the reports refuse with the same empty words, so that their words split nothing.
SPEECHLESS_SECRET = SECRET_NOT_HELD | {"service_header_illegal"}

#: Nor do they show a breaker, or anything that the backend fetches from auth: who is refused at once may not be asked
#: about at all. A refusal that took a connection's timeout, or a budget's, would tell.
SPEECHLESS = frozenset({"service_id_drift_at_backend", "breaker_open", "backend_cannot_reach_auth"})


@dataclass(frozen=True)
class Story:
    """One fault: what the run must come to, a step that must show it, and the set it belongs to where not alone."""

    fault: str
    shown_by: str
    verdict: RunVerdict = FAIL
    real: frozenset[str] = field(default_factory=frozenset)
    reports: frozenset[str] = field(default_factory=frozenset)
    unsteady: bool = False  # a step that shows it may have passed in the round that is told

    def causes(self, dialect):
        """The causes that must be named, no more and no fewer."""
        return set(getattr(self, dialect) or {self.fault})


STORIES = (
    # X, the edge and the network
    Story("auth_unreachable_from_prober", "auth-health"),
    Story("edge_blocks_request", "messages-with-our-token"),
    Story("stale_revision", "backend-revision"),
    Story("platform_refuses_everybody", "backend-health"),
    Story("platform_hides_service", "backend-health"),
    Story("mixed_revisions", "backend-revision", unsteady=True),
    # B, the process
    Story("backend_down", "backend-health"),
    Story("backend_warming_up", "backend-health"),
    Story("backend_dependency_down", "messages-with-our-token"),
    Story("backend_crash_loop", "backend-health", unsteady=True),
    # M, minting
    Story("bypass_key_absent", "mint"),
    Story("bypass_key_mismatch", "mint"),
    Story("bypass_key_not_sent", "mint", BLIND),
    Story("mint_route_missing", "mint"),
    Story("token_signing_broken", "mint"),
    # D, trust in tokens
    Story("jwt_secret_drift", "secret-match"),
    Story("jwt_secret_drift_latent", "secret-match"),
    Story("prober_secret_wrong", "auth-validates-our-token", BLIND),
    Story("auth_disagrees_with_itself", "auth-validates-own-token"),
    Story("claims_rejected", "auth-validates-our-token", BLIND),
    Story("prober_clock_ahead", "auth-validates-our-token", BLIND),
    Story("prober_clock_behind", "auth-validates-our-token", BLIND),
    Story("service_clock_skew", "messages-with-auth-token"),
    Story("verifier_clock_far_ahead", "auth-validates-our-token"),
    Story("test_user_unknown", "messages-with-our-token"),
    Story("test_user_revoked", "auth-validates-own-token"),
    # E, service to service
    Story("service_credentials_missing", "messages-with-our-token", reports=SPEECHLESS_SECRET),
    Story("service_credentials_missing_tolerated", "secret-match", PARTIAL),
    Story("service_credentials_absent_at_auth", "service-credentials"),
    Story("service_secret_drift_at_auth", "service-credentials"),
    Story("service_secret_drift_at_backend", "secret-match", real=SECRET_NOT_HELD, reports=SPEECHLESS_SECRET),
    Story("service_id_drift_at_auth", "service-credentials"),
    Story("service_id_drift_at_backend", "messages-with-our-token", reports=SPEECHLESS),
    Story("service_header_illegal", "websocket-with-our-token", reports=SPEECHLESS_SECRET),
    Story("service_identity_regression", "stream"),
    # F, the way from backend to auth
    Story("auth_down", "auth-health"),
    Story("auth_down_local_fallback", "auth-health"),
    Story("auth_down_emergency_identity", "auth-health"),
    Story("auth_slower_than_budget", "messages-with-our-token"),
    Story("backend_cannot_reach_auth", "messages-with-our-token"),
    Story("platform_refuses_backend", "messages-with-our-token", reports=SPEECHLESS | {"platform_refuses_backend"}),
    Story("breaker_open", "messages-with-our-token", reports=SPEECHLESS),
    Story("validate_route_missing", "auth-validates-own-token"),
    # G, the WebSocket
    Story("upgrade_header_stripped", "websocket-with-auth-token"),
    Story("subprotocol_not_negotiated", "websocket-with-our-token"),
    Story("ws_crash_before_auth", "websocket-with-our-token"),
    Story("ws_crash_after_auth", "websocket-with-our-token"),
    Story("ws_crash_after_accept", "websocket-with-our-token"),
    Story("ws_not_ready", "websocket-with-our-token"),
    Story("ws_silent_after_accept", "websocket-with-our-token"),
    Story("ws_router_dead", "websocket-with-our-token"),
    Story("ws_origin_refused", "websocket-from-the-page"),
    Story("ws_path_missing", "websocket-with-our-token"),
    # H, too permissive
    Story("ws_open_to_anyone", "websocket-refuses-no-token"),
    Story("bypass_header_honoured", "websocket-refuses-spoofed"),
    Story("signature_unchecked", "messages-refuses-forged"),
    Story("expiry_unchecked", "messages-refuses-expired"),
    Story("demo_identity", "websocket-refuses-no-token"),
    Story("service_credentials_unchecked", "service-credentials-refuses-wrong"),
    # P, the prober itself
    Story("platform_refuses_prober", "backend-health", BLIND),
    Story("identity_token_rejected", "backend-health", BLIND),
)


def told_in(dialect, story):
    """A story in a dialect, as a case; of the second dialect the short form has those that are told otherwise there."""
    marks = [pytest.mark.long] if dialect == "reports" and not story.reports else []
    return pytest.param(dialect, story, id=f"{dialect}-{story.fault}", marks=marks)


@pytest.mark.parametrize(("dialect", "story"), [told_in(dialect, story) for dialect in DIALECTS for story in STORIES])
async def test_one_fault(tell, dialect, story):
    """The fault is named alone where that can be, else with all that nothing tells apart from it, and with no other."""
    told = await tell(dialect, story.fault)
    alone = len(story.causes(dialect)) == 1

    assert story.causes(dialect) == told.causes.keys(), told.text
    assert story.verdict is told.report.run.verdict
    assert (State.DIAGNOSED if alone else State.AMBIGUOUS) is told.report.diagnosis.state
    assert story.unsteady or told.report.diagnosis.unexplained == ()
    assert alone is ("high" in told.causes.values())
    shown_by = told.shown_by(story.fault)
    assert story.shown_by in shown_by or (story.unsteady and shown_by)
    assert story.unsteady or Verdict.PASS is not told.report.run.result(story.shown_by).verdict
    assert 1 == told.counted("prober_diagnosis_active", chain="validation", cause=story.fault)


async def test_every_cause_has_its_story():
    """What can be diagnosed is shown end to end; what only the platform shows, in test_attestation.py."""
    told = {story.fault for story in STORIES}
    assert told == {fault.name for fault in FAULTS}
    assert told | {fault.name for fault in ONLY_THE_PLATFORM_SHOWS} == {cause.name for cause in catalogue()}


# ── all is well ──────────────────────────────────────────────────────────────────────────────────────────────────────

#: Every good token at every door that takes one, and every bad token at every door that must refuse it.
MATRIX = {
    ("auth", "auth"),
    ("local", "auth"),
    ("local", "auth_as_service"),
    ("auth", "backend"),
    ("local", "backend"),
    ("local", "stream"),
    ("auth", "websocket"),
    ("local", "websocket"),
    ("local", "websocket_subprotocol"),
    ("local", "websocket_origin"),
}
CONTROLS = {
    ("forged", "auth"),
    ("expired", "auth"),
    ("credentials", "auth_as_service"),
    *((bad, door) for bad in ("none", "forged", "expired", "spoofed") for door in ("backend", "websocket")),
}


def assert_all_is_well(told):
    """Every step ran and passed, everybody accepts every good token and nobody a bad one, and nothing is blamed."""
    run = told.report.run
    assert [] == [(r.step.name, str(r.verdict), r.detail) for r in run.results if r.verdict is not Verdict.PASS]
    assert RunVerdict.PASS is run.verdict
    assert (State.HEALTHY, {}) == (told.report.diagnosis.state, told.causes)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nothing_is_wrong(tell, dialect):
    """A healthy environment passes with every step run, its matrix and controls filled, all keys equal, no cause."""
    told = await tell(dialect)

    assert_all_is_well(told)
    walked = [step.name for step in told.report.run.chain.steps if not step.is_follow_up]
    assert walked == [r.step.name for r in told.report.run.results]
    assert dict.fromkeys(MATRIX, Outcome.ACCEPTED) == {(c.issuer, c.verifier): c.outcome for c in told.report.matrix}
    assert dict.fromkeys(CONTROLS, Outcome.REFUSED) == {(c.name, c.verifier): c.outcome for c in told.report.controls}
    assert {Match.EQUAL} == {pair.match for pair in told.report.secrets}
    assert 0 == told.counted("prober_diagnosis_active")
    assert 0 == told.counted("prober_http_responses_total", expected="false")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", ["breaker_open", "auth_down", "service_credentials_missing"])
async def test_it_heals(tell, dialect, fault):
    """Once a fault is mended, the very next look finds nothing: neither the services nor we hold a grudge."""
    await tell(dialect, fault)

    assert_all_is_well(await tell(dialect))


# ── the incident reports ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Reported:
    """One incident report: what must be named, and which refusals it told of: (metric, code, was it expected)."""

    scenario: str
    causes: dict[str, str]
    codes: tuple[tuple[str, str, str], ...]


HTTP, HANDSHAKE = "prober_http_responses_total", "prober_websocket_handshakes_total"
REFUSED_EVERYWHERE = ((HTTP, "403", "false"), (HANDSHAKE, "403", "false"))

REPORTED = (
    # Whether the secret is missing, stale or not fit for a header, a backend without words does not tell.
    Reported("reported_service_secret_missing", dict.fromkeys(SPEECHLESS_SECRET, "medium"), REFUSED_EVERYWHERE),
    # Auth is surely down. Behind it the backend's key is not ours, and with auth gone nobody can say whose is wrong.
    Reported(
        "reported_auth_down_fallback",
        {"auth_down": "high", "jwt_secret_drift": "medium", "prober_secret_wrong": "medium"},
        REFUSED_EVERYWHERE,
    ),
    Reported("reported_jwt_secret_drift", {"jwt_secret_drift": "high"}, REFUSED_EVERYWHERE),
    # Only the route that calls on as the service refuses, and it refuses with a good token.
    Reported("reported_identity_regression", {"service_identity_regression": "high"}, ((HTTP, "403", "false"),)),
    # What fails is the mint, with 503. The 403 of this report is the one that a request without a token must get.
    Reported(
        "reported_bypass_key_missing",
        {"bypass_key_absent": "high"},
        ((HTTP, "503", "false"), (HTTP, "403", "true"), (HANDSHAKE, "403", "true")),
    ),
)


@pytest.mark.parametrize("story", REPORTED, ids=lambda story: story.scenario)
async def test_an_incident_as_it_was_reported(tell, story):
    """The cause is named as surely as it can be known; the 403 is in a step's evidence and on the metrics page."""
    told = await tell("real", story.scenario)  # a scenario brings its own dialect
    statuses = {str(step["status"]) for step in document(told.report)["steps"]}

    assert RunVerdict.FAIL is told.report.run.verdict
    assert story.causes == told.causes
    assert {code for _, code, _ in story.codes} <= statuses
    assert [] == [code for code in story.codes if told.counted(code[0], code=code[1], expected=code[2]) < 1]


async def test_a_refusal_after_the_accept_is_told_by_its_close_code(tell):
    """Where services refuse on the socket only after they accepted, evidence and metrics say 1008."""
    told = await tell("real", "jwt_secret_drift")
    (step,) = (s for s in document(told.report)["steps"] if s["name"] == "websocket-with-our-token")

    assert (1008, "post_accept") == (step["closeCode"], step["stage"])
    assert told.counted("prober_websocket_closes_total", code="1008", initiator="server", expected="false") >= 1
    assert told.counted("prober_auth_rejections_total", stage="post_accept", expected="false") >= 1


async def test_every_report_has_its_story():
    """All five are told."""
    assert {scenario.name for scenario in SCENARIOS} == {story.scenario for story in REPORTED}


async def test_two_faults_at_once_are_both_named(tell):
    """A missing bypass key beside service credentials that auth refuses: neither hides the other."""
    told = await tell("real", "bypass_key_absent", "service_secret_drift_at_auth")

    assert {"bypass_key_absent": "high", "service_secret_drift_at_auth": "high"} == told.causes


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_we_broke_ourselves_is_not_booked_on_them(tell, dialect):
    """With a wrong key of ours nothing counts as their failure, however red the run looks."""
    told = await tell(dialect, "prober_secret_wrong")

    assert set() == {result.step.name for result in told.report.run.results if result.verdict is Verdict.FAIL}
    assert 0 == told.counted("prober_step_results_total", verdict="fail")
    assert 1 <= told.counted("prober_chain_runs_total", verdict="blind")


async def test_a_deploy_before_the_first_failure_is_evidence(real_world):
    """The long-running prober knows the revision of the last run that passed, and cites that another answers now."""
    await real_world.change()
    prober = Prober(CONFIG, real_world.environment)
    try:
        await look(prober)
        await real_world.change("service_identity_regression")
        prober.engine = replace(prober.engine, plan=Prober(CONFIG, real_world.environment).plan)
        report = await look(prober)
    finally:
        await prober.aclose()
    cited = {why.text: why.steps for why in report.diagnosis.whys}

    assert "changed" == report.readings[deploy("backend")].value
    assert ["service_identity_regression"] == [named.cause.name for named in report.diagnosis.causes]
    assert any("revision" in text and "backend-health" in steps for text, steps in cited.items())


async def look(prober):
    """One run, with all that the prober remembers."""
    return await prober.turn(prober._errand(prober.plan.chains["validation"], Trigger.MANUAL))
