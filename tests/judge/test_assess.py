"""A run, its causes and the long view become one report."""

from dataclasses import replace

import pytest

from prober.judge.assess import assess, book_own_faults
from prober.judge.causes import catalogue
from prober.judge.verdict import judge
from prober.judge.window import WINDOWS, window
from prober.model.chain import Trigger
from prober.model.diagnosis import Confidence, State
from prober.model.observation import Match
from prober.model.trend import Past
from prober.model.trouble import TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, RunVerdict, StepResult, Verdict
from tests import builders as b

VALID = b.http(200, {"valid": True, "user_id": b.SUBJECT})
INVALID = b.http(200, {"valid": False})
NO_PAST = Past()

GOOD = b.http_step("messages")
OURS = b.validate_step("auth-validates-ours")
OWN = b.validate_step("auth-validates-own", token=b.ROUTE)
MESSAGES_OWN = b.http_step("messages-own", token=b.ROUTE)
NO_TOKEN = b.http_step("no-token", token=b.NONE, expect=b.REFUSED)
FORGED = b.http_step("forged", token=b.FORGED, expect=b.REFUSED)

#: Auth's own token is accepted everywhere, ours nowhere: our copy of the key is the wrong one.
WRONG_COPY = (
    (b.health_step(b.AUTH), b.http(200)),
    (b.health_step(b.BACKEND), b.http(200)),
    (b.mint_step(), b.minted()),
    (OWN, VALID),
    (OURS, INVALID),
    (MESSAGES_OWN, b.http(200)),
    (GOOD, b.http(401, {"error": "Token validation failed"})),
    (
        b.secret_match_step(),
        b.secrets_seen(prober_auth=Match.DIFFERENT, prober_backend=Match.DIFFERENT, auth_backend=Match.EQUAL),
    ),
)

#: Everybody refuses our token, and nobody was asked about another.
ONLY_OURS = (
    (b.health_step(b.AUTH), b.http(200)),
    (b.health_step(b.BACKEND), b.http(200)),
    (OURS, INVALID),
    (GOOD, b.http(401, {"error": "Token validation failed"})),
)


def results(*looks):
    """What these looks come to, each for itself."""
    return tuple(judge(step, b.look(seen)) for step, seen in looks)


def report(*looks, past=NO_PAST, **more):
    """The report of a run with these looks."""
    return assess(b.run(b.chain(), *results(*looks), **more), past, catalogue())


def verdicts(told):
    """The verdict and reason of each step of a report."""
    return {result.step.name: (result.verdict, result.reason) for result in told.run.results}


def samples(windows):
    """Samples and successes of each window."""
    return {(each.samples, each.successes) for each in windows}


class TestWhoseFault:
    """A cause that is ours is never booked on the target."""

    def test_failures_with_a_cause_of_ours_are_blind(self):
        """The failures that our wrong copy of the key explains say nothing about the services; the rest stands."""
        told = report(*WRONG_COPY)

        assert ["prober_secret_wrong"] == [named.cause.name for named in told.diagnosis.causes]
        assert RunVerdict.BLIND is told.run.verdict
        assert {
            "auth-health": (Verdict.PASS, Reason.OK),
            "backend-health": (Verdict.PASS, Reason.OK),
            "mint": (Verdict.PASS, Reason.OK),
            "auth-validates-own": (Verdict.PASS, Reason.OK),
            "auth-validates-ours": (Verdict.BLIND, Reason.OWN_CAUSE),
            "messages-own": (Verdict.PASS, Reason.OK),
            "messages": (Verdict.BLIND, Reason.OWN_CAUSE),
            "secret-match": (Verdict.BLIND, Reason.OWN_CAUSE),
        } == verdicts(told)

    def test_of_several_causes_of_ours_none_is_told_as_the_one(self):
        """Our key or our claims: who reads one step must not go looking for one of them alone."""
        diagnosis = report(*WRONG_COPY).diagnosis
        (key,) = (replace(each, confidence=Confidence.MEDIUM) for each in diagnosis.causes)
        claims = replace(key, cause=next(each for each in catalogue() if each.name == "claims_rejected"))
        run = b.run(b.chain(), *results(*WRONG_COPY))
        told = book_own_faults(run, replace(diagnosis, causes=(key, claims))).result("messages")

        assert Reason.OWN_CAUSE is told.reason
        assert told.detail.endswith(f"{key.cause.title} or {claims.cause.title}")

    def test_what_is_booked_on_us_says_so(self):
        """The step keeps what it saw, and adds the cause and whose it is."""
        booked = report(*WRONG_COPY).run.result("messages")

        assert Whose.PROBER is booked.origin
        assert booked.detail.startswith("401 Unauthorized: Token validation failed; ")
        assert booked.detail.endswith(report(*WRONG_COPY).diagnosis.causes[0].cause.title)

    def test_a_blind_run_counts_nowhere(self):
        """Neither the chain nor the steps that we were blind at have a sample of it; steps that passed do."""
        told = report(*WRONG_COPY)

        assert {(0, 0)} == samples(told.windows)
        assert {(0, 0)} == samples(told.step_windows["messages"])
        assert {(1, 1)} == samples(told.step_windows["messages-own"])

    def test_failures_with_a_cause_of_theirs_are_theirs(self):
        """A service that does not answer has failed."""
        told = report((b.health_step(b.AUTH), b.http(200)), (b.health_step(b.BACKEND), b.trouble()))

        assert (RunVerdict.FAIL, Whose.TARGET) == (told.run.verdict, told.run.result("backend-health").origin)

    def test_an_unrelated_failure_beside_our_own_stays_theirs(self):
        """Only what our cause explains is booked on us."""
        stream = (b.stream_step("shop", request=b.request(path="/x")), b.http(418))
        run = b.run(b.chain(), *results(*WRONG_COPY, stream))
        diagnosis = report(*WRONG_COPY).diagnosis

        booked = book_own_faults(run, diagnosis)

        assert Verdict.FAIL is booked.result("shop").verdict
        assert RunVerdict.FAIL is booked.verdict

    def test_who_still_takes_the_version_of_before_is_no_fault_of_ours(self):
        """We hold the newest, and can show that this one was left behind."""
        run = b.run(b.chain(), *results(*WRONG_COPY))
        behind = [
            replace(each, observation=replace(each.observation, left_behind={"jwt": "6"}))
            if each.step.name == "messages"
            else each
            for each in run.results
        ]

        booked = book_own_faults(run.with_results(tuple(behind)), report(*WRONG_COPY).diagnosis)

        assert (Verdict.FAIL, Verdict.BLIND) == (
            booked.result("messages").verdict,
            booked.result("auth-validates-ours").verdict,
        )

    def test_what_may_as_well_be_ours_is_not_booked_on_them(self):
        """Everybody refuses what we sign, auth itself first, and nobody tried what auth mints: our key, or the user."""
        told = report(*ONLY_OURS)
        booked = told.run.result("messages")

        assert {"prober_secret_wrong", "test_user_revoked"} < {named.cause.name for named in told.diagnosis.causes}
        assert RunVerdict.BLIND is told.run.verdict
        assert (Verdict.BLIND, Reason.MAYBE_OWN, Whose.PROBER) == (booked.verdict, booked.reason, booked.origin)
        assert "may be the prober's own fault" in booked.detail
        assert "as well as the target's" in booked.detail
        assert {(0, 0)} == samples(told.windows)

    def test_one_token_that_auth_minted_tells_whose_it_is(self):
        """Refused as well, it is the target; accepted, it is us."""
        refused, accepted = ((OWN, seen) for seen in (INVALID, VALID))

        assert RunVerdict.FAIL is report(*ONLY_OURS, (b.mint_step(), b.minted()), refused).run.verdict
        assert RunVerdict.BLIND is report(*ONLY_OURS, (b.mint_step(), b.minted()), accepted).run.verdict

    def test_a_door_alone_that_refuses_us_is_theirs(self):
        """Where auth was not asked, or takes our token, a dozen faults of theirs look so: that must wake somebody."""
        door = (GOOD, b.http(401, {"error": "Token validation failed"}))

        assert RunVerdict.FAIL is report(door).run.verdict
        assert RunVerdict.FAIL is report((OURS, VALID), door).run.verdict

    def test_what_is_no_refusal_of_our_token_is_theirs_whatever_else_may_be_ours(self):
        """A crash, or auth's own token refused, is seen by users too: doubt about our key hides no outage."""
        crash = (b.stream_step("shop", request=b.request(path="/x")), b.http(500))

        told = report(*ONLY_OURS, crash)

        assert (RunVerdict.FAIL, Verdict.FAIL) == (told.run.verdict, told.run.result("shop").verdict)

    def test_beside_a_fault_of_theirs_ours_stays_ours(self):
        """Of two sure causes, what ours alone explains is BLIND, and what theirs explains as well is FAIL."""
        run = b.run(b.chain(), *results(*WRONG_COPY))
        (ours,) = report(*WRONG_COPY).diagnosis.causes
        at_the_door = tuple(reading for reading in ours.explains if "messages" in reading.steps)
        theirs = replace(ours, cause=next(cause for cause in catalogue() if not cause.ours), explains=at_the_door)

        booked = book_own_faults(run, replace(report(*WRONG_COPY).diagnosis, causes=(ours, theirs)))

        assert RunVerdict.FAIL is booked.verdict
        assert (Verdict.BLIND, Verdict.FAIL) == (
            booked.result("auth-validates-ours").verdict,
            booked.result("messages").verdict,
        )

    def test_whichever_of_ours_it_is_it_is_ours(self):
        """A tie between causes that are all ours is booked on us."""
        run = b.run(b.chain(), *results(*WRONG_COPY))
        diagnosis = report(*WRONG_COPY).diagnosis
        booked = book_own_faults(run, replace(diagnosis, state=State.AMBIGUOUS, causes=diagnosis.causes * 2))

        assert RunVerdict.BLIND is booked.verdict


class TestCounting:
    """The success ratio counts what the schedule did, and nothing else."""

    @pytest.mark.parametrize("trigger", [Trigger.MANUAL, Trigger.DEPLOY, Trigger.BURST])
    def test_only_scheduled_runs_count(self, trigger):
        """Runs that somebody asked for come when something is wrong, and would over-sample failures."""
        told = report((GOOD, b.http(200)), trigger=trigger)

        assert {(0, 0)} == samples(told.windows)
        assert {(0, 0)} == samples(told.step_windows["messages"])

    @pytest.mark.parametrize(("status", "successes"), [(200, 1), (403, 0)])
    def test_a_scheduled_run_is_one_sample(self, status, successes):
        """Of every window, of the chain and of its step."""
        told = report((GOOD, b.http(status)))

        assert list(WINDOWS) == [each.name for each in told.windows]
        assert {(1, successes)} == samples(told.windows) == samples(told.step_windows["messages"])

    def test_it_is_added_to_what_was(self):
        """The windows of the run before, and this one."""
        chain = tuple(window(name, 9, 8) for name in WINDOWS)
        step = tuple(window(name, 4, 4) for name in WINDOWS)

        told = report((GOOD, b.http(403)), past=Past(chain=chain, steps={"messages": step, "gone": step}))

        assert ({(10, 8)}, {(5, 4)}) == (samples(told.windows), samples(told.step_windows["messages"]))
        assert {"messages"} == told.step_windows.keys()

    def test_a_skipped_step_is_no_sample(self):
        """A run with one is partial, and no sample either."""
        skipped = StepResult(step=OURS, verdict=Verdict.SKIP, reason=Reason.NEEDS, detail="")
        run = b.run(b.chain(), *results((GOOD, b.http(200))), skipped)

        told = assess(run, NO_PAST, catalogue())

        assert RunVerdict.PARTIAL is told.run.verdict
        assert {(0, 0)} == samples(told.windows) == samples(told.step_windows[OURS.name])


class TestControls:
    """A refusal beside a refused good token proves nothing."""

    def test_a_refusal_beside_an_accepted_good_token_passes(self):
        """The door tells them apart."""
        told = report((GOOD, b.http(200)), (NO_TOKEN, b.http(401)))

        assert (Verdict.PASS, Reason.OK) == verdicts(told)["no-token"]
        assert [("none", "backend", "backend", Outcome.REFUSED, "no-token")] == [
            (c.name, c.verifier, c.service, c.outcome, c.step) for c in told.controls
        ]

    def test_a_refusal_beside_a_refused_good_token_is_settled_as_unclear(self):
        """What refuses all is down, not secure."""
        told = report((GOOD, b.http(401)), (NO_TOKEN, b.http(401)))

        assert (Verdict.SKIP, Reason.UNPAIRED) == verdicts(told)["no-token"]
        assert [Outcome.UNCLEAR] == [c.outcome for c in told.controls]

    def test_an_accepted_bad_token_fails_and_is_diagnosed(self):
        """The controls are settled before the causes are sought."""
        told = report((GOOD, b.http(200)), (NO_TOKEN, b.http(401)), (FORGED, b.http(200)))

        assert (Verdict.FAIL, Reason.ACCEPTED) == verdicts(told)["forged"]
        assert "signature_unchecked" in {named.cause.name for named in told.diagnosis.causes}


class TestMatrix:
    """Who accepts whose token."""

    def test_a_cell_for_each_good_token_that_met_a_verifier(self):
        """By roles; controls are told apart from them."""
        told = report((OURS, INVALID), (OWN, VALID), (GOOD, b.http(500)), (NO_TOKEN, b.http(401)))

        assert [
            ("local", "auth", Outcome.REFUSED, "auth-validates-ours"),
            ("auth", "auth", Outcome.ACCEPTED, "auth-validates-own"),
            ("local", "backend", Outcome.UNCLEAR, "messages"),
        ] == [(cell.issuer, cell.verifier, cell.outcome, cell.step) for cell in told.matrix]

    def test_a_token_that_met_nobody_has_no_cell(self):
        """Skipped, blind, or never a token."""
        blind = b.trouble(TroubleKind.OWN_SECRET, Whose.PROBER)

        told = report((b.health_step(), b.http(200)), (GOOD, blind), (b.mint_step(), b.minted()))

        assert ((), ()) == (told.matrix, told.controls)


def test_a_healthy_run_has_no_cause():
    """And says what the services told of themselves, and which keys are equal."""
    told = report((GOOD, b.http(200)), (b.secret_match_step(), b.secrets_seen(auth_backend=Match.EQUAL)))

    assert (RunVerdict.PASS, State.HEALTHY, ()) == (told.run.verdict, told.diagnosis.state, told.diagnosis.causes)
    assert [("auth", "backend", Match.EQUAL)] == [(pair.left, pair.right, pair.match) for pair in told.secrets]
    assert {"auth", "backend"} == {fact.service for fact in told.facts}
