"""With the platform asked how its services are configured, what nothing outside tells apart has one cause."""

import json
from contextlib import AsyncExitStack
from dataclasses import dataclass
from io import StringIO

import pytest
import pytest_asyncio
from rich.console import Console

from prober.app import Prober
from prober.lab.faults import ONLY_THE_PLATFORM_SHOWS, Fault
from prober.lab.world import World
from prober.model.chain import Trigger
from prober.model.diagnosis import State
from prober.model.verdict import RunVerdict, Verdict
from prober.publish.document import document
from prober.publish.metrics import render
from prober.publish.text import render as render_text
from tests.stories.conftest import CONFIG, Told

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLATFORMS, DIALECTS = ("cloud_run", "kubernetes"), ("real", "reports")

#: What no outside probe splits (design, §5): in each dialect each of these is one of a set without the platform.
IRREDUCIBLE = (
    "service_credentials_missing",
    "service_secret_drift_at_backend",
    "service_id_drift_at_backend",
    "service_header_illegal",
)

#: What breaks nothing yet, or looks like something else: the platform alone shows it.
LATENT = tuple(fault.name for fault in ONLY_THE_PLATFORM_SHOWS)

#: These look otherwise with the platform asked, and still have one name.
ALSO = (
    "jwt_secret_drift",
    "jwt_secret_drift_latent",
    "service_secret_drift_at_auth",
    "service_credentials_missing_tolerated",
)

#: The short form has each set once, and each latent fault once; the long form everything everywhere.
SHORT = {
    *(("cloud_run", "reports", fault) for fault in IRREDUCIBLE),
    *(("kubernetes", "real", fault) for fault in LATENT),
}
EVERY = [
    pytest.param(*case, id="-".join(case), marks=[] if case in SHORT else [pytest.mark.long])
    for case in ((p, d, f) for p in PLATFORMS for d in DIALECTS for f in (*IRREDUCIBLE, *LATENT, *ALSO))
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on():
    """The world of a platform and a dialect, started when it is first asked for."""
    async with AsyncExitStack() as stack:
        worlds = {}

        async def world(platform, dialect="real", **more):
            key = (platform, dialect, *more)
            if key not in worlds:
                worlds[key] = await stack.enter_async_context(World(dialect=dialect, platform=platform, **more))
            return worlds[key]

        yield world


async def look(world, *faults):
    """Break a world in these ways, and look at it once."""
    await world.change(*faults)
    prober = Prober(CONFIG, world.environment)
    try:
        (report,) = await prober.once(("validation",))
    finally:
        await prober.aclose()
    return Told(report, render(prober.board, "")[0].decode())


@pytest.mark.parametrize(("platform", "dialect", "fault"), EVERY)
async def test_one_fault_has_one_cause(on, platform, dialect, fault):
    """For sure, with nothing left unexplained, and the platform's word among what shows it or rules others out."""
    told = await look(await on(platform, dialect), fault)

    assert {fault: "high"} == told.causes, told.text
    assert State.DIAGNOSED is told.report.diagnosis.state
    assert () == told.report.diagnosis.unexplained
    assert RunVerdict.FAIL is told.report.run.verdict
    assert "configuration" in told.shown_by(fault) or fault == "service_header_illegal"


@pytest.mark.long
async def test_what_the_platform_does_not_know_it_does_not_split(on):
    """Whether the way to auth is cut or a breaker is open, no setting tells; that the ids are equal, one does."""
    told = await look(await on("cloud_run", "reports"), "breaker_open")

    assert {"breaker_open", "backend_cannot_reach_auth"} == told.causes.keys()


@pytest.mark.parametrize(("platform", "dialect"), [("cloud_run", "reports"), ("kubernetes", "real")])
async def test_nothing_is_found_where_nothing_is_wrong(on, platform, dialect):
    """All that is asked is known, and as it should be."""
    told = await look(await on(platform, dialect))
    step = told.report.run.result("configuration")

    assert (RunVerdict.PASS, State.HEALTHY) == (told.report.run.verdict, told.report.diagnosis.state)
    assert (Verdict.PASS, "13 things are as they should be") == (step.verdict, step.detail)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_fifty_rounds_find_nothing_where_nothing_is_wrong(on, platform, dialect):
    """Nor do tokens that are kept, or anything else that is remembered, come between."""
    world = await on(platform, dialect)
    await world.change()
    prober = Prober(CONFIG, world.environment)
    try:
        errand = prober._errand(prober.plan.chains["validation"], Trigger.MANUAL)
        reports = [await prober.turn(errand) for _ in range(50)]
    finally:
        await prober.aclose()

    assert {RunVerdict.PASS} == {report.run.verdict for report in reports}
    assert {State.HEALTHY} == {report.diagnosis.state for report in reports}


@pytest.mark.long
async def test_versions_that_differ_are_named_though_all_works(on):
    """Auth still trusts the secret of before, so nobody is refused: the backend runs with it, and is to be deployed."""
    world = await on("cloud_run")
    before = {"also_service_secrets": (world._secret("other service"),)}
    told = await look(world, Fault("rotation", "E", "", auth=before, backend={"service_secret": "other:service"}))

    assert {"service_credentials_missing_tolerated": "high"} == told.causes
    assert "configuration" in told.shown_by("service_credentials_missing_tolerated")


@pytest.mark.long
async def test_without_the_rights_nothing_is_known_and_nobody_blamed(on):
    """We cannot look: that is ours, and all else is told as it would be without a platform."""
    told = await look(await on("cloud_run", rights=()))
    step = told.report.run.result("configuration")

    assert (RunVerdict.BLIND, State.HEALTHY) == (told.report.run.verdict, told.report.diagnosis.state)
    assert Verdict.BLIND is step.verdict
    assert "we may not ask the platform (HTTP 403)" in step.detail


@pytest.mark.long
async def test_with_the_least_rights_names_are_known(on):
    """One right each is enough for what is missing; versions stay unknown, and are told as that."""
    told = await look(await on("kubernetes", rights=("deployments",)), "service_credentials_missing")

    assert {"service_credentials_missing": "high"} == told.causes
    assert RunVerdict.FAIL is told.report.run.verdict


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────

#: What everybody knows anyway.
KNOWN = {"staging", "netra-backend", "netra-backend-old"}


@dataclass(frozen=True)
class Heard:
    """Everything that one look said to anybody."""

    said: str

    def holds(self, values):
        """Which of these values it holds, whole or a telling part of them."""
        return {value for value in values if value in self.said or value[8:24] in self.said}


def values_in(world):
    """Every value that the platform describes or holds now."""
    told = world._platform_settings()
    env = [each for of in told.containers.values() for one in of["processes"] for each in one["env"]]
    literals = {each["value"] for each in env if "value" in each}
    passwords = {each.partition("@")[0].rpartition(":")[2] for each in literals if "@" in each}
    return {*literals, *passwords, *(each["value"].strip() for each in told.secrets.values())} - KNOWN


async def heard(world, fault, capfd):
    """Report, evidence, page of metrics, and whatever was printed or logged meanwhile."""
    told = await look(world, fault)
    console = Console(file=StringIO(), width=300)
    render_text(told.report, console)
    said = [
        console.file.getvalue(),
        json.dumps(document(told.report)),
        told.page,
        repr(told.report),
        *capfd.readouterr(),
    ]
    return Heard("\n".join(said))


@pytest.mark.parametrize("platform", [PLATFORMS[0], pytest.param(PLATFORMS[1], marks=pytest.mark.long)])
async def test_no_value_of_any_setting_is_in_anything_that_is_said(on, platform, capfd):
    """Though the platform tells all literals, and hands out whole Secrets to whoever asks for them."""
    world = await on(platform, "reports")
    everything = await heard(world, "service_secret_drift_at_backend", capfd)
    values = values_in(world)

    assert 6 <= len(values)
    assert set() == everything.holds(values)
    assert "SERVICE_SECRET" in everything.said
    assert values == Heard(everything.said + "".join(values)).holds(values)  # it would be found
