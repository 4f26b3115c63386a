"""Tests of prober/judge/verdict.py."""

from dataclasses import fields, replace

import pytest

from prober.judge.verdict import _resting_on, is_turned_away, judge, settle_controls
from prober.model.chain import Expectation, IdentityToken, RouteIssuer, SpoofedIssuer, TamperedIssuer
from prober.model.observation import HttpSeen, Initiator, Match, Stage, WebSocketSeen
from prober.model.trouble import TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, StepResult, Verdict
from tests import builders as b

PASS, FAIL, BLIND, SKIP = Verdict.PASS, Verdict.FAIL, Verdict.BLIND, Verdict.SKIP


def judged(step, seen):
    """The verdict and its reason."""
    result = judge(step, b.look(seen))
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("step", "seen", "expected"),
    [
        (b.http_step(), b.http(200), (PASS, Reason.OK)),
        (b.http_step(), b.http(403), (FAIL, Reason.REFUSED)),
        (b.http_step(), b.http(401), (FAIL, Reason.REFUSED)),
        (b.http_step(), b.http(500), (FAIL, Reason.STATUS)),
        (b.http_step(), b.http(302), (FAIL, Reason.STATUS)),
        (b.health_step(), b.http(200), (PASS, Reason.OK)),
        (b.health_step(), b.http(403), (FAIL, Reason.STATUS)),
        (b.health_step(expect=Expectation(json={"status": "healthy"})), b.http(200, {"status": "unhealthy"}),
         (FAIL, Reason.CONDITION)),
        (b.health_step(expect=Expectation(statuses=(204,))), b.http(200), (FAIL, Reason.STATUS)),
        (b.stream_step(expect=Expectation(first_event="stream_start")), b.http(first_event='{"type":"stream_start"}'),
         (PASS, Reason.OK)),
        (b.stream_step(expect=Expectation(first_event="stream_start")), b.http(first_event='{"type":"oops"}'),
         (FAIL, Reason.CONDITION)),
    ],
)  # fmt: skip
def test_an_answer_is_held_against_its_expectation(step, seen, expected):
    """Status, JSON conditions and the first event decide; the same 403 is a refusal only where a token was sent."""
    assert expected == judged(step, seen)


def test_a_result_rests_on_what_was_seen_and_says_what_it_said():
    """None of its fields is lost on the way, also none that is new."""
    said = {"step": b.http_step(), "verdict": FAIL, "reason": Reason.REFUSED, "detail": "why", "origin": Whose.TARGET}
    result, look = StepResult(**said, outcome=Outcome.REFUSED), b.look(b.http(401))

    assert {each.name for each in fields(StepResult)} == {*said, "outcome", "observation"}
    assert replace(result, observation=look) == _resting_on(look, result)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (b.http(200, {"valid": True, "user_id": b.SUBJECT}), (PASS, Reason.OK)),
        (b.http(200, {"valid": False, "error": "invalid_token"}), (FAIL, Reason.REFUSED)),
        (b.http(200, {"valid": True, "user_id": "somebody-else"}), (FAIL, Reason.CONDITION)),
        (b.http(200, None), (FAIL, Reason.CONDITION)),
        (b.http(401), (FAIL, Reason.REFUSED)),
        (b.http(404), (FAIL, Reason.STATUS)),
    ],
)
def test_a_validation_is_read_from_its_body(seen, expected):
    """A route that answers 200 to everything says no in its body, and yes only with our own subject."""
    assert expected == judged(b.validate_step(), seen)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (b.http(401), (PASS, Reason.OK)),
        (b.http(403), (PASS, Reason.OK)),
        (b.http(200), (FAIL, Reason.ACCEPTED)),
        (b.http(404), (SKIP, Reason.UNCLEAR)),
        (b.http(429), (SKIP, Reason.UNCLEAR)),
        (b.http(500), (SKIP, Reason.UNCLEAR)),
        (b.http(302), (SKIP, Reason.UNCLEAR)),
        (b.trouble(TroubleKind.TIMEOUT), (SKIP, Reason.UNCLEAR)),
    ],
)
def test_a_control_is_refused_accepted_or_unclear(seen, expected):
    """Only a refusal is right, only a 2xx is a door standing open; everything else proves nothing."""
    control = b.http_step(token=b.FORGED, expect=b.REFUSED)

    assert expected == judged(control, seen)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (b.welcomed(), (PASS, Reason.OK)),
        (b.refused_early(403), (FAIL, Reason.REFUSED)),
        (b.refused_early(401), (FAIL, Reason.REFUSED)),
        (b.refused_early(500), (FAIL, Reason.STATUS)),
        (b.refused_early(404), (FAIL, Reason.STATUS)),
        (b.refused_late(1008), (FAIL, Reason.REFUSED)),
        (b.refused_late(4401), (FAIL, Reason.REFUSED)),
        (b.refused_late(1011), (FAIL, Reason.CLOSED)),
        (WebSocketSeen(stage=Stage.POST_ACCEPT, status=101, close_code=1006), (FAIL, Reason.CLOSED)),
        (WebSocketSeen(stage=Stage.POST_ACCEPT, status=101), (FAIL, Reason.SILENT)),
        (WebSocketSeen(stage=Stage.POST_ACCEPT, status=101, close_code=1000, initiator=Initiator.CLIENT),
         (FAIL, Reason.SILENT)),
        (b.welcomed(identity="demo-user-1"), (FAIL, Reason.IDENTITY)),
        (b.welcomed(ponged=False), (FAIL, Reason.SILENT)),
        (b.welcomed(ponged=False, other_answer="(json: kind)"), (FAIL, Reason.CONDITION)),
        (b.welcomed(close_code=1008, initiator=Initiator.SERVER), (FAIL, Reason.REFUSED)),
        (b.welcomed(close_code=1011, initiator=Initiator.SERVER), (FAIL, Reason.CLOSED)),
    ],
)  # fmt: skip
def test_a_socket_is_good_only_when_welcomed_as_ourselves_and_kept(seen, expected):
    """A bare 101 proves nothing; 403 in the handshake and 1008 after accept are one refusal in two styles."""
    assert expected == judged(b.websocket_step(), seen)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (b.refused_early(403), (PASS, Reason.OK)),
        (b.refused_late(1008), (PASS, Reason.OK)),
        (b.welcomed(), (FAIL, Reason.ACCEPTED)),
        (b.refused_early(500), (SKIP, Reason.UNCLEAR)),
        (b.refused_late(1011), (SKIP, Reason.UNCLEAR)),
    ],
)
def test_a_control_on_a_socket(seen, expected):
    """Welcomed without a good token is open; a crash is neither open nor shut."""
    control = b.websocket_step(token=b.NONE, expect=b.REFUSED)

    assert expected == judged(control, seen)


@pytest.mark.parametrize(
    ("kind", "whose", "expected"),
    [
        (TroubleKind.CONNECTION_REFUSED, Whose.TARGET, (FAIL, Reason.CONNECTION_REFUSED, Whose.TARGET)),
        (TroubleKind.TIMEOUT, Whose.TARGET, (FAIL, Reason.TIMEOUT, Whose.TARGET)),
        (TroubleKind.DNS, Whose.PROBER, (BLIND, Reason.OWN_FAULT, Whose.PROBER)),
        (TroubleKind.OWN_SECRET, Whose.PROBER, (BLIND, Reason.OWN_SECRET, Whose.PROBER)),
        (TroubleKind.OWN_FAULT, Whose.PROBER, (BLIND, Reason.OWN_FAULT, Whose.PROBER)),
        (TroubleKind.NO_TOKEN, Whose.TARGET, (SKIP, Reason.NO_TOKEN, None)),
    ],
)
def test_trouble_is_booked_on_whom_it_belongs_to(kind, whose, expected):
    """Our own fault is BLIND, never the target's; a step that sent nothing is not run, and not-run is never green."""
    result = judge(b.http_step(), b.look(b.trouble(kind, whose)))

    assert expected == (result.verdict, result.reason, result.origin)


def test_every_kind_of_trouble_is_judged():
    """No kind of trouble, whoever's it is, is without a verdict."""
    verdicts = {judge(b.http_step(), b.look(b.trouble(kind, whose))).verdict for kind in TroubleKind for whose in Whose}

    assert {FAIL, BLIND, SKIP} == verdicts


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match.EQUAL, (PASS, Reason.OK)),
        (Match.DIFFERENT, (FAIL, Reason.MISMATCH)),
        (Match.EQUAL_AFTER_STRIP, (FAIL, Reason.MISMATCH)),
        (Match.UNKNOWN, (SKIP, Reason.UNAVAILABLE)),
    ],
)
def test_an_endpoint_that_is_not_there_is_unknown_never_a_mismatch(match, expected):
    """Different secrets fail, even by white space only; what could not be compared is neither."""
    seen = b.secrets_seen(auth_backend=match)

    assert expected == judged(b.secret_match_step(), seen)


def test_a_refused_mint_fails_with_what_the_route_said():
    """The bypass route tells its faults apart by itself; the detail passes that on."""
    result = judge(b.mint_step(), b.look(b.http(503, {"detail": "E2E authentication not configured"})))

    assert (FAIL, "no token: 503 Service Unavailable: E2E authentication not configured") == (
        result.verdict,
        result.detail,
    )


class TestPairing:
    """A refusal counts only beside a good token that was accepted at the same door."""

    good = b.http_step("good")
    again = b.http_step("again")
    control = b.http_step("control", token=b.FORGED, expect=b.REFUSED)

    def settled(self, first: HttpSeen, last: HttpSeen):
        """What becomes of a refused control between these two answers to good tokens."""
        results = (
            judge(self.good, b.look(first)),
            judge(self.control, b.look(b.http(401))),
            judge(self.again, b.look(last)),
        )
        return settle_controls(results)[1]

    def test_between_two_accepted_tokens_it_stands(self):
        """Positive, negative, positive: the door is shut to forgeries and open to us."""
        result = self.settled(b.http(200), b.http(200))

        assert (PASS, Outcome.REFUSED) == (result.verdict, result.outcome)

    @pytest.mark.parametrize(("first", "last"), [(401, 200), (200, 401), (500, 200), (401, 401)])
    def test_beside_a_refused_token_it_proves_nothing(self, first, last):
        """A service that refuses everything is not secure, it is down."""
        result = self.settled(b.http(first), b.http(last))

        assert (SKIP, Reason.UNPAIRED, Outcome.UNCLEAR) == (result.verdict, result.reason, result.outcome)

    def test_an_accepted_forgery_stands_whatever_the_good_token_met(self):
        """Nothing excuses an open door."""
        results = (judge(self.good, b.look(b.http(500))), judge(self.control, b.look(b.http(200))))

        assert FAIL is settle_controls(results)[1].verdict


class TestIntrospection:
    """A route that says yes and no in the body of a 200, in its own words (RFC 7662 §2.2)."""

    good = b.validate_step("good", expect=Expectation(json={"active": True, "sub": b.SUBJECT}))
    control = b.validate_step(
        "control", token=b.FORGED, expect=replace(b.REFUSED, accepted_json={"active": True, "sub": b.SUBJECT})
    )

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"active": False}, (PASS, Outcome.REFUSED)),
            ({"active": True, "sub": b.SUBJECT}, (FAIL, Outcome.ACCEPTED)),
            ({"active": True, "sub": "somebody-else"}, (FAIL, Outcome.ACCEPTED)),
            ({"message": "hello"}, (SKIP, Outcome.UNCLEAR)),
        ],
    )
    def test_a_bad_token_is_refused_where_what_is_true_of_a_good_one_is_false(self, body, expected):
        """A no in the body is no open door; a yes is one, whomever it names; anything else proves nothing."""
        result = judge(self.control, b.look(b.http(200, body)))

        assert expected == (result.verdict, result.outcome)

    def test_a_good_token_that_is_told_no_was_refused(self):
        """The same no, to a good token, is a refusal and not some unmet condition."""
        result = judge(self.good, b.look(b.http(200, {"active": False})))

        assert (FAIL, Reason.REFUSED) == (result.verdict, result.reason)

    def test_a_refusal_may_be_described(self):
        """`expect: {want: refused, json: …}` without a status holds for a 200 too."""
        control = b.validate_step(token=b.FORGED, expect=replace(b.REFUSED, json={"state": "revoked"}))

        assert Outcome.REFUSED is judge(control, b.look(b.http(200, {"state": "revoked"}))).outcome
        assert Outcome.ACCEPTED is judge(control, b.look(b.http(200, {"state": "fine"}))).outcome


@pytest.mark.parametrize(
    ("is_follow_up", "status", "expected"), [(True, 404, SKIP), (True, 503, FAIL), (False, 404, FAIL)]
)
def test_a_follow_up_that_cannot_be_asked_accuses_nobody(is_follow_up, status, expected):
    """Not every service has the route that would tell more; a step of the chain itself must have its route."""
    step = b.http_step(token=None, is_follow_up=is_follow_up)

    assert expected is judge(step, b.look(b.http(status))).verdict


# ── what controls say ────────────────────────────────────────────────────────────────────────────────────────────────

TAMPERED = TamperedIssuer(name="unsigned", identity=b.USER, control="alg-none", like=b.LOCAL)
JUNK = TamperedIssuer(name="junk", identity=b.USER, control="junk", like=b.LOCAL)
SPOOFED = SpoofedIssuer(name="spoofed", identity=b.USER, headers={})
WRONG_KEY = RouteIssuer(name="wrong-key", identity=b.USER, request=b.ROUTE.request)


@pytest.mark.parametrize(
    ("step", "seen", "words"),
    [
        (
            b.http_step(token=TAMPERED, expect=b.REFUSED), b.http(200),
            "backend accepted the token 'unsigned' (200 OK; critical, ASVS 9.1.2, RFC 8725 §3.2)",
        ),
        (
            b.http_step(token=SPOOFED, expect=b.REFUSED), b.http(200),
            "backend accepted the headers 'spoofed' (200 OK; critical, ASVS 4.1.3, CWE-290)",
        ),
        (
            b.http_step(token=b.NONE, expect=b.REFUSED), b.http(200),
            "backend accepted a request without a token (200 OK; critical, ASVS 9.1.1)",
        ),
        (
            b.credentials_step(expect=b.REFUSED), b.http(200, {"valid": True}),
            "auth accepted wrong credentials (200 OK; critical, ASVS 13.2.1)",
        ),
        (
            b.mint_step(token=WRONG_KEY, expect=b.REFUSED), b.minted(),
            "auth accepted wrong bypass-key (it minted a token; critical, CWE-798)",
        ),
    ],
)  # fmt: skip
def test_an_opening_says_what_got_in_and_how_bad_that_is(step, seen, words):
    """By the name it has in the config, with the source of the rule."""
    assert f"auth is failing OPEN: {words}" == judge(step, b.look(seen)).detail


@pytest.mark.parametrize(
    ("step", "seen"),
    [
        (b.credentials_step(expect=b.REFUSED), b.http(200, {"valid": False, "error": "invalid_service_secret"})),
        (b.credentials_step(expect=b.REFUSED), b.http(401)),
        (b.mint_step(token=WRONG_KEY, expect=b.REFUSED), b.http(401)),
        (b.mint_step(token=WRONG_KEY, expect=b.REFUSED), b.http(403)),
        (b.http_step(token=JUNK, expect=b.REFUSED), b.http(400)),
        (b.http_step(token=SPOOFED, expect=b.REFUSED), b.http(403)),
        (b.websocket_step(token=JUNK, expect=b.REFUSED), b.refused_early(400)),
    ],
)
def test_what_refuses_a_control(step, seen):
    """A no in words counts, and what is hardly a token may be a bad request."""
    assert (PASS, Reason.OK) == judged(step, seen)


def test_a_bad_request_refuses_no_token_that_is_well_formed():
    """It may be about anything else."""
    assert (SKIP, Reason.UNCLEAR) == judged(b.http_step(token=b.FORGED, expect=b.REFUSED), b.http(400))


@pytest.mark.parametrize(
    ("step", "seen", "words"),
    [
        (b.http_step, b.http(500), "500 Internal Server Error"),
        (b.websocket_step, b.refused_early(500), "500 Internal Server Error"),
        (b.websocket_step, b.refused_late(1011), "closed with 1011 internal error"),
    ],
)
def test_a_service_that_crashes_on_a_bad_token_is_a_finding(step, seen, words):
    """It did not open, so it is unclear; the words say that it fell over."""
    result = judge(step(token=JUNK, expect=b.REFUSED), b.look(seen))

    assert Outcome.UNCLEAR == result.outcome
    assert f"neither accepted nor refused: AUTH_CRASH: the service crashed on it, {words}" == result.detail


@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_edge_without_a_service_behind_it_is_no_crash(status):
    """Nobody was there to fall over."""
    assert "AUTH_CRASH" not in judge(b.http_step(token=JUNK, expect=b.REFUSED), b.look(b.http(status))).detail


def test_a_wrong_key_is_paired_with_the_mint_that_has_the_right_one():
    """A route that gives nobody a token proves nothing by giving none for a wrong key."""
    wrong = judge(b.mint_step("wrong", token=WRONG_KEY, expect=b.REFUSED), b.look(b.http(401)))
    good, bad = (judge(b.mint_step(), b.look(seen)) for seen in (b.minted(), b.http(401)))

    assert (PASS, SKIP) == (settle_controls((good, wrong))[1].verdict, settle_controls((bad, wrong))[1].verdict)


# ── the platform before a service ────────────────────────────────────────────────────────────────────────────────────

GUARDED = replace(b.BACKEND, identity_token=IdentityToken(audience="https://backend.test"))
PAGE = "<html><h2>Your client does not have permission to get URL <code>/</code> from this server.</h2></html>"
FORBIDDEN = b.http(403, body=PAGE, headers={"server": "Google Frontend"})


@pytest.mark.parametrize("expect", [b.Expectation(), b.REFUSED], ids=["good", "control"])
def test_who_is_kept_out_by_name_is_blind(expect):
    """The platform knows us and does not let us through: no token was refused, whether it should be or not."""
    result = judge(b.http_step(service=GUARDED, expect=expect), b.look(FORBIDDEN))

    assert (Verdict.BLIND, Reason.OWN_ACCESS) == (result.verdict, result.reason)
    assert "403 Forbidden of the platform, before backend: our account may not invoke it" == result.detail


def test_who_is_kept_out_like_everybody_sees_an_outage():
    """Where no identity token is shown users are kept out too; a service's own 403 is a refusal in any case."""
    public = judge(b.http_step(), b.look(FORBIDDEN))
    own = judge(b.http_step(service=GUARDED), b.look(b.http(403, {"detail": "Forbidden"})))

    assert [(Verdict.FAIL, Reason.REFUSED)] * 2 == [(each.verdict, each.reason) for each in (public, own)]


def test_who_takes_the_version_of_before_is_told_of():
    """Beside the refusal of the newest, with the names that their source gives them."""
    seen = b.look(b.http(401), versions={"jwt": "7"}, left_behind={"jwt": "6"})

    result = judge(b.http_step(token=b.LOCAL), seen)

    assert result.detail.endswith("; it still takes version 6 of jwt; 7 is the newest")


@pytest.mark.parametrize(
    ("step", "seen", "turned_away"),
    [
        (b.http_step(token=b.LOCAL), b.http(401), True),
        (b.http_step(token=b.LOCAL), b.http(200), False),
        (b.http_step(token=b.LOCAL), b.http(500), False),
        (b.http_step(token=None), b.http(403), True),
        (b.http_step(token=b.LOCAL), b.trouble(TroubleKind.NO_TOKEN), True),
        (b.http_step(token=b.LOCAL), b.trouble(TroubleKind.NO_TOKEN, Whose.PROBER), False),
        (b.http_step(token=b.LOCAL), b.trouble(TroubleKind.TIMEOUT), False),
        (b.secret_match_step(), b.secrets_seen(auth_backend=Match.DIFFERENT), True),
        (b.secret_match_step(), b.secrets_seen(auth_backend=Match.UNKNOWN), False),
    ],
)
def test_only_who_refuses_us_may_know_another_version(step, seen, turned_away):
    """A crash, silence, and what is our own fault have nothing to do with which version we took."""
    assert turned_away is is_turned_away(judge(step, b.look(seen)))
