"""The Dockerfile and what its builder is sent, against the program; test_image.py builds it for real."""

import json
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from prober import cli
from prober.config.load import VARIABLE
from prober.publish.web.routes import health

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "constraints.txt").read_text()


def instructions():
    """Each instruction of the Dockerfile, and its words, those of continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not re.match(r"\s*#", line)]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def last(name):
    """What the last instruction of this name says: that of the image itself."""
    return [words for each, words in instructions() if each == name][-1]


def test_its_port_is_where_the_program_listens():
    """The one that is exposed, listened at, checked, and written in the documents."""
    port = cli._AT_HOME.rpartition(":")[2]
    health = last("HEALTHCHECK")

    assert port == last("EXPOSE")
    assert ["serve", "--listen", f"0.0.0.0:{port}"] == json.loads(last("CMD"))
    assert f"'127.0.0.1', {port}" in health


def test_its_health_is_our_own():
    """Of all that can be asked the one route that depends on no target and on no store."""
    (path,) = re.findall(r"'GET', '([^']*)'", last("HEALTHCHECK"))

    assert "/-/healthy" == path
    assert path in {route.path for route in health.router.routes}


def test_its_user_is_nobody_in_particular():
    """A number that is not 0, so that Kubernetes can see it; who owns what is written."""
    assert re.fullmatch(r"([1-9]\d*):\1", last("USER"))
    uid = last("USER").partition(":")[0]
    assert f"-o {uid} -g {uid} /var/lib/prober" in last("RUN")
    assert f"uid={uid}," in (ROOT / "deploy" / "compose.yaml").read_text()


def test_what_it_starts_is_a_program_of_ours():
    """With the config where the program looks for it, and its files where a volume is."""
    (program,) = json.loads(last("ENTRYPOINT"))

    assert program in PROJECT["scripts"]
    assert f"{VARIABLE}=/etc/prober/probes.yaml" in last("ENV")
    assert last("VOLUME") == last("WORKDIR") == "/var/lib/prober"


def test_its_python_is_one_that_we_support():
    """The base's."""
    base = next(words.partition("=")[2] for name, words in instructions() if name == "ARG")
    (version,) = re.findall(r"^python:(3\.\d+)-slim$", base)

    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


def test_it_has_every_extra_that_runs():
    """All of the lock is installed, and the lock holds what each extra names, but for those of developers."""
    extras = {
        name: needs for name, needs in PROJECT["optional-dependencies"].items() if name not in ("chart", "test", "dev")
    }
    named = {re.match(r"[\w-]+", each)[0] for needs in extras.values() for each in needs}

    assert named
    assert set() == {each for each in named if not re.search(rf"^{re.escape(each)}==", LOCK, re.MULTILINE)}


def test_nothing_is_fetched_that_is_not_locked():
    """Each installation asks for hashes, or takes nothing from elsewhere."""
    installs = [each for _, words in instructions() for each in re.findall(r"pip [^&]*install[^&]*", words)]

    assert 3 == len(installs)
    assert [] == [each for each in installs if "--require-hashes" not in each and "--no-deps" not in each]


# ── what the builder is sent ─────────────────────────────────────────────────────────────────────────────────────────

#: What lies about in checkouts, and is nobody's business.
LYING_ABOUT = (
    ".env",
    ".git/config",
    ".venv/bin/python",
    "prober.db",
    "probes.local.yaml",
    "secrets/jwt",
    "id_rsa",
    "prober/__pycache__/cli.cpython-311.pyc",
    "prober/judge/__pycache__/walk.cpython-313.pyc",
    "prober/prober.db",
    "prober/.env",
    "prober/lab/notes.spool",
    "tests/test_cli.py",
)


def ignored(path):
    """Whether the builder is not sent a file: the last line that fits it, or a folder above it, decides."""
    places = [path, *(str(each) for each in Path(path).parents if str(each) != ".")]
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().split():
        pattern, back = line.removeprefix("!"), line.startswith("!")
        if any(_fits(place, pattern) for place in places):
            verdict = not back
    return verdict


def _fits(place, pattern):
    """As Go's filepath.Match, with `**/` for any folders or none: `*` fits no slash."""
    if pattern.startswith("**/"):
        return any(_fits(place[cut:], pattern[3:]) for cut in [0, *(m.end() for m in re.finditer("/", place))])
    return place.count("/") == pattern.count("/") and fnmatch(place, pattern)


@pytest.mark.parametrize("path", LYING_ABOUT)
def test_nothing_that_lies_about_is_sent(path):
    """Neither beside the program nor within it."""
    assert ignored(path)


def test_what_is_built_is_sent_and_nothing_else():
    """Of all files in git those of the package, and those that the Dockerfile names."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    copied = {
        word
        for name, words in instructions()
        if name == "COPY" and "--from" not in words
        for word in words.split()[:-1]
    }
    sent = {path for path in listed if not ignored(path)}

    assert {"constraints.txt", "constraints-build.txt", "pyproject.toml", "README.md", "LICENSE", "prober"} == copied
    assert {path for path in listed if path in copied or path.startswith("prober/")} == sent


def test_compose_runs_it_as_it_was_tried():
    """Read-only, without capabilities, without new privileges, with /tmp in memory."""
    services = YAML(typ="safe").load((ROOT / "deploy" / "compose.yaml").read_text())["services"]

    for name in ("lab", "prober"):
        assert (True, ["ALL"], ["no-new-privileges:true"], ["/tmp"]) == tuple(  # noqa: S108 - the container's
            services[name][key] for key in ("read_only", "cap_drop", "security_opt", "tmpfs")
        )
