"""Prometheus and Alertmanager as real processes, set up from deploy/ for a test's own addresses and in its own time."""

import asyncio
import json
import os
import shutil
import socket
import threading
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML

from prober.config.load import load
from prober.judge.causes import catalogue
from prober.publish.rules import document as rules_of

HOST = "127.0.0.1"
DEPLOY = Path(__file__).parents[2] / "deploy"
LAB = Path(__file__).parents[2] / "prober/lab/probes.yaml"

#: By the names that Debian and that upstream give them.
BINARIES: Mapping[str, Sequence[str]] = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "alertmanager": ("prometheus-alertmanager", "alertmanager"),
    "amtool": ("amtool",),
}

_READY_SECONDS = 20.0
_RETIRE_SECONDS = 5.0
_LOOK_SECONDS = 0.1


def binary(name: str) -> str | None:
    """Where a program is; None when it is not installed."""
    return next(filter(None, map(shutil.which, BINARIES[name])), None)


def read(path: Path) -> Any:
    """A YAML document."""
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def write(path: Path, document: Mapping[str, Any]) -> Path:
    """A document as JSON, which is YAML too."""
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        return taken.getsockname()[1]


async def eventually(check: Callable[[], Any], within_seconds: float) -> Any:
    """What `check` brings once it is true; the last it brought when it does not become true in time."""
    deadline = time.monotonic() + within_seconds
    while not (found := await check()) and time.monotonic() < deadline:  # noqa: ASYNC110 - others change it
        await asyncio.sleep(_LOOK_SECONDS)
    return found


@asynccontextmanager
async def running(words: Sequence[str], url: str, log: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A program, once it says that it is ready; and a client to ask it things."""
    with log.open("wb") as told:
        process = await asyncio.create_subprocess_exec(*words, stdout=DEVNULL, stderr=told)
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False, timeout=10) as client:  # noqa: S501
            if not await eventually(lambda: _is_ready(client), _READY_SECONDS):
                message = f"{words[0]} did not become ready; {log} may say why"
                raise RuntimeError(message)
            yield client
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _RETIRE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/-/ready")).is_success
    except httpx.TransportError:
        return False


# ── Prometheus ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus to be asked."""

    client: httpx.AsyncClient

    async def query(self, expression: str, at: float | None = None) -> dict[str, float]:
        """The values an expression has now, or had `at` a time, by the series they are of."""
        when = {} if at is None else {"time": at}
        answer = await self.client.get("/api/v1/query", params={"query": expression, **when})
        found = answer.raise_for_status().json()["data"]["result"]
        return {json.dumps(each["metric"], sort_keys=True): float(each["value"][1]) for each in found}

    async def value(self, expression: str, at: float | None = None) -> float | None:
        """The value of an expression that has one; None when it has none."""
        found = await self.query(expression, at)
        assert len(found) <= 1, found
        return next(iter(found.values()), None)

    async def exemplars(self, expression: str) -> list[dict[str, str]]:
        """The labels of the exemplars that its series had in the last five minutes."""
        now = time.time()
        asked = {"query": expression, "start": now - 300, "end": now}
        answer = await self.client.get("/api/v1/query_exemplars", params=asked)
        found = answer.raise_for_status().json()["data"]
        return [exemplar["labels"] for series in found for exemplar in series["exemplars"]]

    async def becomes(self, expression: str, expected: float | None, within_seconds: float) -> bool:
        """Whether an expression comes to this value in time."""

        async def check() -> bool:
            return await self.value(expression) == expected

        return await eventually(check, within_seconds)


@asynccontextmanager
async def prometheus(folder: Path, targets: Mapping[str, str], alertmanager: str) -> AsyncIterator[Prometheus]:
    """A Prometheus that scrapes these addresses (by the label `dialect`) each second, with the lab's rules."""
    config, port = prometheus_config(folder, targets, alertmanager), free_port()
    words = (
        binary("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={HOST}:{port}",
        "--enable-feature=exemplar-storage",
    )
    async with running(words, f"http://{HOST}:{port}", folder / "prometheus.log") as client:
        yield Prometheus(client)


def prometheus_config(folder: Path, targets: Mapping[str, str], alertmanager: str) -> Path:
    """deploy/prometheus/prometheus.yml with our addresses, in seconds instead of minutes."""
    config = read(DEPLOY / "prometheus/prometheus.yml")
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(_hasty_rules(folder))]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager]
    config["scrape_configs"][0]["static_configs"] = [
        {"targets": [address], "labels": {"dialect": dialect, "environment": "lab"}}
        for dialect, address in targets.items()
    ]
    return write(folder / "prometheus.yml", config)


def _hasty_rules(folder: Path) -> Path:
    """What `prober rules` makes of the lab's config, without the patience."""
    environ = dict.fromkeys(("AUTH_URL", "BACKEND_URL"), f"http://{HOST}:1") | {
        "LAB_MINT_PATH": "/mint",
        "LAB_SECRET_METHOD": "proof",
        "LAB_AUTH_SECRET_PATH": "/secret",
        "LAB_BACKEND_SECRET_PATH": "/secret",
        "BACKEND_REVISION": "abc1234",
    }
    rules = rules_of(load(LAB, environ), catalogue())
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        rule |= {key: "1s" for key in ("for", "keep_firing_for") if key in rule}
    return write(folder / "rules.yml", rules)


# ── Alertmanager ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Inbox:
    """What a webhook was told."""

    alerts: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def told(self, status: str, **labels: str) -> list[dict[str, Any]]:
        """The alerts of this status that have at least these labels."""
        return [each for each in self.alerts if each["status"] == status and labels.items() <= each["labels"].items()]

    async def hears(self, status: str, within_seconds: float, **labels: str) -> list[dict[str, Any]]:
        """The same, as soon as there is one."""

        async def check() -> list[dict[str, Any]]:
            return self.told(status, **labels)

        return await eventually(check, within_seconds)


@contextmanager
def inbox() -> Iterator[Inbox]:
    """A webhook that keeps what it is told."""
    box = Inbox()

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            box.alerts += json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"]
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the terminal clean."""

    with ThreadingHTTPServer((HOST, 0), Webhook) as server:
        box.url = f"http://{HOST}:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield box
        server.shutdown()
        thread.join()


@asynccontextmanager
async def alertmanager(folder: Path, webhook: str) -> AsyncIterator[str]:
    """An Alertmanager set up as in deploy/, whose only receiver is this webhook; its address."""
    config, port = alertmanager_config(folder, webhook), free_port()
    words = (
        binary("alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={HOST}:{port}",
        "--cluster.listen-address=",
    )
    async with running(words, f"http://{HOST}:{port}", folder / "alertmanager.log"):
        yield f"{HOST}:{port}"


async def states_of(address: str, alerts: Sequence[Mapping[str, Any]], wanted: Mapping[str, str]) -> dict[str, str]:
    """What becomes of alerts that are posted to an Alertmanager: the state of each, by its name.

    Which of two it hears of first is chance, and so one is held back when its group is next told of at the latest:
    it is given time until they are as `wanted`.
    """
    async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as client:
        (await client.post("/api/v2/alerts", json=list(alerts))).raise_for_status()
        found: dict[str, str] = {}

        async def as_wanted() -> bool:
            told = (await client.get("/api/v2/alerts")).raise_for_status().json()
            found.update({each["labels"]["alertname"]: each["status"]["state"] for each in told})
            return found == wanted

        await eventually(as_wanted, _READY_SECONDS)
        return found


def alertmanager_config(folder: Path, webhook: str) -> Path:
    """deploy/alertmanager/alertmanager.yml with a receiver, telling at once."""
    config = read(DEPLOY / "alertmanager/alertmanager.yml")
    config["receivers"][0]["webhook_configs"] = [{"url": webhook}]
    config["route"] |= {"group_wait": "0s", "group_interval": "1s"}
    return write(folder / "alertmanager.yml", config)


def environ() -> dict[str, str]:
    """What a tool needs of ours."""
    return {"PATH": os.environ["PATH"]}
