"""The catalogue: complete, free of values, and every fault can be seen from outside."""

import asyncio

import pytest

from prober.demo import describe_faults
from prober.lab.faults import FAULTS, SCENARIOS, Fault, UnknownFault, catalogue, expand, merged
from prober.lab.settings import AuthSettings, BackendSettings, SideSettings
from prober.lab.world import World

# What one look in the first moment cannot tell; each has a test of its own.
UNSEEN_AT_A_GLANCE = {
    "backend_crash_loop",  # takes two seconds to show
}


def test_every_name_is_there_once():
    """No two entries share a name, and each says in a line what it is about."""
    names = [entry.name for entry in catalogue()]

    assert sorted(set(names)) == sorted(names)
    assert all(entry.about.endswith(".") and "\n" not in entry.about for entry in catalogue())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_changes_what_is_a_setting(fault):
    """A fault changes something, and only settings that exist."""
    assert set(fault.auth) <= AuthSettings.names()
    assert set(fault.twin) <= BackendSettings.names()
    assert set(fault.backend) <= BackendSettings.names()
    assert {*fault.auth_edge, *fault.backend_edge} <= SideSettings.names()


# The first column of the table of faults in the design, section 4.
TABLE = (
    "auth_unreachable_from_prober", "edge_blocks_request", "stale_revision", "mixed_revisions",
    "backend_down", "backend_warming_up", "backend_dependency_down", "backend_crash_loop",
    "bypass_key_absent", "bypass_key_mismatch", "bypass_key_not_sent", "mint_route_missing", "token_signing_broken",
    "jwt_secret_drift", "jwt_secret_drift_latent", "prober_secret_wrong", "auth_disagrees_with_itself",
    "claims_rejected", "prober_clock_ahead", "prober_clock_behind", "service_clock_skew", "verifier_clock_far_ahead",
    "test_user_unknown", "test_user_revoked",
    "service_credentials_missing", "service_credentials_missing_tolerated", "service_credentials_absent_at_auth",
    "service_secret_drift_at_auth", "service_secret_drift_at_backend", "service_id_drift_at_auth",
    "service_id_drift_at_backend", "service_header_illegal", "service_identity_regression",
    "auth_down", "auth_down_local_fallback", "auth_down_emergency_identity", "auth_slower_than_budget",
    "backend_cannot_reach_auth", "breaker_open", "validate_route_missing",
    "upgrade_header_stripped", "subprotocol_not_negotiated", "ws_crash_before_auth", "ws_crash_after_auth",
    "ws_crash_after_accept", "ws_not_ready", "ws_silent_after_accept", "ws_router_dead", "ws_origin_refused",
    "ws_path_missing",
    "ws_open_to_anyone", "bypass_header_honoured", "signature_unchecked", "expiry_unchecked", "demo_identity",
    "service_credentials_unchecked",
    "platform_refuses_everybody", "platform_hides_service", "platform_refuses_backend",
    "platform_refuses_prober", "identity_token_rejected",
)  # fmt: skip


def test_the_table_of_faults_is_played_in_full():
    """What the design tells of is a fault, and there is no other."""
    assert sorted(TABLE) == sorted(fault.name for fault in FAULTS)


@pytest.mark.parametrize("name", TABLE)
def test_the_list_says_what_a_fault_is(name):
    """Whoever asks what there is to break is told it in one line."""
    (row,) = (row for row in describe_faults() if row["name"] == name)

    assert row["about"].endswith(".")
    assert "\n" not in row["about"]


@pytest.fixture(params=["real", "reports"])
async def apart(request):
    """A world that is never started, in each dialect."""
    world = World(dialect=request.param)
    yield world
    await world._close()


@pytest.mark.parametrize("name", TABLE)
async def test_a_fault_changes_a_setting_in_both_dialects(apart, name):
    """None is without effect because services speak otherwise."""
    healthy = settings_of(apart)
    apart._set([name])

    assert healthy != settings_of(apart)


def settings_of(world):
    """All that a world would tell its processes and its prober."""
    told = world._auth_settings(), world._backend_settings(), world._twin_settings(), world._edge_settings()
    return *told, world.environment


def test_a_scenario_is_its_faults_in_the_reports_dialect():
    """Each report's scenario names faults that exist, and forces the dialect."""
    for scenario in SCENARIOS:
        faults, dialect = expand([scenario.name])

        assert (scenario.faults, "reports") == (tuple(fault.name for fault in faults), dialect)


def test_the_five_reports_are_all_there():
    """One scenario a report."""
    assert ["000", "001", "002", "003", "004"] == [scenario.report[:3] for scenario in SCENARIOS]


def test_an_unknown_name_is_told_what_is_near():
    """A misspelt fault is refused with names that may have been meant."""
    with pytest.raises(UnknownFault, match=r'"auth_donw"; did you mean auth_down'):
        expand(["auth_donw"])


def test_faults_add_up():
    """Two faults are both in force; lists add up, the later value wins."""
    both = merged({"a": 1, "paths": ()}, {"paths": ("/x",)}, {"a": 2, "paths": ("/y",)})

    assert {"a": 2, "paths": ("/x", "/y")} == both
    assert ["auth_down", "ws_router_dead"] == [fault.name for fault in expand(["auth_down", "ws_router_dead"])[0]]


def test_a_name_given_twice_counts_once():
    """A scenario and a fault it contains are one fault."""
    assert len(expand(["auth_down", "auth_down"])[0]) == 1


async def observed(visitor):
    """What one visitor sees of a world, look by look."""
    token, minted = visitor.local_token, await caught(visitor.minted())
    rest = [
        "untrusted",
        "mint",
        "health",
        "own",
        "minted",
        "trusted",
        "by own",
        "by minted",
        "other",
        "forged",
        "expired",
    ]
    rest += ["stream", "validated", "ready", "auth key", "backend key", "announced"]
    looks = [
        verdict(visitor.validate(token(), trusted=True, secret="wrong")),
        status(visitor.mint()),
        status(visitor.backend("GET", "/health")),
        verdict(visitor.validate(token())),
        verdict(visitor.validate(minted)),
        verdict(visitor.validate(token(), trusted=True)),
        status(visitor.messages(token())),
        status(visitor.messages(minted)),
        status(visitor.messages(token("someone-else"))),
        status(visitor.messages(visitor.forged())),
        status(visitor.messages(visitor.expired())),
        status(visitor.backend("POST", "/api/chat/stream", token())),
        verdict(visitor.validate(visitor.forged())),
        status(visitor.backend("GET", "/health/ready")),
        visitor.holds_key("auth"),
        visitor.holds_key("backend"),
        is_as_announced(visitor),
    ]
    sockets = {
        "header": visitor.hear(token()),
        "subprotocol": visitor.hear(token(), by="subprotocol"),
        "nobody": visitor.hear(),
        "bypass": visitor.hear(headers={"x-e2e-run": "1"}),
        "origin": visitor.hear(token(), headers={"origin": "https://x.example"}),
    }
    seen = await asyncio.gather(*map(caught, [*looks, *(end(heard) for heard in sockets.values())]))
    return dict(zip([*rest, *sockets], seen, strict=True))


async def caught(look):
    try:
        return await look
    except Exception as trouble:  # noqa: BLE001 - any trouble is a finding
        return type(trouble).__name__


async def status(look):
    return (await look).status_code


async def is_as_announced(visitor):
    told = (await visitor.backend("GET", "/health")).json()
    return told["revision"] == visitor.env["BACKEND_REVISION"]


async def end(look):
    heard = await look
    return heard.kinds, heard.status, heard.close, heard.user and heard.user.partition("_")[0]


async def verdict(look):
    answer = (await look).json()
    return answer.get("valid"), answer.get("error")


async def unseen(visitor, names):
    """Those of these faults and scenarios that change nothing a visitor sees."""
    healthy = await observed(visitor)
    same = set()
    for name in names:
        await visitor.world.change(name)
        if await observed(visitor) == healthy:
            same.add(name)
    await visitor.world.change()

    assert healthy == await observed(visitor)

    return same


async def test_every_fault_can_be_seen(visit):
    """Each fault changes at least one thing a visitor sees, and healing brings all of it back."""
    names = [fault.name for fault in FAULTS]

    async def part(of):
        async with World() as world:
            return await unseen(visit(world), of)

    async with asyncio.TaskGroup() as beside:  # one that fails ends the others, and their worlds
        parts = [beside.create_task(part(names[start::3])) for start in range(3)]

    assert set().union(*(each.result() for each in parts)) <= UNSEEN_AT_A_GLANCE


async def test_every_scenario_can_be_seen(reported):
    """So does each of the reports' scenarios, in its own dialect."""
    assert await unseen(reported, [scenario.name for scenario in SCENARIOS]) == set()


async def test_a_fault_in_no_catalogue_can_be_played(real):
    """Whoever makes a fault up can break a world with it, at its start or while it runs."""
    made_up = Fault("made_up", "X", "Anything.", auth={"missing_paths": ("/health",)})
    await real.world.change(made_up)

    assert (404, 200) == (
        (await real.auth("GET", "/health")).status_code,
        (await real.backend("GET", "/health")).status_code,
    )
    assert made_up in World([made_up]).faults


def test_a_fault_is_data():
    """A fault made up on the spot works by its settings alone: no code knows it by name."""
    made_up = Fault("made_up", "X", "Anything.", auth={"missing_paths": ("/health",)})
    settings = merged(AuthSettings().to_document(), made_up.auth)

    assert AuthSettings.from_document(settings).missing_paths == ("/health",)
