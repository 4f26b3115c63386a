"""A home: a folder in which a prober lives with its secrets in files, and every place where one could turn up."""

import asyncio
import json
import os
import re
import secrets
import signal
import sqlite3
import sys
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import httpx

from tests.gather.peers import raw_peer
from tests.live import HOST, listens

_ROOT = Path(__file__).parents[2]
_LAB_CONFIG = Path(str(files("prober.lab") / "probes.yaml"))

#: The secrets of the config, by the variable in which the lab hands them out.
HANDED = {"jwt": "JWT_SECRET_STAGING", "service": "SERVICE_SECRET", "bypass": "E2E_OAUTH_SIMULATION_KEY"}

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
CHAIN = "validation"

#: One step of each kind that holds a secret or a token.
FEW_STEPS = """
chains:
  validation:
    steps:
      - {name: mint, probe: mint, token: auth}
      - {name: valid, probe: validate, service: auth, token: auth, post: /auth/validate, json: {token: "{token}"}}
      - name: service-credentials
        probe: service_credentials
        service: auth
        token: local
        post: /auth/validate
        headers: {X-Service-Secret: "{secret:service}"}
        json: {token: "{token}"}
      - {name: messages, probe: http, service: backend, token: local, get: /api/chat/messages}
      - {name: stream, probe: stream, service: backend, token: local, post: /api/chat/stream, json: {message: ping}}
      - {name: socket, probe: websocket, service: backend, token: local, path: /ws, carrier: subprotocol, grace: 10ms}
      - name: match
        probe: secret_match
        secret: jwt
        method: proof
        parties: {prober: {}, auth: {ask: /internal/secret-proof, headers: {X-Service-Auth: "{secret:service}"}}}
      - {name: forged, probe: http, service: backend, token: forged, get: /api/chat/messages, expect: refused}
"""

_PATIENCE_SECONDS = 60.0
_COMMAND_SECONDS = 120.0


def made_up() -> str:
    """A fresh secret of visible ASCII, with what encodings and escapes care about in its midst."""
    return f"{secrets.token_urlsafe(18)}/+\"&<%='{secrets.token_urlsafe(18)}"


@dataclass(slots=True)
class Ear:
    """Who is told of alerts, and who hears the heart beat; what each was sent, without the address it came by."""

    heard: list[tuple[str, bytes]] = field(default_factory=list)
    _beaten: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1])) if length else b""
        line, _, rest = head.partition(b"\r\n")
        door = line.decode().split("/")[1]
        self.heard.append((door, rest + body))
        if door == "beat":
            self._beaten.set()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def hears_a_beat(self) -> None:
        """Wait for it, or for so long that none will come: whoever searches what was sent will tell."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._beaten.wait()

    def of(self, door: str) -> bytes:
        """What was sent there."""
        return b"\n".join(said for at, said in self.heard if at == door)


@dataclass(slots=True)
class Home:
    """Its folder; the secrets of whoever lives there; what the environment tells beside them."""

    folder: Path
    ear: Ear
    port: int
    own: dict[str, str] = field(
        default_factory=lambda: {
            "trigger": made_up(),
            "beat": secrets.token_urlsafe(32),
            "hook": secrets.token_urlsafe(32),
        }
    )
    planted: str = ""  # a leak is wanted: this value, everywhere
    chains: str = ""  # instead of those of the lab

    @property
    def config(self) -> Path:
        """The config of the lab, with its secrets in files, and with somebody to be told."""
        return self.folder / "probes.yaml"

    @property
    def tmp(self) -> Path:
        """Where temporary files go."""
        return self.folder / "tmp"

    @property
    def kept(self) -> Path:
        """Where the store is."""
        return self.folder / "kept"

    def furnish(self, handed: Mapping[str, str]) -> None:
        """Write config and secrets down."""
        for folder in (self.tmp, self.kept, self.folder / "secrets"):
            folder.mkdir(parents=True, exist_ok=True)
        addresses = {
            "beat": f"http://{HOST}:{self.port}/beat/{self.own['beat']}",
            "hook": f"json://{HOST}:{self.port}/hook/{self.own['hook']}",
        }
        for name, value in {**self.own, **addresses, **handed}.items():
            self.keep(name, value)
        self.config.write_text(self._text(), encoding="utf-8")

    def keep(self, name: str, value: str) -> None:
        """Write one of the secrets down."""
        path = self.folder / "secrets" / name
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_text(value, encoding="utf-8")
        path.chmod(0o400)

    def _text(self) -> str:
        text = _LAB_CONFIG.read_text("utf-8").partition("\n  # Do the doors still refuse?")[0]
        text = text.partition("\nchains:\n")[0] + self.chains if self.chains else text
        for name, variable in {**HANDED, "trigger": "PROBER_TRIGGER_TOKEN"}.items():
            assert f"{name}: env:{variable}" in text
            text = text.replace(f"{name}: env:{variable}", f"{name}: file:{self.folder}/secrets/{name}")
        text = text.replace("trigger: {secret: trigger}", "trigger: {secret: trigger, per_minute: 1000, burst: 100}")
        return text + (
            f"heartbeat: {{url: file:{self.folder}/secrets/beat, method: post}}\n"
            f"notify: [{{name: ops, url: file:{self.folder}/secrets/hook}}]\n"
        )

    def environment(self, told: Mapping[str, str]) -> dict[str, str]:
        """Nothing secret."""
        kept = {name: value for name, value in told.items() if name not in HANDED.values()}
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(_ROOT),
            "TMPDIR": str(self.tmp),
            "COLUMNS": "200",
            "PROBER_HISTORY": str(self.kept / "prober.db"),
            **kept,
            **({"PLANTED": self.planted} if self.planted else {}),
        }

    def words(self, *words: str) -> Sequence[str]:
        """How a command of ours is begun."""
        how = ("tests.safety.leaky", f"--planted={self.planted}") if self.planted else ("tests.safety.loud",)
        return (sys.executable, "-m", *how, *words, "--config", str(self.config))

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def command(self, told: Mapping[str, str], *words: str, **more: str) -> tuple[bytes, bytes]:
        """What a command of ours said, on standard output and on standard error."""
        environment = {**self.environment(told), "PROBER_HISTORY": str(self.folder / "none.db"), **more}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self.words(*words), stdout=pipe, stderr=pipe, env=environment, cwd=self.folder
        )
        async with asyncio.timeout(_COMMAND_SECONDS):
            return await process.communicate()

    async def once(self, told: Mapping[str, str]) -> dict[str, bytes]:
        """`prober run`, as people and as machines read it."""
        junit = self.folder / "run.xml"
        text, document = await asyncio.gather(
            self.command(told, "run", CHAIN, "--junit", str(junit)),
            self.command(told, "run", CHAIN, "--output", "json"),
        )
        return {
            "run: standard output": text[0],
            "run: standard error at DEBUG": text[1] + document[1],
            "run: JSON": document[0],
            "run: JUnit": _read(junit),
        }

    async def gate(self, told: Mapping[str, str]) -> dict[str, bytes]:
        """`prober gate`, with all that it hands out."""
        wrote = {name: self.folder / f"gate.{name}" for name in ("xml", "md", "json", "summary")}
        judged = ("gate", CHAIN, "--rounds", "2", "--warm-up", "0")
        files = ("--junit", str(wrote["xml"]), "--markdown", str(wrote["md"]))
        github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(wrote["summary"])}
        (out, err), (more_out, more_err) = await asyncio.gather(
            self.command(told, *judged, *files, **github),
            self.command(told, *judged, "--save-baseline", str(wrote["json"])),
        )
        return {
            "gate: standard output": out + more_out,
            "gate: standard error at DEBUG": err + more_err,
            "gate: JUnit": _read(wrote["xml"]),
            "gate: Markdown": _read(wrote["md"]),
            "gate: summary of the job": _read(wrote["summary"]),
            "gate: baseline": _read(wrote["json"]),
        }

    async def papers(self, told: Mapping[str, str]) -> dict[str, bytes]:
        """Commands that look at nobody."""
        commands = {"check": ("check",), "check --effective": ("check", "--effective"), "rules": ("rules",)}
        commands["notify"] = ("notify", "--test")
        said = await asyncio.gather(*(self.command(told, *words) for words in commands.values()))
        return {f"{name}: output": out + err for name, (out, err) in zip(commands, said, strict=True)}

    # ── a life ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def serving(self, told: Mapping[str, str]) -> AsyncIterator["Life"]:
        """`prober serve`, until the end of this."""
        out, err = self.folder / "stdout", self.folder / "stderr"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *self.words("serve", "--listen", f"{HOST}:0"),
                stdout=stdout,
                stderr=stderr,
                env=self.environment(told),
                cwd=self.folder,
            )
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                url = await listens(process, err)
            headers = {"Authorization": f"Bearer {self.own['trigger']}"}
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=_PATIENCE_SECONDS) as client:
                yield Life(self, process.pid, client, headers)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                try:
                    await asyncio.wait_for(process.wait(), _PATIENCE_SECONDS)
                except TimeoutError:
                    process.kill()
                    await process.wait()


@dataclass(slots=True)
class Life:
    """A prober that serves, and how much of it was looked at."""

    home: Home
    pid: int
    client: httpx.AsyncClient
    bearer: Mapping[str, str]
    _told: int = 0  # bytes of the log that were looked at
    _runs: set[str] = field(default_factory=set)

    async def sinks(self) -> dict[str, bytes]:
        """Have a run taken, and look everywhere."""
        events = asyncio.create_task(self._events())
        asked = {
            "reason": f"by {self.home.own['trigger']}",
            **({"revision": self.home.planted} if self.home.planted else {}),
        }
        runs = f"/api/v1/chains/{CHAIN}/runs?wait=true&timeout=60"
        report = await self.client.post(runs, json=asked, headers=self.bearer)
        if report.status_code != httpx.codes.OK:
            message = f"no run: {report.status_code} {report.text[:300]}"
            raise RuntimeError(message)
        told, _ = json.JSONDecoder().raw_decode(report.text)  # what was planted stands behind it
        run = f"/api/v1/runs/{told['run']['id']}"
        pages = {
            "API: status": await self._page("/api/v1/status"),
            "API: chains": await self._page("/api/v1/chains"),
            "API: reports": report.content + await self._page("/api/v1/runs?limit=3") + await self._page(run),
            "API: OpenAPI": await self._page("/openapi.json"),
            "evidence: text": await self._page(f"{run}/evidence", Accept="text/plain"),
            "evidence: HTML": await self._page(f"{run}/evidence", Accept="text/html"),
            "evidence: JSON": await self._page(f"{run}/evidence", Accept="application/json"),
            "page": await self._page("/"),
            "metrics: Prometheus": await self._page("/metrics", Accept="text/plain"),
            "metrics: OpenMetrics": await self._page("/metrics", Accept=OPEN_METRICS),
            "probe: metrics": await self._page(f"/probe?chain={CHAIN}"),
            "probe: debug": await self._page(f"/probe?chain={CHAIN}&debug=true"),
            "errors": b"\n".join([answer async for answer in self._errors()]),
        }
        events.cancel()
        await self.home.ear.hears_a_beat()  # it comes after a scheduled round, which on a busy machine may take a while
        return {**pages, "events": await events, **await asyncio.to_thread(self._beneath)}

    async def _page(self, path: str, **headers: str) -> bytes:
        answer = await self.client.get(path, headers=headers)
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        return head.encode() + b"\n" + answer.content

    async def _errors(self) -> AsyncIterator[bytes]:
        """What callers are told whose requests are no good, our secrets among what they say."""
        run, value = f"/api/v1/chains/{CHAIN}/runs", self.home.own["trigger"]
        for wrong in ("Bearer x", f"Bearer {value}x", f"Basic {value}", ""):
            yield (await self.client.post(run, headers={"Authorization": wrong})).content
        for body in (f'{{"{value}": 1}}', f'{{"reason": ["{value}"]}}', f'{{"wait": "{value}"', value):
            headers = {**self.bearer, "Content-Type": "application/json"}
            yield (await self.client.post(run, content=body.encode(), headers=headers)).content
        for path in ("/api/v1/runs?limit=x", "/api/v1/runs/nobody", "/nowhere", "/probe?chain=nobody", run):
            yield (await self.client.get(path)).content

    async def _events(self) -> bytes:
        """Server-sent events, for as long as they are listened to."""
        heard = bytearray()
        with suppress(asyncio.CancelledError, httpx.HTTPError):  # that is how it ends
            async with self.client.stream("GET", "/api/v1/events", headers=self.bearer) as stream:
                async for chunk in stream.aiter_raw():
                    heard += chunk
        return bytes(heard)

    def _beneath(self) -> dict[str, bytes]:
        """What lies on the disk, what the kernel tells, and what others were sent."""
        home = self.home
        log = _read(home.folder / "stderr")
        new, self._told = log[max(0, self._told - 256) :], len(log)
        return {
            "serve: standard output": _read(home.folder / "stdout"),
            "serve: log at DEBUG": new,
            "store: files": b"\n".join(_read(path) for path in sorted(home.kept.iterdir())),
            "store: rows unpacked": b"\n".join(self._rows()),
            "temporary files": b"\n".join(map(_read, filter(Path.is_file, home.tmp.rglob("*")))),
            "command line": _kernel(self.pid, "cmdline"),
            "environment": _kernel(self.pid, "environ"),
            "alerts: webhook": home.ear.of("hook"),
            "heartbeat": home.ear.of("beat"),
        }

    def _rows(self) -> Iterator[bytes]:
        """Every value of every row that was not yet there; what is packed, unpacked."""
        with closing(sqlite3.connect(f"file:{self.home.kept}/prober.db?mode=ro", uri=True, timeout=10)) as store:
            names = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in names:
                for row in store.execute(f'SELECT * FROM "{name}"'):  # noqa: S608 - its own words
                    if name != "runs" or row[0] not in self._runs:
                        yield b"|".join(map(_unpacked, row))
                        self._runs |= {row[0]} if name == "runs" else set()


def _unpacked(value: object) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode()
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


def _kernel(pid: int, what: str) -> bytes:
    """What it tells of a process and of those it started."""
    children = _read(Path(f"/proc/{pid}/task/{pid}/children")).split()
    return b"\n".join(_read(Path(f"/proc/{each}/{what}")) for each in (pid, *map(int, children)))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@asynccontextmanager
async def home(folder: Path, planted: str = "") -> AsyncIterator[Home]:
    """A home, and somebody who is told."""
    ear = Ear()
    async with raw_peer(ear) as port:
        yield Home(folder, ear, port, planted=planted)
