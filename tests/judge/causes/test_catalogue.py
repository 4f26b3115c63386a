"""Tests of prober/judge/causes: every file is a page and a prediction, and the engine names each for what it does."""

import re
from importlib import import_module
from itertools import combinations
from pathlib import Path
from pkgutil import iter_modules

import pytest

from prober.judge import causes
from prober.judge.causes import catalogue
from prober.judge.diagnosis import diagnose
from prober.judge.prediction import DOORS, GOOD_ISSUERS, SOCKETS, SPARE_ISSUERS
from prober.judge.signals import (
    READINGS,
    UNSTEADY,
    accepts,
    auth_path,
    breaker,
    clock,
    control,
    credentials,
    health,
    is_normal,
    knock,
    mint,
    pace,
    readiness,
    refusal,
    revision,
    secrets,
    service_secret,
    unsteady,
    uptime,
    words,
)
from prober.model.controls import CONTROLS
from prober.model.diagnosis import Cause, Confidence, Diagnosis, State
from prober.model.signal import Reading, Readings, Signal

CAUSES = {cause.name: cause for cause in catalogue()}

SECTIONS = ("What you see:", "Why, in five steps:", "Told apart from:", "Remedy:", "Verify:", "References:")

FAMILIES = set("XBMDEFGHP")

ROLES = {("auth",), ("backend",)}

#: Whom a signal can be about.
ABOUT = {
    "health": ROLES,
    "admission": ROLES,
    "readiness": ROLES,
    "auth_path": {("backend",)},
    "breaker": {("backend",)},
    "revision": ROLES,
    "deploy": ROLES,
    "uptime": ROLES,
    "clock": ROLES,
    "pace": {("auth",)},
    "mint": {("auth",)},
    "accepts": {(issuer, verifier) for issuer in GOOD_ISSUERS for verifier in ("auth", *DOORS)}
    | {(issuer, verifier) for issuer in SPARE_ISSUERS for verifier in ("auth", "backend")},
    "knock": {(door,) for door in DOORS},
    "refusal": {("backend",)},
    "credentials": {()},
    "secrets": {("auth", "backend"), ("auth", "prober"), ("backend", "prober")},
    "control": {(bad, verifier) for bad in CONTROLS for verifier in ("auth", "auth_as_service", *DOORS)},
    "service_secret": ROLES,
    "words": {("backend",)},
    "configured": {(role, what) for (role,) in ROLES for what in ("service_credentials", "jwt_secret", "bypass_key")},
    "kept_out": {("backend", "bypass_key")},
    "versions": {("jwt_secret",), ("service_id",), ("service_secret",)},
    "port": ROLES,
    "rollout": ROLES,
}

#: Causes that may read alike in a whole run, and what would tell them apart if anything did.
IRREDUCIBLE = {
    ("subprotocol_not_negotiated", "edge_blocks_request"): (
        "a page in place of a refusal may be the backend's own, or that of an edge with a rule against subprotocols"
    ),
    ("ws_origin_refused", "edge_blocks_request"): (
        "a page in place of a refusal may be the backend's own, or that of an edge with a rule against origins"
    ),
}

#: Causes that pages and masks may name before they are written.
FUTURE: set[str] = set()


def readings(values: dict[Signal, str]) -> Readings:
    """A run as its readings; each is shown by a step of its own."""
    return {
        signal: Reading(signal, value, (str(signal),), is_normal(signal, value)) for signal, value in values.items()
    }


def brought_about(cause: Cause) -> Readings:
    """A run that reads as this cause predicts, as bad as it allows."""
    return readings({signal: worst(signal, values) for signal, values in cause.predicts.items()})


#: What a run reads where nothing is wrong; what only describes is left out, for it has no healthy value.
BACKGROUND = {
    signal: READINGS[signal.name][0]
    for cause in CAUSES.values()
    for signal in cause.predicts
    if not all(is_normal(signal, value) for value in READINGS[signal.name])
}


def whole_run(cause: Cause) -> Readings:
    """A run that reads as this cause predicts, and healthy wherever it predicts nothing."""
    return readings(BACKGROUND | {signal: reading.value for signal, reading in brought_about(cause).items()})


def worst(signal: Signal, values: frozenset[str]) -> str:
    """An abnormal one of these values if there is one; of those that accuse nobody the strongest; always the same."""
    if all(is_normal(signal, value) for value in values):
        return max(values, key=READINGS[signal.name].index)
    return min(values, key=lambda value: (is_normal(signal, value), value))


def steady(values: frozenset[str]) -> set[str]:
    """These readings as if none came and went."""
    return {value.removesuffix(UNSTEADY) for value in values}


def section(cause: Cause, heading: str) -> str:
    """One section of a manual page, without its heading."""
    found = next(part for part in cause.page.split("\n\n") if part.startswith(heading))
    return found.removeprefix(heading)


def names_of(diagnosis: Diagnosis) -> set[str]:
    """The causes a diagnosis names."""
    return {named.cause.name for named in diagnosis.causes}


def in_words(told):
    """A case's name, the same each time: sets have no order of their own."""
    return " ".join(sorted(told)) if isinstance(told, set | frozenset) else str(told)


every_cause = pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)


# ── what every file must have ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [module.name for module in iter_modules(causes.__path__)])
def test_named_for_its_file(name):
    """A cause is found in the file that bears its name."""
    cause = import_module(f"{causes.__name__}.{name}").CAUSE

    assert cause.name == name


@every_cause
def test_every_file_is_a_page(cause):
    """The docstring of a cause's file is its manual page, with every section in its order."""
    places = [cause.page.find(f"\n\n{heading}") for heading in SECTIONS]

    assert -1 not in places
    assert sorted(places) == places


@every_cause
def test_five_steps(cause):
    """Every page asks why five times."""
    steps = re.findall(r"^(\d)\. ", section(cause, "Why, in five steps:"), flags=re.MULTILINE)

    assert list("12345") == steps


@every_cause
def test_told_apart_from_known_causes(cause):
    """A page tells its cause apart from others that exist, and not from itself."""
    neighbours = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", section(cause, "Told apart from:")))

    assert neighbours
    assert neighbours <= (CAUSES.keys() | FUTURE) - {cause.name}


@every_cause
def test_told_in_a_report(cause):
    """A cause brings all that a report tells: a family, a chain of layers, a remedy and how to verify it."""
    texts = [cause.title, cause.verify, *cause.remedy, *(layer.text for layer in cause.layers)]

    assert cause.family in FAMILIES
    assert len(cause.layers) >= 2
    assert len(cause.remedy) >= 1
    assert all(text.strip() and text[-1] != "." for text in texts)


@every_cause
def test_layers_cite_what_is_predicted(cause):
    """The surface is shown by something the cause brings about, so that a report can cite a step for it."""
    shown = {signal for layer in cause.layers[:-1] for signal in layer.shown_by}

    assert any(signal in cause.predicts for signal in shown)


@every_cause
def test_masks_name_causes(cause):
    """What a cause hides is itself a cause."""
    unknown = set(cause.masks) - CAUSES.keys() - FUTURE

    assert not unknown
    assert cause.name not in cause.masks


def test_future_is_not_written_yet():
    """A cause that has been written is no longer one to come."""
    written = FUTURE & CAUSES.keys()

    assert not written


# ── what every prediction must say ───────────────────────────────────────────────────────────────────────────────────


@every_cause
def test_predicts_from_the_closed_set(cause):
    """A cause predicts only what a signal can say, about whom it can say it."""
    impossible = {
        str(signal): values
        for signal, values in cause.predicts.items()
        if steady(values) - set(READINGS[signal.name]) or not values or signal.about not in ABOUT[signal.name]
    }

    assert impossible == {}


@every_cause
def test_predicts_something_abnormal(cause):
    """A cause changes at least one reading, or nobody could see it."""
    abnormal = {signal for signal, values in cause.predicts.items() if any(not is_normal(signal, v) for v in values)}

    assert abnormal


def test_no_two_causes_claim_the_same():
    """No two causes predict the very same readings: something that can be read tells any two apart."""
    twins = {(a.name, b.name) for a, b in combinations(CAUSES.values(), 2) if a.predicts == b.predicts}

    assert twins == set()


# ── what the engine makes of them ────────────────────────────────────────────────────────────────────────────────────


@every_cause
def test_named_for_what_it_brings_about(cause):
    """A run that reads as a cause predicts is explained by single causes, and that cause is among them."""
    diagnosis = diagnose(brought_about(cause), catalogue())

    assert cause.name in names_of(diagnosis)
    assert diagnosis.unexplained == ()


@every_cause
def test_named_alone_in_a_whole_run(cause):
    """When all that can be read is read, a cause is named alone and for sure, but for known look-alikes."""
    diagnosis = diagnose(whole_run(cause), catalogue())
    alike = {other for name, other in IRREDUCIBLE if name == cause.name}

    assert names_of(diagnosis) == {cause.name} | alike
    assert diagnosis.unexplained == ()
    assert (Confidence.HIGH in {named.confidence for named in diagnosis.causes}) is not bool(alike)


@pytest.mark.parametrize(("name", "other"), IRREDUCIBLE)
def test_the_other_look_alike_shows_itself_too(name, other):
    """Look-alikes are alike in what one of them may bring about, and predict different things all the same."""
    assert CAUSES[name].predicts != CAUSES[other].predicts
    assert other in section(CAUSES[name], "Told apart from:")


def refused_by_backend(**told: str) -> dict[Signal, str]:
    """Auth accepts our token and its own, the backend refuses both; `told` adds what else was read."""
    rest = {"credentials": credentials(), "words": words(), "keys": secrets("auth", "backend")}
    return {
        health("auth"): "ok",
        health("backend"): "ok",
        mint(): "ok",
        **{accepts(issuer, "auth"): "accepted" for issuer in GOOD_ISSUERS},
        **{accepts(issuer, door): "refused" for issuer in GOOD_ISSUERS for door in DOORS},
        **{rest[name]: value for name, value in told.items()},
    }


AT_BACKEND = {"service_secret_drift_at_backend", "service_id_drift_at_backend"}
UNREACHABLE = {"auth_slower_than_budget", "backend_cannot_reach_auth", "breaker_open", "service_header_illegal"}
SAYS_INVALID = {"service_credentials_missing", *AT_BACKEND, "test_user_unknown"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"keys": "different"}, {"jwt_secret_drift"}),
        ({"keys": "differ_by_white_space"}, {"jwt_secret_drift"}),
        ({"credentials": "wrong_secret"}, {"service_secret_drift_at_auth"}),
        ({"credentials": "wrong_id"}, {"service_id_drift_at_auth"}),
        ({"credentials": "not_configured"}, {"service_credentials_absent_at_auth"}),
        ({"credentials": "accepted", "keys": "equal", "words": "header_illegal"}, {"service_header_illegal"}),
        ({"credentials": "accepted", "keys": "equal", "words": "inter_service"}, {"service_credentials_missing"}),
        ({"credentials": "accepted", "keys": "equal", "words": "auth_unreachable"}, UNREACHABLE),
        ({"credentials": "accepted", "keys": "equal", "words": "token_rejected"}, AT_BACKEND),
        ({"credentials": "accepted", "keys": "equal", "words": "invalid_token"}, SAYS_INVALID),
        ({"credentials": "accepted", "words": "invalid_token"}, SAYS_INVALID | {"jwt_secret_drift"}),
        ({"credentials": "accepted", "keys": "equal"}, SAYS_INVALID | UNREACHABLE),
    ],
    ids=in_words,
)
def test_auth_yes_backend_no(told, expected):
    """When auth accepts and the backend refuses, each further reading leaves the causes that fit it, and no other."""
    diagnosis = diagnose(readings(refused_by_backend(**told)), catalogue())

    assert expected == names_of(diagnosis)


WAITED = {refusal(): "waited", pace("auth"): "slow"}
AT_ONCE = {refusal(): "quick", pace("auth"): "quick"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (WAITED, {"auth_slower_than_budget"}),
        (WAITED | {breaker(): "open"}, {"auth_slower_than_budget"}),
        ({refusal(): "timed_out"}, {"backend_cannot_reach_auth"}),
        ({refusal(): "timed_out", breaker(): "open"}, {"backend_cannot_reach_auth"}),
        (AT_ONCE | {breaker(): "open", auth_path(): "open"}, {"breaker_open"}),
        (AT_ONCE | {breaker(): "open", auth_path(): "broken"}, {"backend_cannot_reach_auth"}),
        (AT_ONCE | {breaker(): "open"}, {"breaker_open", "backend_cannot_reach_auth"}),
        (AT_ONCE | {breaker(): "open", service_secret("backend"): "not_held"}, {"service_header_illegal"}),
    ],
    ids=["waited", "waited-open", "timed-out", "timed-out-open", "open", "cannot-reach", "either", "illegal"],
)
def test_why_the_backend_says_that_auth_is_unreachable(told, expected):
    """Time, the breaker and what the backend passes on from auth tell apart what its words do not."""
    seen = refused_by_backend(credentials="accepted", keys="equal", words="auth_unreachable")
    seen |= {service_secret("backend"): "held"} | told

    assert expected == names_of(diagnose(readings(seen), catalogue()))


def test_a_second_user_tells():
    """Where another user is accepted, it is the user who is unknown, and no trust that is broken."""
    seen = refused_by_backend(credentials="accepted", keys="equal", words="invalid_token")
    told = {
        value: diagnose(readings(seen | {accepts("second", "backend"): value}), catalogue())
        for value in ("accepted", "refused")
    }

    assert {"test_user_unknown"} == names_of(told["accepted"])
    assert SAYS_INVALID - {"test_user_unknown"} == names_of(told["refused"])


def only_ours_refused(**told: str) -> dict[Signal, str]:
    """Auth's tokens are accepted everywhere and ours nowhere; `told` adds what follow-ups and clocks said."""
    follow_ups = {f"{issuer}": accepts(issuer, "auth") for issuer in SPARE_ISSUERS}
    rest = {
        "auth_clock": clock("auth"),
        "backend_clock": clock("backend"),
        "key": secrets("prober", "auth"),
        **follow_ups,
    }
    return {
        health("auth"): "ok",
        health("backend"): "ok",
        mint(): "ok",
        **{accepts("auth", verifier): "accepted" for verifier in ("auth", *DOORS)},
        **{accepts("local", verifier): "refused" for verifier in ("auth", *DOORS)},
        **{rest[name]: value for name, value in told.items()},
    }


CLOCKS_OK = {"auth_clock": "ok", "backend_clock": "ok"}
CLOCKS_BEHIND = {"auth_clock": "far_behind", "backend_clock": "far_behind"}
CLOCKS_AHEAD = {"auth_clock": "far_ahead", "backend_clock": "far_ahead"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"key": "different"}, {"prober_secret_wrong"}),
        (CLOCKS_OK | {"resigned": "refused"}, {"prober_secret_wrong"}),
        (CLOCKS_OK | {"resigned": "accepted"}, {"claims_rejected"}),
        (CLOCKS_OK | {"key": "equal"}, {"claims_rejected"}),
        (CLOCKS_OK, {"prober_secret_wrong", "claims_rejected"}),
        (CLOCKS_BEHIND, {"prober_clock_ahead"}),
        (CLOCKS_AHEAD, {"prober_clock_behind"}),
        ({"backdated": "accepted"}, {"prober_clock_ahead"}),
        ({"auth_clock": "far_ahead", "backend_clock": "ok"}, {"verifier_clock_far_ahead"}),
        (
            {"key": "equal"},
            {"claims_rejected", "prober_clock_ahead", "prober_clock_behind", "verifier_clock_far_ahead"},
        ),
    ],
    ids=in_words,
)
def test_only_our_own_tokens_are_refused(told, expected):
    """The key, the clocks, and our token made in other ways tell whose fault it is that ours alone are refused."""
    diagnosis = diagnose(readings(only_ours_refused(**told)), catalogue())

    assert expected == names_of(diagnosis)


@pytest.mark.parametrize(
    ("at_the_socket", "without_a_token", "expected"),
    [
        ("crashed", "crashed", {"ws_crash_before_auth"}),
        ("crashed", "refused", {"ws_crash_after_auth"}),
        ("dropped", "dropped", {"ws_crash_after_accept"}),
        ("dropped", "refused", {"ws_crash_after_accept"}),
        ("turned_out", "turned_out", {"ws_crash_after_accept", "ws_not_ready"}),
        ("turned_out", "refused", {"ws_crash_after_accept", "ws_not_ready"}),
        ("silent", "refused", {"ws_silent_after_accept"}),
        ("no_pong", "refused", {"ws_router_dead"}),
        ("refused", "refused", {"ws_path_missing"}),
        ("not_found", "not_found", {"ws_path_missing"}),
        ("wrong_identity", "accepted", {"demo_identity"}),
        ("blocked", "blocked", {"edge_blocks_request"}),
    ],
)
def test_only_the_socket_is_broken(at_the_socket, without_a_token, expected):
    """How the socket ends with a good token, and how without any, tells how far its handler came."""
    seen = {
        health("auth"): "ok",
        health("backend"): "ok",
        revision("backend"): "announced",
        **{accepts(issuer, verifier): "accepted" for issuer in GOOD_ISSUERS for verifier in ("auth", "backend")},
        **{accepts(issuer, door): at_the_socket for issuer in GOOD_ISSUERS for door in SOCKETS},
        knock("websocket"): without_a_token,
    }

    assert expected == names_of(diagnose(readings(seen), catalogue()))


def test_a_socket_that_says_it_is_not_ready():
    """Where the backend says of itself that it is not ready, a socket that closes with a reason is not ready."""
    seen = {accepts("local", "websocket"): "turned_out", readiness("backend"): "not_ready"}
    routes = {health("backend"): "ok", accepts("local", "backend"): "accepted"}

    assert {"ws_not_ready"} == names_of(diagnose(readings(seen | routes), catalogue()))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({health("backend"): "unreachable"}, {"backend_down"}),
        ({health("backend"): "no_upstream"}, {"backend_down"}),
        ({health("backend"): unsteady("unreachable"), uptime("backend"): "young"}, {"backend_crash_loop"}),
        ({health("backend"): unsteady("unreachable"), uptime("backend"): "reset"}, {"backend_crash_loop"}),
        (
            {
                health("backend"): unsteady("no_upstream"),
                uptime("backend"): "young",
                accepts("local", "websocket"): "cut",
            },
            {"backend_crash_loop"},
        ),
        ({health("backend"): "starting"}, {"backend_warming_up"}),
        ({health("backend"): unsteady("starting"), uptime("backend"): "young"}, {"backend_warming_up"}),
    ],
    ids=["down", "no-upstream", "young", "reset", "cut-in-mid-word", "starting", "starting-young"],
)
def test_the_backend_is_away(seen, expected):
    """Gone, gone now and then, or not there yet."""
    diagnosis = diagnose(readings({health("auth"): "ok"} | seen), catalogue())

    assert expected == names_of(diagnosis)


@pytest.mark.parametrize(("told", "expected"), [("announced", False), ("mixed", True)])
def test_a_lone_steady_fault_is_no_matter_of_two_revisions(told, expected):
    """A door that was tried once may show another revision, but only where two of them answered."""
    seen = {accepts("local", "stream"): "refused", accepts("local", "backend"): "accepted", revision("backend"): told}

    assert ("mixed_revisions" in names_of(diagnose(readings(seen), catalogue()))) is expected


def test_two_revisions():
    """What comes and goes while two revisions answer is told as their mixture."""
    seen = {
        revision("backend"): "mixed",
        **{accepts(issuer, "backend"): unsteady("refused") for issuer in GOOD_ISSUERS},
        secrets("prober", "backend"): unsteady("different"),
    }

    assert {"mixed_revisions"} == names_of(diagnose(readings(seen), catalogue()))


def test_two_faults_of_mint_and_trust():
    """A missing bypass key beside service credentials that auth refuses is told as two faults."""
    seen = refused_by_backend(credentials="wrong_secret") | {mint(): "not_configured"}
    minted = {signal for signal in seen if signal.name == "accepts" and signal.about[0] == "auth"}

    diagnosis = diagnose(readings({s: v for s, v in seen.items() if s not in minted}), catalogue())

    assert diagnosis.state is State.DIAGNOSED
    assert {"bypass_key_absent", "service_secret_drift_at_auth"} == names_of(diagnosis)


def auth_is_down(door: str) -> dict[Signal, str]:
    """Nobody can ask auth; every door reads `door` for a token of ours."""
    return {
        health("auth"): "unreachable",
        health("backend"): "ok",
        mint(): "unreachable",
        credentials(): "unanswered",
        accepts("local", "auth"): "unanswered",
        **{accepts("local", name): door for name in DOORS},
    }


def test_auth_down():
    """With auth down and a strict backend, auth is the one cause named."""
    diagnosis = diagnose(readings(auth_is_down("refused")), catalogue())

    assert {"auth_down"} == names_of(diagnosis)


FALLBACK, OUR_WAY = "auth_down_local_fallback", "auth_unreachable_from_prober"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, {FALLBACK, OUR_WAY}),
        ({auth_path(): "broken"}, {FALLBACK}),
        ({auth_path(): "open"}, {OUR_WAY}),
        ({health("auth"): "no_upstream"}, {FALLBACK}),
        ({health("auth"): "tls"}, {OUR_WAY}),
    ],
    ids=["nothing", "backend-cannot", "backend-can", "edge-answers", "tls"],
)
def test_auth_gone_and_tokens_still_accepted(told, expected):
    """Either auth is down behind a fallback, or only our way to it is broken: whether the backend reaches it tells."""
    diagnosis = diagnose(readings(auth_is_down("accepted") | told), catalogue())

    assert expected == names_of(diagnosis)


def test_the_backends_way_to_auth_would_split_them():
    """Where it was not looked at, the diagnosis says that it is what to look at."""
    diagnosis = diagnose(readings(auth_is_down("accepted")), catalogue())

    assert auth_path() in diagnosis.would_split


def test_auth_down_and_the_fallback_has_another_key():
    """Incident report 001: auth is surely down; the fallback's key is not ours, and whose is wrong auth cannot tell."""
    seen = auth_is_down("refused") | {secrets("prober", "backend"): "different", words(): "invalid_token"}

    diagnosis = diagnose(readings(seen), catalogue())
    confidence = {named.cause.name: named.confidence for named in diagnosis.causes}

    assert confidence == {
        "auth_down": Confidence.HIGH,
        "jwt_secret_drift": Confidence.MEDIUM,
        "prober_secret_wrong": Confidence.MEDIUM,
    }


@pytest.mark.parametrize("door", ["auth", *DOORS])
@pytest.mark.parametrize(
    ("bad", "expected"), [("forged", "signature_unchecked"), ("expired", "expiry_unchecked")], ids=["forged", "expired"]
)
def test_one_door_too_open(bad, expected, door):
    """One verifier that lets a bad token in is enough to name the check that is missing."""
    seen = {control(other, each): "refused" for other in ("none", "forged", "expired") for each in ("auth", *DOORS)}

    diagnosis = diagnose(readings(seen | {control(bad, door): "accepted"}), catalogue())

    assert {expected} == names_of(diagnosis)


def test_both_checks_missing():
    """A verifier that checks neither signature nor expiry has two faults, and both are told."""
    seen = {health("auth"): "ok", control("none", "backend"): "refused"} | {
        control(bad, "backend"): "accepted" for bad in ("forged", "expired")
    }

    diagnosis = diagnose(readings(seen), catalogue())

    assert {"signature_unchecked", "expiry_unchecked"} == names_of(diagnosis)


def test_our_own_faults_are_marked():
    """Only what we alone can mend is called ours."""
    ours = {cause.name for cause in CAUSES.values() if cause.ours}

    assert ours == {
        "bypass_key_not_sent",
        "claims_rejected",
        "identity_token_rejected",
        "platform_refuses_prober",
        "prober_clock_ahead",
        "prober_clock_behind",
        "prober_secret_wrong",
    }


def test_causes_are_listed_in_order():
    """The catalogue is in the order of names, so that a tie reads the same on every machine."""
    files = sorted(path.stem for path in Path(causes.__file__).parent.glob("[!_]*.py"))

    assert files == [cause.name for cause in catalogue()]
