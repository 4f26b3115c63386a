"""The command line: what goes in, what comes out, and with which exit code it ends."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import httpx
import jwt
import pytest
from jsonschema import Draft202012Validator
from junit2htmlreport.parser import Junit
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from typer.testing import CliRunner

from prober import cli
from prober.lab.faults import FAULTS, ONLY_THE_PLATFORM_SHOWS, SCENARIOS
from prober.model.verdict import RunVerdict
from prober.publish.history.engine import in_file
from prober.publish.history.store import SqlStore
from tests.gather.peers import answers, asgi_peer, raw_peer
from tests.publish.notify.webhook import webhook

TESTS = Path(__file__).parent
LAB_CONFIG = TESTS.parent / "prober" / "lab" / "probes.yaml"
TRIGGER = "trigger-token-of-this-test"
SUBJECT = "staging-e2e-user-001"
COMMANDS = [command.name or command.callback.__name__ for command in cli.app.registered_commands]

#: A config with one step, at a backend of the test.
SMALL = """
version: 1
environment: staging
secrets: {trigger: env:PROBER_TRIGGER_TOKEN}
trigger: {secret: trigger}
services:
  backend: {role: backend, url: "${BACKEND_URL}"}
chains:
  validation:
    interval: 60s
    deadline: 10s
    steps:
      - {name: health, probe: http, service: backend, get: /health, shows: health}
"""


def environment(**more):
    """As little as a program needs, and what is given."""
    return {"PATH": os.environ["PATH"], "COLUMNS": "160", **more}


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        """The one JSON document on standard output; anything else there is an error."""
        return json.loads(self.out)


def prober(*words, within=30, **more):
    """Run a command to its end, with these variables and no others of ours."""
    command = [sys.executable, "-m", "prober", *map(str, words)]
    done = subprocess.run(
        command, env=environment(**more), capture_output=True, text=True, timeout=within, check=False, cwd=TESTS
    )
    return Done(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def lab(*before, words=()):
    """`prober lab`, started by these words: the process, and the environment that its lines make; gone afterwards."""
    command = [*before, sys.executable, "-m", "prober", "lab", *words]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = [process.stdout.readline().rstrip("\n") for _ in range(13)]
            yield process, dict(line.split("=", 1) for line in lines)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def staging():
    """`prober lab`, running: the environment that its lines make."""
    with lab() as (process, told):
        yield told
        process.send_signal(signal.SIGINT)
        assert 130 == process.wait(30)


# ── help ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example(command):
    """One that can be typed as it stands, and begins with the command itself."""
    helped = CliRunner().invoke(cli.app, [command, "--help"])
    example = " ".join(helped.output.partition("Example:")[2].split())

    assert 0 == helped.exit_code
    assert f"prober {command}" in example


def test_without_a_command_help_is_shown():
    """With every command, every exit code, and what to type first."""
    helped = prober()
    told = " ".join(helped.out.split() + helped.err.split())

    assert 2 == helped.code
    assert [] == [command for command in COMMANDS if command not in told]
    assert "Start with: prober demo" in told
    assert "0 pass · 1 fail · 2 usage or config · 3 the prober's own fault · 4 not enough evidence" in told


def test_every_verdict_has_its_exit_code():
    """And no two verdicts share one."""
    assert set(RunVerdict) == cli.EXIT_CODES.keys()
    assert {0, 1, 3, 4} == set(cli.EXIT_CODES.values())


# ── what a command imports ───────────────────────────────────────────────────────────────────────────────────────────

#: Runs the words after it as `prober`, and says on standard error what was imported by its end.
_TELLS_MODULES = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from prober.cli import main
sys.argv[0] = "prober"
main()
"""

#: What takes long to import: libraries of others, and whatever of ours brings them.
HEAVY = {
    *("aiosqlite", "alembic", "apprise", "apscheduler", "asyncio", "cryptography", "fastapi", "httpx", "jinja2"),
    *("jmespath", "jwt", "lxml", "opentelemetry", "prometheus_client", "pydantic", "rich", "ruamel", "sqlalchemy"),
    *("starlette", "structlog", "uvicorn", "websockets", "yaml", "prober.app", "prober.model.report"),
}


#: What the config is read with.
_READING = {"asyncio", "jmespath", "pydantic", "yaml"}

#: And what a look is taken with.
_LOOKING = {*_READING, "cryptography", "httpx", "jwt", "prober.app", "prober.model.report", "structlog", "websockets"}


def imported(*words, code=0, **more):
    """What of HEAVY a command has imported by its end."""
    command = [sys.executable, "-c", _TELLS_MODULES, *map(str, words)]
    done = subprocess.run(command, env=environment(**more), capture_output=True, text=True, timeout=30, check=False)

    assert code == done.returncode, done.stderr
    return HEAVY.intersection(json.loads(done.stderr.splitlines()[-1]))


def test_help_is_there_at_once():
    """The page of all commands needs the words, and nothing that works."""
    assert set() == imported("--help")
    assert set() == imported(code=2)


def test_a_config_is_checked_without_what_looks_or_serves(tmp_path):
    """No web server, no database, no client: those that `prober check` is run by wait for it in a pipeline."""
    config = tmp_path / "probes.yaml"
    config.write_text(SMALL)

    assert _READING >= imported("check", "-c", config, BACKEND_URL="http://127.0.0.1:1") - {"rich"}


def test_one_round_is_taken_without_what_serves(tmp_path):
    """No database, no web server and no schedule; `rich` prints the report, and other libraries bring it."""
    config = tmp_path / "probes.yaml"
    config.write_text(SMALL)
    found = imported("run", "-c", config, "--output", "json", code=1, BACKEND_URL="http://127.0.0.1:1")

    assert found <= _LOOKING | {"rich"}


async def _make_store(path):
    store = SqlStore(in_file(path), "main")
    await store.open()
    await store.aclose()


def test_serving_loads_nothing_that_nobody_asked_for(tmp_path):
    """No migrations of a store that needs none, no other database's dialect, no page and no JUnit before they are."""
    asyncio.run(_make_store(tmp_path / "prober.db"))
    (tmp_path / "probes.yaml").write_text(SMALL)
    command = [sys.executable, "-c", _TELLS_MODULES, "serve", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(BACKEND_URL="http://127.0.0.1:1"), stderr=subprocess.PIPE, text=True
    ) as process:
        next(line for line in process.stderr if line.startswith("listening on "))
        process.terminate()
        modules = json.loads(process.stderr.read().splitlines()[-1])

    assert {"sqlalchemy", "fastapi", "apscheduler"} <= set(modules)
    assert set() == {"alembic", "jinja2", "lxml", "ruamel", "sqlalchemy.dialects.postgresql"}.intersection(modules)


def test_the_list_of_commands_says_what_each_does_in_whole_sentences():
    """None is cut off at the end of its line, as the library would."""
    told = " ".join(prober("--help").out.split())

    assert "Look at the configured chains on schedule and on demand; answer Prometheus. run" in told


# ── demo ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("faults", "code", "verdict", "cause"),
    [
        ((), 0, "pass", None),
        (("reported_jwt_secret_drift",), 1, "fail", "jwt_secret_drift"),
        (("bypass_key_not_sent",), 3, "blind", "bypass_key_not_sent"),
        (("service_credentials_missing_tolerated",), 4, "partial", "service_credentials_missing_tolerated"),
    ],
    ids=["healthy", "broken", "blind", "partial"],
)
def test_demo_once_as_json(faults, code, verdict, cause):
    """One JSON document on standard output and nothing else there; the exit code says the verdict."""
    words = [word for fault in faults for word in ("--fault", fault)]
    done = prober("demo", "--once", "--output", "json", *words)

    assert (code, verdict) == (done.code, done.document["run"]["verdict"])
    assert ([cause] if cause else []) == [each["name"] for each in done.document["diagnosis"]["causes"]]
    assert 1 == done.out.count("\n")


def test_demo_of_a_slow_and_reworded_lab():
    """What must not matter does not matter: slower than the backend would wait for auth, and in other words."""
    done = prober("demo", "--once", "--output", "json", "--latency", "50ms-600ms", "--reworded")

    assert (0, "pass") == (done.code, done.document["run"]["verdict"])


def test_demo_once_as_text():
    """Verdict, cause, remedy and the refusals, for people; no token and no colour codes in a pipe."""
    done = prober("demo", "--once", "--fault", "jwt_secret_drift")

    assert 1 == done.code
    assert [] == [word for word in ("FAIL", "jwt_secret_drift", "remedy", "403", "1008") if word not in done.out]
    assert not re.search(r"eyJ[\w-]+\.|\x1b", done.out)


def test_an_unknown_fault_matches_nothing():
    """What was meant is told."""
    done = prober("demo", "--once", "--fault", "auth_dwon")

    assert (5, "") == (done.code, done.out)
    assert "no fault is called 'auth_dwon'; did you mean auth_down?" in done.err


# ── run ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_run_looks_once(staging):
    """Against what the environment names, which here is the lab that `prober lab` started."""
    done = prober("run", "--config", LAB_CONFIG, "--output", "json", **staging)

    assert (0, "pass") == (done.code, done.document["run"]["verdict"])
    assert ("validation", "manual") == (done.document["run"]["chain"], done.document["run"]["trigger"])


def test_run_of_an_unknown_chain_matches_nothing(staging):
    """And asks nobody anything."""
    done = prober("run", "chat", "--config", LAB_CONFIG, **staging)

    assert (5, "", "no chain is called 'chat'; there is: validation, controls\n") == (done.code, done.out, done.err)


def test_without_our_key_we_are_blind(staging):
    """A secret that we lack is our own fault, and exit code 3 says so."""
    env = {name: value for name, value in staging.items() if name != "JWT_SECRET_STAGING"}
    done = prober("run", "--config", LAB_CONFIG, "--output", "json", **env)

    assert (3, "blind") == (done.code, done.document["run"]["verdict"])


def test_of_several_runs_the_worst_decides(tmp_path):
    """A chain that fails beside one that passes is a failure; each report is a line of its own."""
    with socket.create_server(("127.0.0.1", 0)) as alive, socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        tcp = "\n".join(
            f"  {name}:\n    steps:\n      - {{name: tcp, probe: tcp, service: {name}}}" for name in ("alive", "dead")
        )
        urls = {"alive": alive.getsockname()[1], "dead": dead.getsockname()[1]}
        services = "\n".join(f'  {n}: {{role: backend, url: "http://127.0.0.1:{p}"}}' for n, p in urls.items())
        config = tmp_path / "probes.yaml"
        config.write_text(f"version: 1\nenvironment: staging\nservices:\n{services}\nchains:\n{tcp}\n")
        done = prober("run", "--config", config, "--output", "json")

    assert 1 == done.code, done.err
    assert ["pass", "fail"] == [json.loads(line)["run"]["verdict"] for line in done.out.splitlines()]


# ── gate ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def doors(tmp_path):
    """A config of two chains, and the port of `alive`; nobody listens at that of `dead`."""
    with socket.create_server(("127.0.0.1", 0)) as alive, socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        yield config_of(tmp_path, {"alive": alive.getsockname()[1], "dead": dead.getsockname()[1]})


def config_of(folder, ports):
    """One chain for each port, that looks whether it is open."""
    services = "".join(f'  {name}: {{role: backend, url: "http://127.0.0.1:{port}"}}\n' for name, port in ports.items())
    chains = "".join(f"  {name}:\n    steps: [{{name: tcp, probe: tcp, service: {name}}}]\n" for name in ports)
    path = folder / "probes.yaml"
    path.write_text(f"version: 1\nenvironment: staging\nservices:\n{services}chains:\n{chains}")
    return path


def test_a_gate_says_go_and_keeps_what_it_saw(doors, tmp_path):
    """Exit code 0; and what held is the baseline of the next."""
    before = tmp_path / "before.json"
    done = prober("gate", "alive", "--config", doors, "--output", "json", "--save-baseline", before)

    assert (0, "pass", 20) == (done.code, done.document["verdict"], done.document["samples"]), done.err
    assert False is json.loads(before.read_text())["baselines"]["alive"]["failing"]


def test_a_gate_says_no_go_and_whose_doing_it_is(doors, tmp_path):
    """Exit code 1; the baseline says that all was well."""
    before = tmp_path / "before.json"
    well = {"at": "2026-01-01T00:00:00Z", "failing": False, "causes": [], "failed": [], "runs": 20, "instances": {}}
    before.write_text(json.dumps({"schema": 1, "environment": "staging", "baselines": {"dead": well}}))
    done = prober("gate", "dead", "--config", doors, "--warm-up", "0", "--baseline", before)

    assert 1 == done.code, done.err
    assert "dead: NO GO." in done.out
    assert "REGRESSION" in done.out


def test_of_several_gates_the_worst_decides(doors):
    """Each is a line of its own."""
    done = prober("gate", "--config", doors, "--warm-up", "0", "--output", "json")

    assert 1 == done.code
    assert ["pass", "fail"] == [json.loads(line)["verdict"] for line in done.out.splitlines()]


def test_too_few_rounds_are_not_enough_evidence(doors):
    """Exit code 4, and no «go»."""
    done = prober("gate", "alive", "--config", doors, "--rounds", "3")

    assert (4, True) == (done.code, "NOT ENOUGH EVIDENCE" in done.out)


def test_a_gate_of_an_unknown_chain_matches_nothing(doors):
    """Exit code 5, before anything is asked of anybody."""
    done = prober("gate", "alife", "--config", doors)

    assert (5, "no chain is called 'alife'; did you mean alive?\n") == (done.code, done.err)


@pytest.mark.parametrize(
    "words",
    [
        ("--prove", "1"),
        ("--prove", "0"),
        ("--prove", "0.95", "--rounds", "58"),
        ("--rounds", "0"),
        ("--baseline", "nowhere.json"),
    ],
)
def test_what_no_gate_can_do_is_usage(doors, words):
    """Exit code 2."""
    assert 2 == prober("gate", "alive", "--config", doors, *words).code


def test_a_pipeline_gets_its_files(doors, tmp_path):
    """JUnit XML and Markdown where it wants them; on GitHub an annotation and the job's summary besides."""
    junit, markdown, summary = (tmp_path / name for name in ("gate.xml", "gate.md", "summary.md"))
    words = ("gate", "dead", "--config", doors, "--warm-up", "0", "--junit", junit, "--markdown", markdown)
    done = prober(*words, "--output", "json", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=summary)

    assert (1, "fail") == (done.code, done.document["verdict"]), done.err
    assert [("gate", True), ("tcp", True)] == [(c.name, c.failed()) for s in Junit(str(junit)).suites for c in s.all()]
    assert markdown.read_text().startswith("## ✗ `dead`: NO GO")
    assert markdown.read_text() == summary.read_text().removesuffix("\n")
    assert "\n::error title=dead%3A NO GO.::" in done.err


def test_what_keeps_a_job_from_a_verdict_is_annotated(doors):
    """Whoever looks at the list of its steps sees why."""
    done = prober("gate", "alife", "--config", doors, GITHUB_ACTIONS="true")

    assert (5, 2) == (done.code, len(done.err.splitlines()))
    assert done.err.splitlines()[1] == "::error title=prober::no chain is called 'alife'; did you mean alive?"


def test_elsewhere_than_on_github_nothing_is_annotated(doors):
    """A terminal would only show it."""
    done = prober("gate", "dead", "--config", doors, "--warm-up", "0")

    assert (1, False) == (done.code, "::error" in done.err + done.out)


@pytest.mark.parametrize("option", ["--junit", "--markdown", "--save-baseline"])
def test_what_could_not_be_written_is_said_before_the_work(doors, option, tmp_path):
    """Exit code 2 at once, not after a minute."""
    done = prober("gate", "alive", "--config", doors, option, tmp_path / "nowhere" / "file", COLUMNS="400")

    assert (2, "", True) == (done.code, done.out, "there is no " in done.err)


def test_a_verdict_is_told_where_its_files_cannot_be_written(doors):
    """A full disk is our own fault: exit code 3 instead of 0; of a deploy that broke it stays 1."""
    well = prober("gate", "alive", "--config", doors, "--junit", "/dev/full")
    broken = prober("gate", "dead", "--config", doors, "--warm-up", "0", "--junit", "/dev/full")

    assert (3, True, "/dev/full cannot be written: No space left on device\n") == (
        well.code,
        "alive: GO." in well.out,
        well.err.splitlines(keepends=True)[-1],
    )
    assert (1, True) == (broken.code, "dead: NO GO." in broken.out)


def test_a_run_writes_junit_too(doors, tmp_path):
    """A suite a chain, a case a step."""
    junit = tmp_path / "run.xml"
    done = prober("run", "--config", doors, "--junit", junit)
    suites = Junit(str(junit)).suites

    assert 1 == done.code, done.err
    assert [("alive", [False]), ("dead", [True])] == [
        (suite.name, [case.failed() for case in suite.all()]) for suite in suites
    ]


@pytest.mark.parametrize(
    ("words", "token", "said"),
    [
        ((), "", "needs a token"),
        ((), "a\nb", "needs a token"),
        (("--token-file", "nowhere"), "", "does not exist"),
        (("--baseline", LAB_CONFIG), "t", "leave out --baseline"),
    ],
)
def test_a_server_is_asked_by_a_token_and_by_name(words, token, said):
    """Exit code 2, before anybody is asked."""
    done = prober("gate", "alive", "--server", "http://127.0.0.1:1", *words, PROBER_TOKEN=token, COLUMNS="400")

    assert (2, "", True) == (done.code, done.out, said in done.err), done.err


def test_a_token_is_not_sent_unencrypted():
    """But where somebody gave leave."""
    done = prober("gate", "alive", "--server", "http://prober.example", PROBER_TOKEN="t", COLUMNS="400")

    assert (2, True) == (done.code, "no address to send a token to" in done.err)


def test_a_gate_that_lacks_our_key_is_our_own_fault(staging):
    """Exit code 3: nothing was counted against anybody."""
    env = {name: value for name, value in staging.items() if name != "JWT_SECRET_STAGING"}
    done = prober("gate", "validation", "--config", LAB_CONFIG, "--output", "json", **env)

    assert (3, "inconclusive", "blind") == (done.code, done.document["verdict"], done.document["because"])


# ── check, schema, lab ───────────────────────────────────────────────────────────────────────────────────────────────


def test_check_of_a_good_file(staging):
    """It says so, and how much is in it."""
    done = prober("check", "--config", LAB_CONFIG, "--output", "json", **staging)

    assert 0 == done.code
    assert {"valid": True, "file": str(LAB_CONFIG), "services": 2, "chains": 2, "steps": 201} == done.document


def test_check_shows_what_is_in_effect(staging):
    """With every default filled in, and no secret."""
    done = prober("check", "--effective", "--config", LAB_CONFIG, **staging)

    assert 0 == done.code
    assert "grace" in done.out
    assert staging["JWT_SECRET_STAGING"] not in done.out


def test_check_of_a_bad_file_tells_every_complaint():
    """All at once, in the order of the file, on standard error; standard output stays empty."""
    file = TESTS / "config" / "bad" / "five_faults.yaml"
    done = prober("check", "--config", file)

    assert (2, "") == (done.code, done.out)
    assert ["4", "7", "8", "19", "21"] == re.findall(rf"^{re.escape(str(file))}:(\d+): ", done.err, flags=re.MULTILINE)


def test_a_file_that_is_not_there_is_a_complaint(tmp_path):
    """Exit code 2, and no traceback."""
    done = prober("check", "--config", tmp_path / "nowhere.yaml")

    assert (2, "") == (done.code, done.out)
    assert "nowhere.yaml" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",),
        ("run", "--output", "xml"),
        ("serve", "--listen", "here"),
        ("serve", "--shard", "0/3"),
        ("serve", "--shard", "4/3"),
        ("serve", "--shard", "x/y"),
        ("serve", "--shard", ""),
        ("demo", "--dialect", "latin"),
        ("demo", "--latency", "slow"),
        ("lab", "--latency", "10ms-3s"),
        ("lab", "--failures", "3"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_understood_is_usage(words):
    """Exit code 2, and no traceback."""
    done = prober(*words)

    assert (2, "") == (done.code, done.out)
    assert "Traceback" not in done.err


def test_schema_is_a_json_schema():
    """One that editors accept, and that knows the sections of the file."""
    done = prober("schema")

    Draft202012Validator.check_schema(done.document)
    assert 0 == done.code
    assert {"version", "secrets", "services", "issuers", "chains"} <= done.document["properties"].keys()


@pytest.mark.parametrize("command", ["gate", "run"])
def test_what_is_printed_is_as_its_schema_says(command, doors):
    """Of chains that hold and of those that do not."""
    schema = prober("schema", {"run": "report"}.get(command, command)).document
    more = ("--warm-up", "0") if command == "gate" else ()
    documents = prober(command, "--config", doors, "--output", "json", *more).out.splitlines()

    assert 2 == len(documents)
    assert [[], []] == [[e.message for e in Draft202012Validator(schema).iter_errors(json.loads(d))] for d in documents]


def test_the_lab_lists_what_can_be_broken():
    """Every scenario and every fault, with its family and one line on it."""
    done = prober("lab", "--list", "--output", "json")

    assert 0 == done.code
    every = (*SCENARIOS, *FAULTS, *ONLY_THE_PLATFORM_SHOWS)
    assert [each.name for each in every] == [row["name"] for row in done.document]
    assert {("name", "kind", "family", "about")} == {tuple(row) for row in done.document}


def test_the_lab_tells_what_a_prober_needs(staging):
    """As lines of an environment; the config of the lab needs no other."""
    missing = set(re.findall(r"\$\{(\w+)\}|env:(\w+)", LAB_CONFIG.read_text()))

    assert {"".join(names) for names in missing} - {"PROBER_TRIGGER_TOKEN"} <= staging.keys()


#: How a script without job control starts what it puts in the background.
IN_THE_BACKGROUND = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("before", [(), IN_THE_BACKGROUND], ids=["before-us", "in-the-background"])
def test_the_lab_ends_when_it_is_told_to(before, number, code):
    """Its code says by what, however it was started, and nobody is left behind its addresses."""
    with lab(*before) as (process, told):
        process.send_signal(number)
        ended = process.wait(30)
        addresses = [httpx.URL(told[name]) for name in ("AUTH_URL", "BACKEND_URL")]

    assert code == ended
    for url in addresses:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((url.host, url.port), 5)


# ── pause ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Switches:
    """A prober elsewhere that notes what it is told."""

    def __init__(self):
        """Nothing is paused."""
        self.told, self.headers = [], []

    def app(self):
        """The routes of its switch."""
        pause = {"service": "auth", "since": "noon", "until": None, "by": "ops", "reason": "a load\x1b test"}

        async def answer(request):
            self.told.append((request.method, request.url.path, await request.body()))
            self.headers.append(request.headers)
            return JSONResponse({"POST": pause, "GET": {"pauses": [pause]}, "DELETE": {"lifted": None}}[request.method])

        return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "DELETE"])])


class Machine:
    """A metadata server whose tokens are for whoever asks."""

    async def __call__(self, reader, writer):
        """Sign one for the audience that is asked for."""
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        audience = unquote(asked.partition("audience=")[2].partition("&")[0])
        token = jwt.encode({"aud": audience, "exp": int(time.time()) + 3600}, "k" * 32)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(token)}\r\nConnection: close\r\n\r\n{token}".encode())
        await writer.drain()


@pytest.mark.parametrize(
    ("words", "environ", "audience"),
    [
        (("--identity-from", "metadata"), {}, None),
        (
            (),
            {"PROBER_IDENTITY_FROM": "metadata", "PROBER_IDENTITY_AUDIENCE": "https://p.run.app"},
            "https://p.run.app",
        ),
        (("--identity-audience", "https://p.run.app"), {"PROBER_IDENTITY_FROM": "metadata"}, "https://p.run.app"),
        (("--identity-from", "none"), {"PROBER_IDENTITY_FROM": "metadata"}, ""),
    ],
)
async def test_a_prober_behind_a_platform_is_shown_who_we_are(words, environ, audience):
    """By a token of this machine, for its address unless somebody says otherwise."""
    elsewhere = Switches()
    async with asgi_peer(elsewhere.app()) as port, raw_peer(Machine()) as machine:
        url = f"http://127.0.0.1:{port}"
        given = {"PROBER_TOKEN": "t", "GCE_METADATA_HOST": f"127.0.0.1:{machine}", **environ}
        done = await asyncio.to_thread(prober, "pauses", "--server", f"{url}/", *words, **given)

    assert 0 == done.code, done.err
    (shown,) = [headers.get("x-serverless-authorization") for headers in elsewhere.headers]
    seen = shown and jwt.decode(shown.removeprefix("Bearer "), options={"verify_signature": False})["aud"]
    assert (url if audience is None else audience or None) == seen


@pytest.mark.parametrize("source", ["eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0", "file:", "elsewhere"])
def test_an_identity_token_never_comes_by_argument(source):
    """Where it is does; and who writes the token itself is not quoted."""
    done = prober(
        "pauses", "--server", "http://127.0.0.1:1", "--identity-from", source, PROBER_TOKEN="t", COLUMNS="400"
    )

    assert (2, True) == (done.code, "write metadata, or file:PATH" in done.err)
    assert "c2VjcmV0" not in done.err


async def test_a_switch_is_pulled_told_of_and_lifted_from_a_terminal():
    """By the token of an operator; and what is said there cannot steer the terminal."""
    elsewhere = Switches()
    async with asgi_peer(elsewhere.app()) as port:
        server = ("--server", f"http://127.0.0.1:{port}")
        done = [
            await asyncio.to_thread(prober, *words, *server, PROBER_TOKEN="t")
            for words in (
                ("pause", "auth", "--reason", "a load test", "--for", "2h"),
                ("pauses",),
                ("resume", "--all"),
            )
        ]

    line = "auth: paused since noon by ops: a load\N{REPLACEMENT CHARACTER} test"
    assert [(0, line), (0, line), (0, "everything: it was not paused")] == [
        (each.code, each.out.strip()) for each in done
    ]
    assert ["POST", "GET", "DELETE"] == [method for method, _, _ in elsewhere.told]
    assert {"service": "auth", "reason": "a load test", "for": 7200.0} == json.loads(elsewhere.told[0][2])
    assert "/api/v1/pauses/*" == elsewhere.told[2][1]


@pytest.mark.parametrize(
    "words",
    [
        ("pause", "--reason", "x"),
        ("pause", "auth", "--all", "--reason", "x"),
        ("pause", "auth"),
        ("pause", "auth", "--reason", "x", "--for", "soon"),
        ("resume",),
        ("pauses", "--server", "http://elsewhere.example"),
    ],
)
def test_a_switch_that_is_not_meant_is_not_pulled(words):
    """One service or all, with a reason, over a way that a token may take."""
    assert 2 == CliRunner().invoke(cli.app, words, env={"PROBER_TOKEN": "t"}).exit_code


def test_a_switch_that_nobody_heard_is_not_pulled():
    """Nobody goes away and believes that it is."""
    done = prober("pause", "auth", "--reason", "x", "--server", "http://127.0.0.1:1", PROBER_TOKEN="t")

    assert (3, "") == (done.code, done.out)
    assert "127.0.0.1:1 has not said that it is done: " in done.err


# ── notify ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def told(tmp_path):
    """A config with these receivers; each finds its address in the variable that is called after it."""

    def write(*names):
        path = tmp_path / "probes.yaml"
        rows = "".join(f"  - {{name: {name}, url: env:{name.upper()}_URL}}\n" for name in names)
        path.write_text(f"{SMALL}{f'notify:{chr(10)}{rows}' if names else ''}")
        return path

    return write


def notify(config, *words, **more):
    """Send samples, in a thread: the webhook lives on the loop."""
    return asyncio.to_thread(prober, "notify", "--config", config, *words, BACKEND_URL="http://127.0.0.1:9", **more)


async def test_a_sample_is_sent_to_each_receiver(told):
    """Exit code 0 when all took it; one line each; and no address anywhere."""
    async with webhook() as ops, webhook() as dev:
        urls = {"OPS_URL": f"{ops.url}?-token=correct-horse", "DEV_URL": dev.url}
        done = await notify(told("ops", "dev"), "--test", **urls)

    assert (0, "ops: taken\ndev: taken\n", "") == (done.code, done.out, done.err)
    assert ["Sample: the prober of staging can reach you"] * 2 == [each["title"] for each in (*ops.got, *dev.got)]


async def test_a_sample_is_sent_to_those_who_are_named(told):
    """Nobody else is bothered."""
    async with webhook() as ops, webhook() as dev:
        done = await notify(told("ops", "dev"), "--test", "dev", OPS_URL=ops.url, DEV_URL=dev.url)

    assert (0, "dev: taken\n", [], 1) == (done.code, done.out, ops.got, len(dev.got))


async def test_who_was_not_reached_is_said_and_why(told):
    """Exit code 3: those who should be told would not be. One that was taken stays taken."""
    async with webhook(statuses=[403]) as ops, webhook() as dev:
        words = ("--test", "--output", "json")
        done = await notify(told("ops", "dev", "gone"), *words, OPS_URL=ops.url, DEV_URL=dev.url)

    missing = "secret 'notify:gone' (env:GONE_URL): the environment variable GONE_URL is not set"
    assert 3 == done.code
    assert [
        {"name": "ops", "taken": False, "why": "the service did not take it: 403"},
        {"name": "dev", "taken": True, "why": ""},
        {"name": "gone", "taken": False, "why": missing},
    ] == done.document


@pytest.mark.parametrize(
    ("names", "words", "code", "said"),
    [
        ((), ("--test",), 2, "nobody is configured to be told; add `notify:` to probes.yaml (docs/notifications.md)"),
        (("ops",), ("--test", "op"), 5, "no receiver is called 'op'; did you mean ops?"),
        (("ops",), (), 2, "write --test: a sample is sent to real people"),
    ],
)
async def test_where_there_is_nobody_to_send_a_sample_to(told, names, words, code, said):
    """Nothing is sent, and it is said what would do."""
    done = await notify(told(*names), *words)

    assert (code, "") == (done.code, done.out)
    assert said in " ".join(done.err.replace("│", " ").split())


async def test_without_apprise_it_says_what_to_install(told, tmp_path):
    """It is an extra; nothing else of prober needs it."""
    hidden = "import sys, importlib.util as u; f = u.find_spec; "
    hidden += "u.find_spec = lambda name, *more: None if name == 'apprise' else f(name, *more); "
    hidden += "from prober.cli import main; main()"
    command = [sys.executable, "-c", hidden, "notify", "--test", "--config", str(told("ops"))]
    done = await asyncio.create_subprocess_exec(
        *command, stderr=subprocess.PIPE, env=environment(BACKEND_URL="http://127.0.0.1:9"), cwd=tmp_path
    )
    async with asyncio.timeout(30):
        _, said = await done.communicate()

    assert 3 == done.returncode
    assert "apprise is not installed here" in said.decode()
    assert "pip install 'post-deploy-prober[notify]'" in said.decode()


async def test_check_says_whose_address_is_not_here(told):
    """The config is valid all the same; the address may be where it is served."""
    done = await asyncio.to_thread(prober, "check", "--config", told("ops"), BACKEND_URL="http://127.0.0.1:9")

    assert 0 == done.code
    assert "  not here: secret 'notify:ops' (env:OPS_URL): the environment variable OPS_URL is not set" in done.out


async def test_check_says_which_secrets_others_may_come_by(staging, tmp_path):
    """From the environment, or from a file that others may open; a file that is ours alone is not told of."""
    (tmp_path / "open").write_text("Zk3-v9Qp_7Lw2Xs8")
    (tmp_path / "open").chmod(0o644)
    text = LAB_CONFIG.read_text().replace("jwt: env:JWT_SECRET_STAGING", f"jwt: file:{tmp_path}/open")
    (tmp_path / "probes.yaml").write_text(text)
    done = await asyncio.to_thread(prober, "check", "--config", tmp_path / "probes.yaml", **staging)
    told = [line.partition(": ")[2].split()[:4] for line in done.out.splitlines() if line.startswith("  exposed: ")]

    assert 0 == done.code
    assert [["secret", name] for name in ("'jwt':", "'service':", "'bypass':")] == [line[:2] for line in told]
    assert ["everybody", "on"] == told[0][2:]
    assert "Zk3-v9Qp" not in done.out


async def test_what_breaks_tells_no_secret(staging, tmp_path):
    """The last words of a command that a bug of ours ends are a traceback, and a traceback quotes what it likes."""
    program = (
        "import sys; from prober import app, cli\n"
        "async def broken(self, names):\n"
        "    raise ValueError('it was ' + self.engine.keyring.get('service').reveal())\n"
        "app.Prober.once = broken; sys.argv = ['prober', 'run', '--config', sys.argv[1]]; cli.main()"
    )
    command = [sys.executable, "-c", program, str(LAB_CONFIG)]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment(**staging), capture_output=True, text=True, check=False, timeout=30
    )

    assert 3 == done.returncode
    assert "ValueError: it was [service]" in done.stderr
    assert staging["SERVICE_SECRET"] not in done.stderr


# ── explain ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_explain_prints_the_page_of_a_cause():
    """For people: no colour codes in a pipe, and nothing that a page has is missing."""
    done = prober("explain", "jwt_secret_drift")

    assert (0, "") == (done.code, done.err)
    assert ["jwt_secret_drift", "Told apart from", "Verify"] == [
        line.split("  ")[0] for line in done.out.splitlines() if line.startswith(("jwt_secret", "Told", "Verify"))
    ]
    assert "\x1b" not in done.out


def test_explain_without_a_name_lists_all_causes():
    """By family, each with its title; as JSON too."""
    text, listed = prober("explain"), prober("explain", "--output", "json")

    assert (0, 0) == (text.code, listed.code)
    assert [] == [row["name"] for row in listed.document if row["name"] not in text.out]
    assert {("name", "family", "familyText", "title")} == {tuple(row) for row in listed.document}


def test_explain_as_json():
    """The page, the remedy, and what would be seen."""
    done = prober("explain", "prober_secret_wrong", "--output", "json")

    assert (0, True) == (done.code, done.document["ours"])
    assert done.document.keys() >= {"name", "family", "title", "page", "remedy", "verify", "predicts"}


def test_an_unknown_cause_matches_nothing():
    """What was meant is told."""
    done = prober("explain", "jwt_secret_drfit")

    assert (5, "") == (done.code, done.out)
    assert "no cause is called 'jwt_secret_drfit'; did you mean jwt_secret_drift" in done.err


# ── mint ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_mint_prints_a_token_of_the_test_user(staging):
    """The token and nothing else, so that it can be put into a header."""
    done = prober("mint", "--config", LAB_CONFIG, **staging)
    claims = jwt.decode(
        done.out.rstrip("\n"),
        staging["JWT_SECRET_STAGING"],
        ["HS256"],
        audience="netra-platform",
        issuer="netra-auth-service",
    )

    assert (0, SUBJECT, "") == (done.code, claims["sub"], done.err)


def test_mint_for_nobody_else(staging):
    """An issuer that is not configured for a test user gives nothing."""
    done = prober("mint", "ceo", "--config", LAB_CONFIG, **staging)

    assert (2, "") == (done.code, done.out)
    assert "'ceo' mints no token here: only configured test users get one, from local, auth" in done.err


# ── our own faults ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_bug_of_ours_ends_with_3():
    """Never with 1, which would say that the target failed; a token in the traceback is blotted out."""
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    program = (
        f"from prober import cli\n@cli.app.command()\ndef boom():\n    raise ZeroDivisionError('{token}')\ncli.main()\n"
    )
    command = [sys.executable, "-c", program, "boom"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, cwd=TESTS.parent)

    assert (3, "") == (done.returncode, done.stdout)
    assert "ZeroDivisionError: [token]" in done.stderr
    assert token not in done.stderr
    assert "This is the prober's own fault" in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [(("run", "nobody", "--config", LAB_CONFIG), 5), (("check", "--config", "nowhere.yaml"), 2)],
)
def test_a_log_that_cannot_be_written_changes_no_exit_code(staging, words, code):
    """On a disk that is full nobody hears of us; 1 would still say that the target failed."""
    command = [sys.executable, "-m", "prober", *map(str, words)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, env=environment(**staging), stdout=subprocess.DEVNULL, stderr=full, timeout=30, check=False
        )

    assert code == done.returncode


def test_an_address_that_is_taken_is_our_own_fault(staging, tmp_path):
    """It is named, with what would do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        kept = str(tmp_path / "prober.db")
        done = prober("serve", "--config", LAB_CONFIG, "--listen", address, PROBER_HISTORY=kept, **staging)

    assert (3, "") == (done.code, done.out)
    assert f"cannot listen on {address}: " in done.err
    assert "Traceback" not in done.err


# ── serve ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Served:
    """`prober serve`, running: its address, its log, and its end."""

    def __init__(self, config, log, **more):
        """Start it on a free port and wait until it listens."""
        self._log = log
        command = [sys.executable, "-m", "prober", "serve", "--config", config, "--listen", "127.0.0.1:0"]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command, env=environment(PROBER_TRIGGER_TOKEN=TRIGGER, **more), stderr=file, cwd=log.parent
            )
        self.url = self.logs(r"listening on (http://\S+)")[1]
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=20)

    def logs(self, pattern, within=15):
        """Wait until the log says this; gives the match."""
        until = time.monotonic() + within
        while not (found := re.search(pattern, self._log.read_text())):
            assert time.monotonic() < until, self._log.read_text()[-2000:]
            assert self.process.poll() is None, self._log.read_text()[-2000:]
            time.sleep(0.02)
        return found

    def events(self):
        """The log's JSON lines."""
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def trigger(self, bearer=TRIGGER, chain="validation", **more):
        """Ask for a run."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return self.client.post(f"/api/v1/chains/{chain}/runs", headers=headers, params=more)

    def metric(self, line):
        """The value of a line of the metrics page."""
        found = re.search(rf"^{re.escape(line)} (\S+)$", self.client.get("/metrics").text, flags=re.MULTILINE)
        return float(found[1]) if found else None

    def until_metric(self, line, least, within=15):
        """Wait until a line of the metrics page has come to this value."""
        until = time.monotonic() + within
        while self.metric(line) < least:
            assert time.monotonic() < until, f"{line} is still {self.metric(line)}"
            time.sleep(0.05)

    def end(self, signum=signal.SIGTERM):
        """Ask it to end; gives the exit code."""
        self.client.close()
        self.process.send_signal(signum)
        return self.process.wait(20)

    def kill(self):
        """Whatever it does."""
        self.client.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def serve(tmp_path):
    """Start `prober serve` with a config; whatever happens, it is gone afterwards."""
    with contextlib.ExitStack() as stack:

        def start(config, **more):
            served = Served(config, tmp_path / "log", **more)
            stack.callback(served.kill)
            return served

        yield start


def test_serve_from_end_to_end(serve, staging, tmp_path):
    """It is healthy and ready, ticks, answers who bears the token and no one else, heeds SIGHUP, and goes in peace."""
    config = tmp_path / "probes.yaml"
    config.write_text(LAB_CONFIG.read_text())
    served = serve(config, **staging)

    assert ["healthy\n", "ready\n"] == [served.client.get(path).text for path in ("/-/healthy", "/-/ready")]

    asked = served.trigger(wait="true")
    run = asked.json()["run"]
    assert (200, "pass", "manual") == (asked.status_code, run["verdict"], run["trigger"])
    assert run["id"] == served.client.get(f"/api/v1/runs/{run['id']}").json()["run"]["id"]
    assert 1 == served.metric('prober_chain_runs_total{chain="validation",trigger="manual",verdict="pass"}')

    assert [401, 401, 404] == [
        served.trigger(bearer=None).status_code,
        served.trigger(bearer="guessed-token-of-somebody").status_code,
        served.trigger(chain="chat").status_code,
    ]

    served.until_metric('prober_slots_recorded_total{chain="validation"}', 1)  # it ticks by itself
    assert 0 < served.metric("prober_schedule_lateness_seconds_count")

    config.write_text(LAB_CONFIG.read_text().replace("interval: ${LAB_INTERVAL:-5s}", "interval: soon"))
    served.process.send_signal(signal.SIGHUP)
    served.logs("config.reload_refused")
    assert 0 == served.metric("prober_config_last_reload_successful")

    config.write_text(LAB_CONFIG.read_text().replace("  validation:", "  renamed:"))
    served.process.send_signal(signal.SIGHUP)
    served.logs("config.reloaded")
    assert 1 == served.metric("prober_config_last_reload_successful")
    assert ["renamed", "controls"] == [chain["name"] for chain in served.client.get("/api/v1/chains").json()["chains"]]

    assert {0o600} == {path.stat().st_mode & 0o777 for path in tmp_path.glob("prober.db*")}
    assert 0 == served.end()
    log = (tmp_path / "log").read_text()
    secrets = {staging[name] for name in ("JWT_SECRET_STAGING", "SERVICE_SECRET", "E2E_OAUTH_SIMULATION_KEY")}
    assert [] == [secret for secret in {*secrets, TRIGGER} if secret in log]
    assert not re.search(r"eyJ[\w-]+\.", log)
    assert {"step.judged", "run.reported"} <= {event["message"] for event in served.events()}


async def slow(reader, writer):
    """Answer after a second."""
    await asyncio.sleep(1)
    await answers(200, b"{}")(reader, writer)


async def test_sigterm_lets_the_running_turn_finish(serve, tmp_path):
    """What was asked for before the end is done and told before the end, and the end is no failure."""
    config = tmp_path / "probes.yaml"
    config.write_text(SMALL)
    async with raw_peer(slow) as port:

        def live():
            """From its start to its end, beside the loop that the backend needs."""
            served = serve(config, BACKEND_URL=f"http://127.0.0.1:{port}")
            asked = served.trigger()
            time.sleep(0.2)
            going = served.client.get(asked.headers["location"])
            return asked, going, served.end(), served.events()

        asked, going, code, events = await asyncio.to_thread(live)

    assert (202, 202, "running") == (asked.status_code, going.status_code, going.json()["state"])
    assert 0 == code
    assert [("pass", asked.json()["id"])] == [
        (event["verdict"], event["run_id"])
        for event in events
        if event["message"] == "run.reported" and event["trigger"] == "manual"  # a scheduled turn may have been due
    ]


async def healthy(reader, writer):
    """All is well."""
    await answers(200, b"{}")(reader, writer)


async def test_who_listens_does_not_hold_up_the_end(serve, tmp_path):
    """The stream ends, and so does the prober, well before anybody's patience does."""
    config = tmp_path / "probes.yaml"
    config.write_text(SMALL)
    async with raw_peer(healthy) as port:

        def live():
            """Listen to a run, and go on listening at the end."""
            served = serve(config, BACKEND_URL=f"http://127.0.0.1:{port}")
            asked = served.trigger()
            run = served.client.get(f"{asked.headers['location']}/events").text
            with served.client.stream("GET", "/api/v1/events") as listening:
                began = time.monotonic()
                served.process.send_signal(signal.SIGTERM)
                rest = "".join(listening.iter_text())
            return run, rest, served.process.wait(20), time.monotonic() - began

        run, rest, code, seconds = await asyncio.to_thread(live)

    assert ["step", "report", "end"] == re.findall(r"^event: (\w+)", run, flags=re.MULTILINE)
    assert (0, True) == (code, seconds < 5)
    assert "event: dropped" not in rest


async def test_a_gate_is_held_by_a_running_prober(serve, tmp_path):
    """Whoever asks it, a pipeline or a deploy controller; the one and the other are told the same."""
    config, report = tmp_path / "probes.yaml", tmp_path / "gate.xml"
    config.write_text(SMALL)
    async with raw_peer(healthy) as port:

        def live():
            """From its start to its end, beside the loop that the backend needs."""
            served = serve(config, BACKEND_URL=f"http://127.0.0.1:{port}")
            asked = ("gate", "validation", "--server", served.url, "--junit", report)
            piped = prober(*asked, "--output", "json", within=60, PROBER_TOKEN=TRIGGER)
            kept = served.client.get(f"/api/v1/gates/{piped.document['id']}")
            hooked = served.client.post(
                "/gate/validation", auth=("prober", TRIGGER), json={"name": "podinfo"}, timeout=60
            )
            return piped, kept, hooked, served.end()

        piped, kept, hooked, code = await asyncio.to_thread(live)

    assert (0, 0) == (piped.code, code)
    assert ("pass", 20) == (piped.document["verdict"], piped.document["samples"])
    assert kept.json() == piped.document
    assert 200 == hooked.status_code
    assert hooked.text.startswith("validation: GO. 20 of 20 rounds held")
    assert "<testsuite" in report.read_text()


def test_every_verdict_is_ranked():
    """Of several runs one always decides."""
    assert set(RunVerdict) == set(cli._WORST_FIRST)
