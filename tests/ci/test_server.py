"""What pipelines and deploy controllers ask of a prober that runs: the real one, by the contracts of deploy/ci."""

import contextlib
import json
import re
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from jsonschema import Draft202012Validator
from junit2htmlreport.parser import Junit

from tests.ci.test_examples import read
from tests.test_cli import TRIGGER, Served, config_of, environment, prober

#: Whoever bears this token may ask as often as the tests do.
MAY_ASK = """
secrets: {trigger: env:PROBER_TRIGGER_TOKEN}
trigger: {secret: trigger, per_minute: 600, burst: 50}
"""


class Broken(BaseHTTPRequestHandler):
    """Answers 500: not as what is being started does, for which a gate would wait."""

    def do_GET(self):
        """Whatever is asked."""
        self.send_error(500)

    def log_message(self, *_args):
        """Silent."""


@contextlib.contextmanager
def broken():
    """A service that is broken; its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A prober that serves two chains: `alive` holds, `dead` does not."""
    folder = tmp_path_factory.mktemp("there")
    with socket.create_server(("127.0.0.1", 0)) as alive, broken() as dead, contextlib.ExitStack() as stack:
        config = config_of(folder, {"alive": alive.getsockname()[1], "dead": dead})
        looked_at = config.read_text().replace(
            "tcp, probe: tcp, service: dead", "http, probe: http, service: dead, get: /"
        )
        config.write_text(f"{looked_at}{MAY_ASK}")
        served = Served(config, folder / "log")
        stack.callback(served.kill)
        served.config = config
        yield served


def asked(there, *words, token=TRIGGER):
    """`prober gate --server`, of this prober."""
    return prober("gate", *words, "--server", there.url, "--warm-up", "0", PROBER_TOKEN=token, within=50)


# ── prober gate --server ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_gate_held_elsewhere_is_told_as_one_of_our_own(there):
    """As its schema says, with the same exit code."""
    done = asked(there, "alive", "--output", "json")
    schema = prober("schema", "gate").document

    assert (0, "pass", 20) == (done.code, done.document["verdict"], done.document["samples"]), done.err
    assert [] == [each.message for each in Draft202012Validator(schema).iter_errors(done.document)]


def test_a_no_go_from_elsewhere_ends_the_pipeline_and_writes_its_files(there, tmp_path):
    """With 1, the verdict first."""
    files = [tmp_path / name for name in ("gate.xml", "gate.md")]
    done = asked(there, "dead", "--junit", files[0], "--markdown", files[1])

    assert 1 == done.code, done.err
    assert done.out.startswith("✗ dead: NO GO.")
    assert "## ✗ `dead`: NO GO" in files[1].read_text()
    assert [True, True] == [case.failed() for suite in Junit(str(files[0])).suites for case in suite.all()]


@pytest.mark.parametrize(
    ("chain", "token", "code", "said"),
    [("alife", TRIGGER, 5, "did you mean alive?"), ("alive", "another", 2, "401 Unauthorized: send the trigger token")],
)
def test_what_a_server_does_not_do_is_said(there, chain, token, code, said):
    """With the exit code of whoever is at fault."""
    done = asked(there, chain, token=token)

    assert (code, "") == (done.code, done.out)
    assert said in done.err


def serving(config, port):
    """`prober serve` at this port, begun."""
    command = [sys.executable, "-m", "prober", "serve", "--config", config, "--listen", f"127.0.0.1:{port}"]
    return subprocess.Popen(
        command, env=environment(PROBER_TRIGGER_TOKEN=TRIGGER), cwd=config.parent, stderr=subprocess.DEVNULL
    )


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_gate_outlives_the_prober_that_holds_it(there, tmp_path):
    """Killed in the middle and begun anew: whoever asked hears the verdict all the same."""
    config = tmp_path / "probes.yaml"
    config.write_text(there.config.read_text())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "prober", "gate", "alive", "--server", f"http://127.0.0.1:{port}"]
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(serving(config, port))
        stack.callback(first.kill)
        asking = stack.enter_context(
            subprocess.Popen(
                command,
                env=environment(PROBER_TOKEN=TRIGGER),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(asking.kill)
        assert any("running elsewhere" in line for line in asking.stderr)
        first.kill()
        first.wait()
        second = stack.enter_context(serving(config, port))
        stack.callback(second.kill)
        told, complaints = asking.communicate(timeout=90)

    assert 0 == asking.returncode, complaints
    assert told.startswith("✓ alive: GO.")


# ── Argo Rollouts ────────────────────────────────────────────────────────────────────────────────────────────────────


ARGO = read("argo-rollouts.yaml")[0]["spec"]["metrics"][0]


def asks(there, chain, revision="", **more):
    """The template's call, filled in as Argo does it; `more` stands in for parts of the query."""
    web = ARGO["provider"]["web"]
    url, filled = urlsplit(web["url"]), json.dumps([web["jsonBody"], web["headers"]])
    for name, value in {"chain": chain, "revision": revision, "token": TRIGGER}.items():
        filled = filled.replace(f"{{{{args.{name}}}}}", value)
    body, headers = json.loads(filled)
    return httpx.request(
        web["method"],
        f"{there.url}{url.path}",
        params={**dict(parse_qsl(url.query)), **more},
        json=body,
        headers={each["key"]: each["value"] for each in headers},
        timeout=web["timeoutSeconds"],
    )


def phase(answer):
    """What Argo's web provider makes of an answer: it takes 2xx, then what `jsonPath` finds, then both conditions."""
    if not answer.is_success:
        return "Error"
    (name,) = re.fullmatch(r"\{\$\.(\w+)\}", ARGO["provider"]["web"]["jsonPath"]).groups()
    if name not in answer.json():
        return "Error"
    good, bad = (holds(ARGO[f"{kind}Condition"], answer.json()[name]) for kind in ("success", "failure"))
    return "Failed" if bad else "Successful" if good else "Inconclusive"


def holds(condition, result):
    """A condition of the template's kind: `result == VALUE`."""
    return result == json.loads(condition.removeprefix("result == "))


@pytest.mark.parametrize(("chain", "told"), [("alive", "Successful"), ("dead", "Failed")])
def test_argo_goes_on_or_back(there, chain, told):
    """By the conditions of the template, on what the prober really answers."""
    assert told == phase(asks(there, chain))


def test_argo_asks_again_for_what_is_not_known_yet(there):
    """An error to it, of which the template allows some; the next call of that revision is served by the same gate."""
    early = asks(there, "alive", "r1", timeout="1")
    late = asks(there, "alive", "r1")

    assert (202, "Error") == (early.status_code, phase(early))
    assert (early.json()["id"], "Successful") == (late.json()["id"], phase(late))
    assert ARGO["consecutiveErrorLimit"] >= 1
    assert {"name": "revision"} in read("argo-rollouts.yaml")[0]["spec"]["args"]  # no default: it has to be named


def test_a_gate_that_proves_nothing_is_inconclusive_to_argo():
    """A person decides."""
    assert "Inconclusive" == phase(httpx.Response(200, json={"ok": False, "verdict": "inconclusive"}))


@pytest.mark.parametrize(("status", "said"), [(401, {}), (503, {}), (200, {"state": "aborted", "why": "died_mid_run"})])
def test_what_is_no_verdict_is_an_error_to_argo(status, said):
    """It asks again, and at last aborts."""
    assert "Error" == phase(httpx.Response(status, json=said))


# ── Flagger ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("chain", "status", "said"), [("alive", 200, "alive: GO."), ("dead", 409, "dead: NO GO.")])
def test_flagger_goes_on_or_halts(there, chain, status, said):
    """By the address of the example; what is answered is short, for it becomes an event."""
    (hook,) = read("flagger.yaml")[0]["spec"]["analysis"]["webhooks"]
    url = urlsplit(hook["url"])
    payload = {"name": "backend", "namespace": "staging", "phase": "Progressing", "checksum": chain, "metadata": {}}
    answer = httpx.post(
        f"{there.url}{url.path.replace('validation', chain)}?{url.query}",
        json=payload,
        auth=(url.username, TRIGGER),
        timeout=110,
    )

    assert (status, True) == (answer.status_code, answer.text.startswith(said)), answer.text
    assert len(answer.text) < 1000
