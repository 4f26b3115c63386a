"""The wheel and the sdist: the same bytes each time, all that is needed and nothing else; and the wheel works."""

import os
import subprocess
import sys
import tarfile
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: What is no Python, and without which a command breaks.
NEEDED = (
    "prober/lab/probes.yaml",
    "prober/py.typed",
    "prober/publish/history/migrations/script.py.mako",
    "prober/publish/history/migrations/versions/v0001.py",
)

#: What lies about in a checkout, and must be in neither.
LYING_ABOUT = (".env", "prober.db", "prober/prober.db", "prober/.env", "tests/prober.db-wal", "deploy/prober.db")


def tracked():
    """Every file of the checkout that is in git."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return listed.splitlines()


def built(folder, copy):
    """A wheel and a sdist of a copy of the checkout, built by what is installed here."""
    build = "from hatchling import build as b; import sys; b.build_wheel(sys.argv[1]); b.build_sdist(sys.argv[1])"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", build, folder], cwd=copy, env=environment, check=True, timeout=60)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The checkout, with what lies about in such."""
    folder = tmp_path_factory.mktemp("copy")
    for name in [*tracked(), *LYING_ABOUT]:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((ROOT / name).read_bytes() if name not in LYING_ABOUT else b"secret")
    (folder / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    return folder


@pytest.fixture(scope="module")
def made(copy, tmp_path_factory):
    """Both."""
    return built(tmp_path_factory.mktemp("made"), copy)


def test_built_twice_they_are_the_same(made, copy, tmp_path):
    """Whenever, and however old the files are."""
    for path in copy.rglob("*.py"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    again = built(tmp_path, copy)

    assert [sha256(path.read_bytes()).hexdigest() for path in made] == [
        sha256(path.read_bytes()).hexdigest() for path in again
    ]


def test_the_wheel_holds_the_program_and_nothing_else(made):
    """Every file of the package that is in git, templates and static files too."""
    with zipfile.ZipFile(made[0]) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert {name for name in tracked() if name.startswith("prober/")} == held
    assert set() == set(NEEDED) - held


def test_the_sdist_holds_what_it_takes_to_test_it_and_nothing_local(made):
    """Files in git alone, of the folders that pyproject.toml names."""
    with tarfile.open(made[1]) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()} - {"PKG-INFO"}

    assert set() == held - set(tracked()) - {".gitignore"}
    assert {"tests/delivery/test_package.py", "probes.yaml", "constraints.txt", "action.yml"} <= held


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_wheel_works_where_nothing_else_is(made, tmp_path):
    """In a fresh environment with what is locked, outside of any checkout."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=60)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--require-hashes", "-r", ROOT / "constraints.txt"], check=True, timeout=240)
    subprocess.run([*install, "--no-deps", made[0]], check=True, timeout=60)
    demo = [tmp_path / "venv" / "bin" / "prober", "demo", "--once"]
    done = subprocess.run(demo, cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False)

    assert 0 == done.returncode, done.stderr
    assert done.stdout.startswith("✓ validation")
