"""A run as readings: one row for each way of reading each signal."""

from dataclasses import replace

import pytest

from prober.judge.readings import read
from prober.judge.signals import (
    READINGS,
    accepts,
    admission,
    auth_path,
    breaker,
    configured,
    control,
    credentials,
    health,
    is_normal,
    kept_out,
    knock,
    mint,
    port,
    readiness,
    revision,
    rollout,
    secrets,
    service_secret,
    versions,
    words,
)
from prober.judge.verdict import judge
from prober.model.chain import Carrier, IdentityToken, Role, Service, Shows, TcpStep
from prober.model.observation import CUT, Match, Pair, SecretsSeen, Stage, TokenSeen, WebSocketSeen
from prober.model.trouble import TroubleKind, Whose
from prober.model.verdict import Reason, StepResult, Verdict
from tests import builders as b

SUBPROTOCOL = b.websocket_step(carrier=Carrier.SUBPROTOCOL)
HEALTHY = b.health_step(expect=b.Expectation(json={"status": "healthy"}))
OTHER = Service(name="shop", role=Role.OTHER, url="http://shop.test", websocket_url="ws://shop.test")


NOBODY = b.http_step(token=b.NONE, expect=b.REFUSED)
NOBODY_AT_SOCKET = b.websocket_step(token=b.NONE, expect=b.REFUSED)
WRONG_CREDENTIALS = b.credentials_step(expect=b.REFUSED)


def shows(what, **expect):
    """A plain request to the backend that shows something."""
    return b.http_step(str(what), token=None, shows=what, expect=b.Expectation(**expect))


def readings(*looks):
    """What a run with these looks reads, as values."""
    return {signal: reading.value for signal, reading in told(*looks).items()}


def told(*looks):
    """What a run with these looks reads."""
    return read(b.run(b.chain(), *(judge(step, b.look(seen)) for step, seen in looks)))


def silent(stage=Stage.POST_ACCEPT, **more):
    """A socket that stayed open until our patience ended."""
    return WebSocketSeen(stage=stage, status=101, identity=b.SUBJECT, **more)


#: A backend behind a platform that wants to know who asks.
GUARDED = b.http_step(service=replace(b.BACKEND, identity_token=IdentityToken(audience="https://backend.test")))
GUARDED_SOCKET = b.websocket_step(service=GUARDED.service)
NO_PERMISSION = "Your client does not have permission to "


def platform_says(status, words):
    """A page of Google's front end."""
    body = f"<html><h2>{words}</h2></html>"
    return b.http(status, body=body, headers={"server": "Google Frontend", "content-type": "text/html"})


FORBIDDEN = platform_says(403, f"{NO_PERMISSION}get URL <code>/</code> from this server.")
SOCKET_FORBIDDEN = WebSocketSeen(stage=Stage.HANDSHAKE, status=403, body=FORBIDDEN.body, headers=FORBIDDEN.headers)
ASKED = b.platform_step()
WITH_BYPASS = b.platform_seen(backend=b.configuration("backend", E2E_OAUTH_SIMULATION_KEY="1"))
KEYLESS = b.platform_seen(backend=b.configuration("backend", JWT_SECRET=None))

ROWS = [
    # does the platform let us through?
    (GUARDED, b.http(401), admission("backend"), "admitted"),
    (GUARDED, FORBIDDEN, admission("backend"), "no_right"),
    (GUARDED_SOCKET, SOCKET_FORBIDDEN, admission("backend"), "no_right"),
    (
        GUARDED,
        platform_says(401, f"{NO_PERMISSION}the requested URL <code>/</code>."),
        admission("backend"),
        "distrusted",
    ),
    (b.http_step(), FORBIDDEN, admission("backend"), "nobody"),
    (b.http_step(), platform_says(401, f"{NO_PERMISSION}the requested URL."), admission("backend"), "nobody"),
    (
        b.http_step(),
        platform_says(404, "The requested URL was not found on this server."),
        admission("backend"),
        "hidden",
    ),
    # is it up?
    (HEALTHY, b.http(200, {"status": "healthy"}), health("auth"), "ok"),
    (HEALTHY, b.http(200, {"status": "degraded"}), health("auth"), "degraded"),
    (HEALTHY, b.http(404), health("auth"), "degraded"),
    (HEALTHY, b.http(500), health("auth"), "error"),
    (HEALTHY, b.http(503, body="Service Unavailable"), health("auth"), "no_upstream"),
    (HEALTHY, b.http(503, {"status": "unhealthy"}), health("auth"), "error"),
    (HEALTHY, b.http(503, body="startup_in_progress"), health("auth"), "starting"),
    (HEALTHY, b.http(503, body="Starting up"), health("auth"), "starting"),
    (HEALTHY, b.trouble(TroubleKind.DNS), health("auth"), "unresolved"),
    (HEALTHY, b.trouble(TroubleKind.TLS), health("auth"), "tls"),
    (HEALTHY, b.trouble(TroubleKind.TIMEOUT), health("auth"), "timeout"),
    (HEALTHY, b.trouble(TroubleKind.RESET), health("auth"), "unreachable"),
    (b.health_step(b.BACKEND), b.http(200), health("backend"), "ok"),
    # does it mint?
    (b.mint_step(), b.minted(), mint(), "ok"),
    (b.mint_step(), b.http(503, body='{"detail":"E2E not configured"}'), mint(), "not_configured"),
    (b.mint_step(), b.http(503, body="busy"), mint(), "unreachable"),
    (b.mint_step(), b.http(401, body="E2E bypass key required"), mint(), "key_required"),
    (b.mint_step(), b.http(401, body="Invalid E2E bypass key"), mint(), "wrong_key"),
    (b.mint_step(), b.http(403), mint(), "forbidden"),
    (b.mint_step(), b.http(404), mint(), "route_missing"),
    (b.mint_step(), b.http(405), mint(), "route_missing"),
    (b.mint_step(), b.http(500), mint(), "broken"),
    (b.mint_step(), b.http(418), mint(), "unclear"),
    (b.mint_step(), b.trouble(), mint(), "unreachable"),
    (b.mint_step(), b.trouble(TroubleKind.OWN_SECRET, Whose.PROBER), mint(), "key_not_held"),
    # does it accept a good token?
    (b.http_step(), b.http(200), accepts("local", "backend"), "accepted"),
    (b.http_step(token=b.ROUTE), b.http(200), accepts("auth", "backend"), "accepted"),
    (b.http_step(), b.http(401), accepts("local", "backend"), "refused"),
    (b.http_step(), b.http(403), accepts("local", "backend"), "refused"),
    (b.http_step(), b.http(500), accepts("local", "backend"), "crashed"),
    (b.http_step(), b.http(404), accepts("local", "backend"), "not_found"),
    (b.http_step(), b.http(429), accepts("local", "backend"), "unclear"),
    (b.http_step(), b.http(503, body="Service Unavailable"), accepts("local", "backend"), "unanswered"),
    (b.http_step(), b.http(503, {"error": True}), accepts("local", "backend"), "crashed"),
    (b.http_step(), b.http(403, body="<html>no</html>"), accepts("local", "backend"), "blocked"),
    (b.http_step(), b.trouble(), accepts("local", "backend"), "unanswered"),
    (b.stream_step(), b.http(403), accepts("local", "stream"), "refused"),
    (b.validate_step(), b.http(200, {"valid": True, "user_id": b.SUBJECT}), accepts("local", "auth"), "accepted"),
    (b.validate_step(), b.http(200, {"valid": False}), accepts("local", "auth"), "refused"),
    (b.websocket_step(), b.welcomed(), accepts("local", "websocket"), "accepted"),
    (SUBPROTOCOL, b.welcomed(), accepts("local", "websocket_subprotocol"), "accepted"),
    (b.websocket_step(), b.refused_early(403), accepts("local", "websocket"), "refused"),
    (b.websocket_step(), b.refused_late(1008), accepts("local", "websocket"), "refused"),
    (b.websocket_step(), b.refused_early(500), accepts("local", "websocket"), "crashed"),
    (b.websocket_step(), b.refused_late(1011), accepts("local", "websocket"), "dropped"),
    (b.websocket_step(), b.refused_late(CUT), accepts("local", "websocket"), "dropped"),
    (b.websocket_step(), b.refused_late(1011, close_reason="no database"), accepts("local", "websocket"), "turned_out"),
    (
        b.websocket_step(),
        b.refused_late(1001, close_reason="Startup timeout"),
        accepts("local", "websocket"),
        "not_ready",
    ),
    (b.websocket_step(), b.refused_early(404), accepts("local", "websocket"), "not_found"),
    (b.websocket_step(), b.trouble(), accepts("local", "websocket"), "unanswered"),
    (b.websocket_step(), silent(), accepts("local", "websocket"), "silent"),
    (b.websocket_step(), silent(Stage.WELCOMED, ponged=False), accepts("local", "websocket"), "no_pong"),
    (
        b.websocket_step(),
        silent(Stage.WELCOMED, ponged=False, other_answer="(json: kind)"),
        accepts("local", "websocket"),
        "unclear",
    ),
    (b.websocket_step(), b.welcomed(identity="demo-user"), accepts("local", "websocket"), "wrong_identity"),
    # does it refuse a bad one?
    (b.http_step(token=b.NONE, expect=b.REFUSED), b.http(401), control("none", "backend"), "refused"),
    (b.http_step(token=b.FORGED, expect=b.REFUSED), b.http(200), control("forged", "backend"), "accepted"),
    (
        b.websocket_step(token=b.EXPIRED, expect=b.REFUSED),
        b.refused_late(1008),
        control("expired", "websocket"),
        "refused",
    ),
    (WRONG_CREDENTIALS, b.http(200, {"valid": False}), control("credentials", "auth_as_service"), "refused"),
    (WRONG_CREDENTIALS, b.http(200, {"valid": True}), control("credentials", "auth_as_service"), "accepted"),
    # what does it do with nobody?
    (NOBODY, b.http(401), knock("backend"), "refused"),
    (NOBODY, b.http(200), knock("backend"), "accepted"),
    (NOBODY, b.http(403, body="<html>"), knock("backend"), "blocked"),
    (NOBODY, b.http(404), knock("backend"), "not_found"),
    (NOBODY, b.http(429), knock("backend"), "unclear"),
    (NOBODY, b.trouble(), knock("backend"), "unanswered"),
    (NOBODY_AT_SOCKET, b.refused_early(500), knock("websocket"), "crashed"),
    (NOBODY_AT_SOCKET, b.refused_late(CUT), knock("websocket"), "dropped"),
    (NOBODY_AT_SOCKET, b.refused_late(CUT, frames=("ping",)), knock("websocket"), "cut"),
    (b.websocket_step(), b.refused_late(CUT, frames=("ping",)), accepts("local", "websocket"), "cut"),
    (NOBODY_AT_SOCKET, b.refused_late(1011, close_reason="no database"), knock("websocket"), "turned_out"),
    (NOBODY_AT_SOCKET, b.refused_late(1011, close_reason="Services not ready"), knock("websocket"), "not_ready"),
    (NOBODY_AT_SOCKET, silent(), knock("websocket"), "silent"),
    # what does a plain request show?
    (shows(Shows.READINESS), b.http(200), readiness("backend"), "ready"),
    (shows(Shows.READINESS), b.http(503, {"status": "unhealthy"}), readiness("backend"), "not_ready"),
    (shows(Shows.AUTH_PATH), b.http(200), auth_path(), "open"),
    (shows(Shows.AUTH_PATH), b.http(503, {"detail": "Auth service unavailable"}), auth_path(), "broken"),
    (shows(Shows.BREAKER), b.http(200), breaker(), "closed"),
    (shows(Shows.BREAKER, json={"state": "closed"}), b.http(200, {"state": "open"}), breaker(), "open"),
    (shows(Shows.REVISION), b.http(200), revision("backend"), "announced"),
    (shows(Shows.REVISION, json={"revision": "2"}), b.http(200, {"revision": "1"}), revision("backend"), "other"),
    # what does auth say to our copy of the backend's credentials?
    (b.credentials_step(expect=b.ACCEPTED), b.http(200, {"valid": True}), credentials(), "accepted"),
    (b.credentials_step(), b.http(401, body="invalid_service_secret"), credentials(), "wrong_secret"),
    (b.credentials_step(), b.http(401, body="invalid_service_id"), credentials(), "wrong_id"),
    (b.credentials_step(), b.http(401, body="service_not_configured"), credentials(), "not_configured"),
    (b.credentials_step(), b.http(401, body="no"), credentials(), "refused"),
    (b.credentials_step(), b.trouble(), credentials(), "unanswered"),
    # how is it configured, as its platform says?
    (ASKED, b.platform_seen(), configured("backend", "jwt_secret"), "present"),
    (
        ASKED,
        KEYLESS,
        configured("backend", "jwt_secret"),
        "absent",
    ),
    (ASKED, b.platform_seen(), kept_out("backend", "bypass_key"), "absent"),
    (
        ASKED,
        WITH_BYPASS,
        kept_out("backend", "bypass_key"),
        "present",
    ),
    (ASKED, b.platform_seen(), versions("jwt_secret"), "equal"),
    (ASKED, b.platform_seen(backend=b.configuration("backend", JWT_SECRET="1")), versions("jwt_secret"), "differ"),
    (ASKED, b.platform_seen(), port("backend"), "matches"),
    (ASKED, b.platform_seen(backend=b.configuration("backend", port=80)), port("backend"), "differs"),
    (ASKED, b.platform_seen(), rollout("backend"), "whole"),
    (ASKED, b.platform_seen(backend=b.configuration("backend", revisions=("7", "8"))), rollout("backend"), "split"),
    # how does the backend explain a refusal?
    (b.http_step(), b.http(401, {"message": "auth_service_unreachable"}), words(), "auth_unreachable"),
    (b.http_step(), b.http(401, {"error": "Auth service unavailable"}), words(), "auth_unreachable"),
    (b.http_step(), b.http(401, {"reason": "token_rejected"}), words(), "token_rejected"),
    (b.http_step(), b.http(403, {"detail": "Not authenticated"}), words(), "header_missing"),
    (b.websocket_step(), b.refused_late(error_message="inter_service_auth_failed"), words(), "inter_service"),
    (b.websocket_step(), b.refused_late(error_message="Illegal header value"), words(), "header_illegal"),
    (b.websocket_step(), b.refused_late(close_reason="Token validation failed"), words(), "invalid_token"),
    (b.websocket_step(), b.refused_late(error_code="NO_TOKEN"), words(), "header_missing"),
]


@pytest.mark.parametrize(
    ("step", "seen", "signal", "value"), ROWS, ids=[f"{r[2]}-{r[3]}-{n}" for n, r in enumerate(ROWS)]
)
def test_every_reading(step, seen, signal, value):
    """What one look says about one signal, always from the signal's closed set, and which step shows it."""
    reading = told((step, seen))[signal]

    assert (value, (step.name,), is_normal(signal, value)) == (reading.value, reading.steps, reading.normal)
    assert value in READINGS[signal.name]


@pytest.mark.parametrize("step", [GUARDED, b.http_step(), b.health_step(b.BACKEND), NOBODY, b.mint_step()])
def test_where_the_platform_answered_the_service_said_nothing(step):
    """Its 403 is no refused token, no route that forbids, and no health."""
    (signal,) = readings((step, FORBIDDEN))

    assert "admission" == signal.name


def test_a_platform_that_lets_everybody_through_is_not_spoken_of():
    """Most services have none; nothing is read of it."""
    assert "admission" not in {signal.name for signal in readings((b.http_step(), b.http(200)))}


def test_rows_cover_the_vocabulary():
    """Every value that a signal can read is read from something in this file."""
    read_here = {(signal.name, value) for _, _, signal, value in ROWS}
    others = ("secrets", "service_secret", "clock", "deploy", "pace", "refusal", "uptime")  # tested on their own
    elsewhere = {(name, value) for name in others for value in READINGS[name]} | {("revision", "mixed")}
    never = {("words", "nothing")}  # the absence of words is no reading: who says nothing is unknown
    told_of_good_tokens = {("knock", value) for value in ("unclear", "silent")}  # read alike for both

    everything = {(name, v) for name, values in READINGS.items() for v in values}
    assert everything == read_here | elsewhere | never | told_of_good_tokens


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match.EQUAL, "equal"),
        (Match.DIFFERENT, "different"),
        (Match.EQUAL_AFTER_STRIP, "differ_by_white_space"),
        (Match.UNKNOWN, None),
    ],
)
def test_keys_are_compared_by_roles(match, expected):
    """Whatever the services are called; a pair that could not be compared reads nothing."""
    seen = b.secrets_seen(auth_backend=match)

    assert expected == readings((b.secret_match_step(), seen)).get(secrets("backend", "auth"))


def test_who_let_us_ask_holds_the_service_secret():
    """A party that asks for a secret of ours tells by its door whether it holds the same; the others tell nothing."""
    step = b.secret_match_step()
    guarded = [
        b.Request(service=s, method="GET", path="/", headers={"X-Auth": "{secret:service}"})
        for s in (b.AUTH, b.BACKEND)
    ]
    parties = (b.Party(name="prober"), *(b.Party(name=r.service.name, request=r) for r in guarded))
    pair = Pair(secret="jwt", left="auth", right="backend", match=Match.UNKNOWN)
    seen = SecretsSeen(pairs=(pair,), answered=("prober", "auth"), turned_away_by=("backend",))
    held = {service_secret("auth"): "held", service_secret("backend"): "not_held"}

    assert held == readings((replace(step, parties=parties), seen))
    assert {} == readings((step, seen))


@pytest.mark.parametrize(
    ("step", "seen"),
    [
        (b.http_step(), b.trouble(TroubleKind.OWN_FAULT, Whose.PROBER)),
        (b.http_step(), b.trouble(TroubleKind.OWN_SECRET, Whose.PROBER)),
        (b.http_step(), b.trouble(TroubleKind.NO_TOKEN)),
        (b.credentials_step(), b.trouble(TroubleKind.NO_TOKEN)),
        (b.http_step(token=b.FORGED, expect=b.REFUSED), b.trouble()),
        (b.health_step(OTHER), b.http(500)),
        (b.http_step(token=None), b.http(500)),
        (b.mint_step(token=b.LOCAL), TokenSeen(traits=b.traits())),
        (TcpStep(name="tcp", service=b.AUTH), b.trouble()),
    ],
)
def test_what_was_not_looked_at_reads_nothing(step, seen):
    """Our own faults, a token that was never sent and services without a role support nothing and refute nothing."""
    assert {} == readings((step, seen))


@pytest.mark.parametrize("step", [b.http_step(), b.websocket_step(), b.mint_step(), b.health_step()])
def test_what_we_came_to_too_late_reads_nothing(step):
    """A time-out that our own standing still brought about is no symptom of anything."""
    late = judge(step, b.look(b.trouble(TroubleKind.TIMEOUT), stalled_seconds=3.0))

    assert {} == read(b.run(b.chain(step), late))


def test_a_skipped_step_reads_nothing():
    """Not run is unknown."""
    skipped = StepResult(step=b.http_step(), verdict=Verdict.SKIP, reason=Reason.NEEDS, detail="")

    assert {} == read(b.run(b.chain(), skipped))


def test_of_a_door_tried_twice_what_comes_and_goes_is_told_as_that():
    """It cites the steps that show the abnormal side, and not those that were well."""
    looks = [(b.http_step(name), b.http(status)) for name, status in (("first", 200), ("second", 403), ("third", 403))]

    reading = told(*looks)[accepts("local", "backend")]

    assert ("refused~", ("second", "third"), False) == (reading.value, reading.steps, reading.normal)


def test_a_second_look_that_is_well_makes_a_failure_one_that_comes_and_goes():
    """What failed once and held a moment later was chance, or flickers; it is not told as steady."""
    step = b.http_step()
    run = b.run(b.chain(), judge(step, b.look(b.http(500))))

    reading = read(replace(run, second_looks=(judge(step, b.look(b.http(200))),)))[accepts("local", "backend")]

    assert ("crashed~", False) == (reading.value, reading.normal)


def test_of_a_door_that_is_well_every_step_is_cited():
    """Each of them shows it."""
    reading = told((b.http_step("first"), b.http(200)), (b.http_step("again"), b.http(200)))

    assert ("first", "again") == reading[accepts("local", "backend")].steps


def test_words_of_others_than_the_backend_are_not_its_words():
    """What auth says in a refusal is not the backend's account of it."""
    assert {accepts("local", "auth"): "refused"} == readings(
        (b.validate_step(), b.http(401, {"error": "token_rejected"}))
    )
