"""deploy/compose.yaml, as far as that goes without containers: its paths, its ports, its shell with real programs."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from yaml import safe_load

from tests.postgres import ask, server

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]


# ── paths and ports ──────────────────────────────────────────────────────────────────────────────────────────────────


def mounts(service):
    """What it mounts, and where."""
    return [each.split(":")[:2] for each in SERVICES[service].get("volumes", [])]


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_is_there(service):
    """A file of ours, or a volume that is named; Docker would make a folder of a missing file."""
    sources = [source for source, _ in mounts(service)]

    assert [] == [it for it in sources if it.startswith(".") and not (DEPLOY / it).exists()]
    assert [] == [it for it in sources if not it.startswith(".") and it not in COMPOSE["volumes"]]


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_waited_for_is_there_and_can_tell(service):
    """Health is waited for where there is a check, an end where there is one."""
    wanted = SERVICES[service].get("depends_on", {})
    told = {name: it["condition"] for name, it in wanted.items()} if isinstance(wanted, dict) else {}

    assert set(wanted) <= set(SERVICES)
    assert [] == [it for it, why in told.items() if why == "service_healthy" and "healthcheck" not in SERVICES[it]]


def test_only_this_machine_reaches_them():
    """And each port is that of one service."""
    published = [each.split(":") for it in SERVICES.values() for each in it.get("ports", [])]

    assert {"127.0.0.1"} == {host for host, _, _ in published}
    assert ["3000", "9090", "9093", "9464"] == sorted(port for _, port, _ in published)
    assert "ports" not in SERVICES["postgres"]


def test_each_asks_the_others_where_they_are():
    """Prometheus its targets and Alertmanager, by the names and ports of this file."""
    prometheus = safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    (targets,) = prometheus["scrape_configs"][0]["static_configs"]
    (told,) = prometheus["alerting"]["alertmanagers"][0]["static_configs"]

    assert (["lab:9464"], ["alertmanager:9093"]) == (targets["targets"], told["targets"])
    assert "service:lab" == SERVICES["prober"]["network_mode"]
    assert ["/etc/prometheus", "/etc/alertmanager"] == [mounts(it)[0][1] for it in ("prometheus", "alertmanager")]
    assert "--config.file=/etc/prometheus/prometheus.yml" in SERVICES["prometheus"]["command"]
    assert (DEPLOY / "prometheus" / prometheus["rule_files"][0]).exists()
    assert (DEPLOY / "alertmanager" / "alertmanager.yml").exists()  # where its image looks unless told otherwise


def test_the_password_is_in_a_file_alone():
    """Neither the database nor the prober has it in its environment; both read what `key` made up."""
    assert "/run/store/password" == SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD_FILE"]
    assert "environment" not in SERVICES["prober"]
    assert ["store", "/run/store"] in mounts("postgres")
    assert ["store", "/run/store"] in mounts("prober")


#: What the shell of the services reads and writes.
TMP = "/tmp"  # noqa: S108 - of a container
FOLDERS = ("/run/lab", "/run/store", "/etc/prober", TMP)

#: Whether the prober has made its tables.
HAS_RUNS, RUNS = "SELECT tablename FROM pg_tables WHERE tablename = 'runs'", "runs"

# ── its shell ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def here(tmp_path):
    """Where its folders are, for what runs without containers."""
    folders = {path: tmp_path / path[1:].replace("/", "-") for path in FOLDERS}
    for folder in folders.values():
        folder.mkdir()
    shutil.copy(ROOT / "prober/lab/probes.yaml", folders["/etc/prober"])
    return folders


def begun(service, here, **more):
    """What a service runs, with `sh`, in the folders `here`."""
    shell, dash_c, script = SERVICES[service]["entrypoint"]
    script = script.replace("$$", "$").replace("0.0.0.0:9464", "127.0.0.1:0").replace("/var/lib/prober", "/run/store")
    script = re.sub(rf"(?<![\w.])({'|'.join(FOLDERS)})(?=[/\s;]|$)", lambda it: str(here[it[1]]), script)
    env = {"PATH": f"{programs(here[TMP])}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "PROBER_DEBUGGABLE": "1"}
    with (here[TMP] / f"{service}.log").open("w") as log:
        return subprocess.Popen([shell, dash_c, script], cwd=here[TMP], env={**env, **more}, stderr=log)


def programs(folder):
    """What the image has on its path: ours, and Python."""
    for name, words in {"prober": "-m prober ", "python": ""}.items():
        (folder / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words}"$@"\n')
        (folder / name).chmod(0o755)
    return folder


@contextmanager
def running(service, here, **more):
    """A service that goes on, until it is ended: the prober at once, for its last turn is nobody's."""
    process = begun(service, here, **more)
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL if service == "prober" else signal.SIGTERM)
        process.wait(30)


def is_there(path, text):
    """Whether a file has come to say so."""
    return path.exists() and text in path.read_text()


def until(holds, within=60):
    """Wait for it: long, for a busy machine."""
    end = time.monotonic() + within
    while not (found := holds()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_the_password_is_made_up_once(here):
    """For the database and for the prober; the next start finds it."""
    assert 0 == begun("key", here).wait(20)
    password, address = ((here["/run/store"] / name).read_text() for name in ("password", "address"))
    assert 0 == begun("key", here).wait(20)

    assert f"postgresql://prober:{password.strip()}@postgres/prober\n" == address
    assert address == (here["/run/store"] / "address").read_text()
    assert [0o600] * 2 == [(here["/run/store"] / name).stat().st_mode & 0o777 for name in ("password", "address")]
    assert re.fullmatch(r"[0-9a-f]{48}\n", password)


@pytest.mark.postgres
@pytest.mark.timeout(240)
def test_the_prober_looks_at_the_lab_and_writes_into_the_database(here):
    """By the very lines of the file: the lab's addresses, the config with the database, a run that is kept."""
    with server() as postgres, ExitStack() as stack:
        address = postgres.database()
        (here["/run/store"] / "address").write_text(address)
        stack.enter_context(running("lab", here, LAB_FAULT=""))
        until(lambda: is_there(here["/run/lab"] / "environment", SERVICES["lab"]["healthcheck"]["test"][3]))
        stack.enter_context(running("prober", here))
        until(lambda: is_there(here[TMP] / "prober.log", "listening on http"))
        kept = until(lambda: RUNS in ask(address, HAS_RUNS) and ask(address, "SELECT verdict FROM runs LIMIT 1"))

    assert "pass" == kept
