"""The image, built for real without an engine, and run as it is meant to be: `scripts/image --try` (docs/image.md)."""

import importlib.util
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from prober.publish.metrics import our_version
from tests.delivery.container import Host, Image

ROOT = Path(__file__).parents[2]
FAULT = "service_credentials_missing"

#: A value that a careless builder has in the environment.
CANARY = "canary-of-the-builders-environment-5f1d"

_BUILD_SECONDS = 900

pytestmark = [pytest.mark.long, pytest.mark.timeout(_BUILD_SECONDS)]


def built(folder):
    """The image, built anew."""
    done = subprocess.run(
        [ROOT / "scripts" / "image"],
        env={**os.environ, "JWT_SECRET_STAGING": CANARY},
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    made = re.search(r"^layout: (.*)$", done.stdout, re.MULTILINE)[1]
    return Image(Path(shutil.copytree(made, folder)))


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """What is tried."""
    missing = [each for each in ("buildah", "runc") if not shutil.which(each)]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root, and the distribution's {missing or 'buildah and runc'}")
    layout = os.environ.get("PROBER_IMAGE_LAYOUT")  # `scripts/image --try` has just built it
    place = tmp_path_factory.mktemp("image") / "oci"
    return Image(Path(shutil.copytree(layout, place))) if layout else built(place)


@pytest.fixture(scope="module")
def host(image, tmp_path_factory):
    """Where it is unpacked."""
    folder = tmp_path_factory.mktemp("host")
    folder.parent.chmod(0o755)  # runc enters it as the image's user
    folder.chmod(0o755)
    root = folder / "root"
    root.mkdir(mode=0o755)
    return Host(image, image.unpack(root), folder)


@pytest.fixture
def staging(host, request):
    """The lab, in a container of the image, well or broken; what it tells of itself."""
    faults = [word for fault in getattr(request, "param", ()) for word in ("--fault", fault)]
    with host.container("lab", "prober", "lab", *faults) as lab:
        for line in lab.process.stdout:
            name, _, value = line.strip().partition("=")
            lab.environment[name] = value
            if name == "LAB_BACKEND_SECRET_PATH":
                break
        yield lab


def beside(host, staging):
    """In the network of the lab, with its variables, and the config of the lab where the image looks for one."""
    (config,) = host.root.glob("opt/prober/lib/python3*/site-packages/prober/lab/probes.yaml")
    mounted = ((config, "/etc/prober/probes.yaml"),)
    return {"beside": staging, "environment": staging.environment, "volumes": mounted}


def unnamed(config):
    """A config without what tells one build from another."""
    named = {"container": None, "container_config": None, "id": None}
    return {**config, **named, "config": {**config["config"], "Hostname": None}}


# ── what is in it ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_built_twice_it_is_the_same(image, tmp_path):
    """Of the same commit on the same base: every layer, and the config but for the name of buildah's container."""
    again = built(tmp_path / "again")

    assert image.manifest["layers"] == again.manifest["layers"]
    assert unnamed(image.config) == unnamed(again.config)


def test_it_says_what_it_is(image):
    """Which version of which commit, made when."""
    label = {name.rpartition(".")[2]: value for name, value in image.config["config"]["Labels"].items()}
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert our_version() == label["version"]
    assert label["revision"].removesuffix("-dirty") == commit.stdout.strip()
    assert image.config["created"].removesuffix("Z") == label["created"].removesuffix("Z")


def test_it_is_small(image, host):
    """What is fetched, and what is unpacked; measured before gcp, otel and vault came: 84 and 231 MiB."""
    fetched = sum(layer["size"] for layer in image.manifest["layers"]) / 2**20
    unpacked = sum(each.lstat().st_size for each in host.root.rglob("*") if each.is_file()) / 2**20

    assert (True, True) == (fetched < 150, unpacked < 400)


@pytest.mark.parametrize("name", ["pip", "pip3", "gcc", "cc", "ld", "make", "uv", "git", "curl"])
def test_nothing_in_it_installs_or_compiles(host, name):
    """Nor fetches."""
    assert [] == [
        folder
        for folder in ("bin", "usr/bin", "usr/local/bin", "opt/prober/bin")
        if (host.root / folder / name).exists()
    ]


def test_nothing_in_it_makes_anybody_another_user(host):
    """No file is set-uid or set-gid."""
    assert [] == [each for each in host.root.rglob("*") if each.is_file() and each.lstat().st_mode & 0o6000]


def test_all_is_compiled_and_compares_no_times(host):
    """A read-only file system keeps nothing that is compiled later; a changed time must not count."""
    sources = [each for each in (host.root / "opt/prober/lib").rglob("*.py") if "/site-packages/prober/" in str(each)]
    compiled = [Path(importlib.util.cache_from_source(str(each))) for each in sources]
    flags = {each.parent.glob(f"{Path(each).name.split('.')[0]}.*.pyc").__next__().read_bytes()[4] for each in compiled}

    assert len(sources) > 100
    assert {0b01} == flags


def test_nothing_of_the_builder_is_in_it(image, host):
    """Neither a value of its environment, nor the certificates that it lent."""
    canary = CANARY.encode()
    texts = [each for each in (host.root / "opt").rglob("*") if each.is_file() and canary in each.read_bytes()]
    lent = Path("/etc/ssl/certs/ca-certificates.crt").read_bytes()

    assert [] == texts
    assert CANARY not in str(image.config)
    assert CANARY not in str(image.manifest)
    assert lent != (host.root / "etc/ssl/certs/ca-certificates.crt").read_bytes()


def test_it_has_every_extra(host):
    """Whoever runs it cannot install what is missing."""
    code, told, said = host.ran("extras", "python", "-c", "import asyncpg, apprise, opentelemetry.sdk; print('all')")

    assert (0, "all\n") == (code, told), said


# ── how it runs ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_runs_as_nobody(host):
    """A user without a name, without capabilities, who can get none."""
    code, told, said = host.ran("nobody", "grep", "-E", "^(Uid|CapEff|CapBnd|NoNewPrivs)", "/proc/self/status")
    status = dict(re.findall(r"^(\w+):\s+(\w+)", told, re.MULTILINE))

    assert 0 == code, said
    assert {"Uid": "10001", "CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1"} == status


@pytest.mark.parametrize(
    ("place", "written"),
    [("/tmp", True), ("/var/lib/prober", True), ("/", False), ("/etc", False), ("/opt/prober", False), ("/var", False)],  # noqa: S108 - the container's
)
def test_it_writes_where_it_may_and_nowhere_else(host, place, written):
    """Elsewhere the file system is read-only, whoever asks."""
    code, _, said = host.ran(f"writes{place.replace('/', '-')}", "touch", f"{place}/file")

    assert written == (code == 0)
    assert written or "Read-only file system" in said


def test_it_passes_in_a_staging_that_is_well(host, staging):
    """Exit code 0, with all steps taken."""
    code, told, said = host.ran("run-well", "prober", "run", **beside(host, staging))

    assert 0 == code, told + said
    assert told.startswith("✓ validation"), told


@pytest.mark.parametrize("staging", [(FAULT,)], indirect=True)
def test_it_names_the_cause_in_one_that_is_not(host, staging):
    """Exit code 1."""
    code, told, said = host.ran("run-broken", "prober", "run", **beside(host, staging))

    assert 1 == code, told + said
    assert f"({FAULT})" in told


def healthy(container, health):
    """The image's own check, made in the container."""
    return container.runs(*health["Test"][1:]).returncode == 0


def until(holds, seconds=30):
    """Wait for it."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)


def test_it_serves_answers_its_check_and_ends_when_it_is_told(host, image, staging):
    """The check fails until somebody listens; SIGTERM reaches the first process and ends it with all written down."""
    health = image.config["config"]["Healthcheck"]
    before = healthy(staging, health)
    with host.container("serve", **beside(host, staging)) as served:
        until(lambda: healthy(served, health) or served.process.poll() is not None)
        until(lambda: b"validation" in _page(served, "/api/v1/runs?limit=1"))
        begun = time.monotonic()
        served.told("TERM")
        code = served.process.wait(30)
        took = time.monotonic() - begun
    kept = host.folder / "serve" / "state" / "prober.db"

    assert not before
    assert 0 == code, (host.folder / "serve" / "log").read_text()
    assert took < 25
    assert kept.stat().st_size > 0
    assert not kept.with_name("prober.db-wal").exists()


def _page(container, path):
    script = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:9464{path}').read().decode())"
    return container.runs("python", "-c", script).stdout.encode()


def test_it_ends_while_it_is_starting(host, staging):
    """The first process of a container gets no signal that it has not asked for: it must have asked by then."""
    with host.container("early", **beside(host, staging)) as served:
        until(lambda: served.begun and b"_pydantic_core" in Path(f"/proc/{served.pid}/maps").read_bytes())
        begun = time.monotonic()
        served.told("TERM")
        code = served.process.wait(30)

    assert (143, True) == (code, time.monotonic() - begun < 8)
