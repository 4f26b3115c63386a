"""What platforms say is held against what should be: what is not sure is unknown, and nothing is made of it."""

from dataclasses import replace

import pytest

from prober.judge.attestation import signs, told
from prober.judge.signals import Sign, configured, kept_out, port, rollout, versions
from prober.judge.verdict import judge
from prober.model.chain import Role, Service
from prober.model.observation import PlatformSeen
from prober.model.platform import Source, Thing, Variable
from prober.model.verdict import Reason, Verdict
from tests import builders as b

STEP = b.platform_step()


def said(**configurations):
    """What these configurations answer, by signal."""
    return dict(signs(STEP, b.platform_seen(**configurations)))


def backend(**settings):
    """What a backend with these settings answers."""
    return said(backend=b.configuration("backend", **settings))


def test_a_healthy_pair_is_well_in_all_that_is_asked():
    """Each of the signals is answered, and each as it should be."""
    assert {
        configured("auth", "jwt_secret"): "present",
        configured("auth", "service_credentials"): "present",
        configured("auth", "bypass_key"): "present",
        port("auth"): "matches",
        rollout("auth"): "whole",
        configured("backend", "jwt_secret"): "present",
        configured("backend", "service_credentials"): "present",
        kept_out("backend", "bypass_key"): "absent",
        port("backend"): "matches",
        rollout("backend"): "whole",
        versions("jwt_secret"): "equal",
        versions("service_id"): "equal",
        versions("service_secret"): "equal",
    } == said()


@pytest.mark.parametrize("missing", ["SERVICE_ID", "SERVICE_SECRET"])
def test_half_a_pair_of_credentials_is_none(missing):
    """A secret without an id proves nothing to anybody, nor does an id without a secret."""
    assert "absent" == backend(**{missing: None})[configured("backend", "service_credentials")]


def test_one_of_several_names_is_enough():
    """Whatever name the key is read under, it is there."""
    assert "present" == backend(JWT_SECRET=None, JWT_SECRET_STAGING="2")[configured("backend", "jwt_secret")]


@pytest.mark.parametrize("unsure", [{"is_complete": False}, {"unsure": ("JWT_SECRET",)}], ids=["unseen", "unsure"])
def test_what_was_not_told_is_not_absent(unsure):
    """There may be names that nobody could see."""
    found = backend(JWT_SECRET=None, **unsure)

    assert configured("backend", "jwt_secret") not in found
    assert versions("jwt_secret") not in found


def test_nobody_knows_that_it_is_kept_out_where_not_all_is_seen():
    """The bypass key may be among what could not be seen."""
    assert kept_out("backend", "bypass_key") not in backend(is_complete=False)


@pytest.mark.parametrize(
    ("auth", "backend_", "expected"),
    [
        ("2", "2", "equal"),
        ("2", "1", "differ"),
        ("", "", None),  # `latest` twice is no proof of anything
        ("2", "", None),
        ("=a", "=a", "equal"),
        ("=a", "=b", "differ"),
        ("=a", "2", None),  # a literal and a secret cannot be compared
    ],
)
def test_versions_are_compared_where_they_can_be(auth, backend_, expected):
    """Two that nobody knows are not equal, and not different either."""
    found = said(auth=b.configuration("auth", JWT_SECRET=auth), backend=b.configuration("backend", JWT_SECRET=backend_))

    assert expected == found.get(versions("jwt_secret"))


def test_versions_of_different_secrets_are_not_compared():
    """Version 2 of one secret has nothing to do with version 2 of another, nor with its version 1."""
    other = Variable(name="JWT_SECRET", source=Source.SECRET, secret="projects/p/secrets/other", version="1")
    changed = b.configuration("backend", JWT_SECRET=None)
    found = said(backend=replace(changed, variables=(*changed.variables, other)))

    assert versions("jwt_secret") not in found


def test_where_one_of_two_backends_is_wrong_that_stands():
    """A second backend that is well does not hide the first."""
    second = replace(STEP.services[1], name="second")
    step = replace(STEP, services=(*STEP.services, second))
    seen = b.platform_seen(backend=b.configuration("backend", JWT_SECRET="1"), second=b.configuration("second"))

    assert Sign(versions("jwt_secret"), "differ") in signs(step, seen)
    assert 1 == [each.signal for each in signs(step, seen)].count(versions("jwt_secret"))


def test_further_names_are_asked_for_as_settings():
    """What a config adds is told apart from what the role needs."""
    extra = b.platform(requires=("REDIS_URL",), forbids=("DEMO_MODE",))
    step = b.platform_step(services=(replace(b.BACKEND, platform=extra),))
    found = dict(signs(step, PlatformSeen(configurations=(b.configuration("backend", DEMO_MODE="=1"),))))

    assert ("absent", "present") == (
        found[configured("backend", "settings")],
        found[kept_out("backend", "settings")],
    )


def test_a_service_without_a_role_is_asked_for_nothing_but_what_is_written():
    """The diagnosis knows what auth and backend need; of another service only the config does."""
    other = Service(
        name="mail", role=Role.OTHER, url="http://mail.test", websocket_url="", platform=b.platform("other")
    )
    step = b.platform_step(services=(other,))

    assert {port("other"): "matches", rollout("other"): "whole"} == dict(
        signs(step, PlatformSeen(configurations=(b.configuration("mail"),)))
    )


def test_what_a_service_does_without_is_not_asked_for():
    """A thing without a name is nowhere to be found, and missed by nobody."""
    names = {**b.platform().names, Thing.JWT_SECRET: ()}
    step = b.platform_step(services=(replace(b.BACKEND, platform=b.platform(names=names, required=())),))

    assert [] == [each for each in told(step, b.platform_seen()) if each.sign and each.sign.signal.name == "configured"]


# ── the step's verdict ───────────────────────────────────────────────────────────────────────────────────────────────


def verdict(seen):
    """What a step that saw this comes to."""
    result = judge(STEP, b.look(seen))
    return result.verdict, result.reason, result.detail


def test_a_step_passes_where_all_that_is_known_is_well():
    """A version that nobody can tell does not fail it, and is told."""
    unknown = {"auth": b.configuration("auth", JWT_SECRET=""), "backend": b.configuration("backend", JWT_SECRET="")}

    assert Verdict.PASS is verdict(b.platform_seen())[0]
    assert Verdict.PASS is verdict(b.platform_seen(**unknown))[0]
    assert "unknown: whether jwt_secret is the same" in verdict(b.platform_seen(**unknown))[2]


def test_a_step_fails_on_what_is_surely_wrong_and_names_all_of_it():
    """Names and versions, for whoever mends it."""
    seen = b.platform_seen(
        backend=b.configuration("backend", SERVICE_ID=None, E2E_OAUTH_SIMULATION_KEY="2", JWT_SECRET="1", port=80)
    )

    wrong = (
        "backend: SERVICE_ID not set",
        "backend: E2E_OAUTH_SIMULATION_KEY is set, and must not be",
        "backend: its requests go to port 80, it listens at 8080",
        (
            "jwt_secret is not the same: auth has JWT_SECRET in version 2 of projects/p/secrets/JWT_SECRET, "
            "backend has JWT_SECRET in version 1 of projects/p/secrets/JWT_SECRET"
        ),
    )

    assert (Verdict.FAIL, Reason.MISMATCH, "; ".join(wrong)) == verdict(seen)


def test_what_could_not_be_asked_is_never_green():
    """One service is well, of the other nothing is known."""
    seen = PlatformSeen(configurations=(b.configuration("auth"),), unread={"backend": "we may not ask"})

    assert (Verdict.SKIP, Reason.UNAVAILABLE) == verdict(seen)[:2]
    assert "backend: we may not ask" in verdict(seen)[2]


def test_what_is_wrong_is_told_though_another_could_not_be_asked():
    """That nobody may ask about auth is no excuse for the backend."""
    seen = PlatformSeen(
        configurations=(b.configuration("backend", SERVICE_ID=None),), unread={"auth": "we may not ask"}
    )

    assert Verdict.FAIL is verdict(seen)[0]
