"""Where the matrix's probers live: a folder with the lab's chain, secrets in files, and all that can be read of it."""

import asyncio
import json
import os
import secrets
import sqlite3
import sys
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from prober.config.load import load
from prober.lab.world import World
from tests.benchmarks.chains import lab_document
from tests.live import HOST
from tests.matrix.front import Front
from tests.reliability import rig
from tests.safety.home import HANDED, made_up
from tests.safety.needles import Hit, Needles, searched

CHAIN = "validation"

#: Of the chain: how often it turns, and how long it may take.
INTERVAL_SECONDS = 5.0

#: What a step may take, unless a fault wants otherwise: less than the chain, so that two can wait in turn.
STEP_SECONDS = 1.5

#: The same where the target is well throughout: the machine is not ours alone, and the lab is on it.
PATIENT_SECONDS = 4.0

Document = dict[str, Any]


@dataclass(slots=True)
class House(rig.Kept):
    """A folder for one prober after the other, before a lab that stands behind two fronts."""

    folder: Path
    world: World
    auth: Front
    backend: Front
    database: str | None = None
    kept: Path | None = None
    step_seconds: float = STEP_SECONDS
    backend_url: str = ""  # instead of the front's own
    changes: Mapping[str, Any] = field(default_factory=dict)  # of single steps, by name
    more: Sequence[Document] = ()  # steps beside those of the lab
    service: Mapping[str, Any] = field(default_factory=dict)  # settings of the backend
    own: dict[str, str] = field(default_factory=lambda: {"trigger": made_up()})
    variables: dict[str, str] = field(default_factory=dict)  # for the process alone
    file: Path = field(init=False)

    def __post_init__(self) -> None:
        """Write everything down; a prober that begins finds it."""
        for folder in (self.folder, self.folder / "secrets", self.kept or self.folder):
            folder.mkdir(parents=True, exist_ok=True)
        self.file = (self.kept or self.folder) / "prober.db"
        self.write()
        self.names({})

    # ── what is written for it ───────────────────────────────────────────────────────────────────────────────────────

    def write(self, text: str | None = None) -> None:
        """Its config, or this text in its place."""
        told = self.world.environment
        handed = {name: told[variable] for name, variable in HANDED.items()}
        for name, value in {**self.own, **handed, **({"database": self.database} if self.database else {})}.items():
            self._keep(name, value)
        (self.folder / "probes.yaml").write_text(text or json.dumps(self.document()), encoding="utf-8")

    def _keep(self, name: str, value: str) -> None:
        path = self.folder / "secrets" / name
        path.unlink(missing_ok=True)
        path.write_text(value, encoding="utf-8")
        path.chmod(0o400)

    def document(self) -> Document:
        """The lab's config, at the matrix's pace."""
        document = lab_document()
        steps = [
            {
                "timeout": f"{self.step_seconds * 1000:.0f}ms",
                **_without(step, "timeout"),
                **self.changes.get(step["name"], {}),
            }
            for step in document["chains"][CHAIN]["steps"]
        ]
        seconds = f"{INTERVAL_SECONDS:.0f}s"
        document["chains"] = {CHAIN: {"interval": seconds, "deadline": seconds, "steps": [*steps, *self.more]}}
        document["secrets"] = {name: f"file:{self.folder}/secrets/{name}" for name in ("trigger", *HANDED)}
        document["trigger"] = {"secret": "trigger", "per_minute": 1000, "burst": 100}
        document["history"] = {"file": str(self.file)}
        document["services"]["backend"] |= self.service
        if self.database:
            document["secrets"]["database"] = f"file:{self.folder}/secrets/database"
            document["history"]["database"] = "database"
        return document

    @property
    def environment(self) -> dict[str, str]:
        """What a prober here is told; nothing secret."""
        told = {name: value for name, value in self.world.environment.items() if name not in HANDED.values()}
        fronts = {"AUTH_URL": self.auth.url, "BACKEND_URL": self.backend_url or self.backend.url}
        fronts = {name: url for name, url in fronts.items() if not told[name].startswith("https:")}
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(rig.ROOT),
            "PROBER_DEBUGGABLE": "1",
            "NAMES": str(self.folder / "names.json"),
            "BREAK": str(self.folder / "break"),
            **told,
            **fronts,
            **self.variables,
        }

    def names(self, told: Mapping[str, Any]) -> None:
        """From now on these names are answered so."""
        draft = self.folder / "names.new"
        draft.write_text(json.dumps(told), encoding="utf-8")
        draft.replace(self.folder / "names.json")

    def deadlines(self) -> dict[str, float]:
        """What each step may take, in seconds."""
        plan = load(self.folder / "probes.yaml", self.environment)
        return {step.name: step.deadline_seconds for step in plan.chains[CHAIN].steps}

    # ── its probers ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def live(self, *, log: str = "log", wrapped: Sequence[str] = (), **environment: str) -> "Life":
        """Start a prober here."""
        words = [sys.executable, "-m", "tests.matrix.hindered", "serve"]
        words += ["--config", "probes.yaml", "--listen", f"{HOST}:0"]
        path = self.folder / log
        with path.open("wb") as stderr:
            began = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                *wrapped, *words, stderr=stderr, stdout=stderr, env={**self.environment, **environment}, cwd=self.folder
            )
        return Life(process, path, began, house=self)

    # ── where a secret could turn up ─────────────────────────────────────────────────────────────────────────────────

    def needles(self) -> Needles:
        """Every secret of the prober's and of its world's."""
        world = {f"world: {name}": value for name, value in self.world._secrets.items()}
        password = {"password": self.database.split(":")[2].partition("@")[0]} if self.database else {}
        return Needles({**self.own, **world, **password})

    def beneath(self) -> dict[str, bytes]:
        """What lies on the disk: logs, store, spool, whatever was set aside; rows unpacked."""
        files = {path for folder in {self.folder, self.file.parent} for path in folder.glob("*") if path.is_file()}
        files -= {self.folder / "probes.yaml", self.folder / "names.json"}
        rows = {} if self.database else {"store: rows unpacked": b"\n".join(self._rows())}
        return {**{f"file: {path.name}": path.read_bytes() for path in sorted(files)}, **rows}

    def _rows(self) -> Iterator[bytes]:
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=10)) as store:
            for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for row in store.execute(f'SELECT * FROM "{name}"'):  # noqa: S608 - its own words
                    yield b"|".join(map(_unpacked, row))


def _without(step: Document, name: str) -> Document:
    return {key: value for key, value in step.items() if key != name}


def _unpacked(value: object) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode()
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


@dataclass(slots=True)
class Life(rig.Life):
    """A prober from its start to its end, and what it tells those who ask."""

    house: House = None  # type: ignore[assignment] - always given; fields before it have defaults

    def client(self) -> httpx.AsyncClient:
        """A caller who may have runs taken."""
        bearer = {"Authorization": f"Bearer {self.house.own['trigger']}"}
        return httpx.AsyncClient(base_url=self.url, headers=bearer, trust_env=False, timeout=60, verify=False)  # noqa: S501 - it is http

    async def asked(self) -> Document:
        """The report of a run that is taken now."""
        async with self.client() as client:
            path = f"/api/v1/chains/{CHAIN}/runs?wait=true&timeout=60"
            answer = await client.post(path, json={"revision": secrets.token_hex(4)})
        if answer.status_code != httpx.codes.OK:
            message = f"no run: {answer.status_code} {answer.text[:300]}"
            raise AssertionError(message)
        told: Document = answer.json()
        return told

    async def reports(self) -> list[Document]:
        """All reports that it still has."""
        async with self.client() as client:
            listed: list[Document] = (await client.get("/api/v1/runs?limit=100")).raise_for_status().json()["runs"]
        return listed

    async def sinks(self) -> dict[str, bytes]:
        """What it says to whoever asks, and what the kernel says of it."""
        async with self.client() as client:
            newest = (await client.get("/api/v1/runs?limit=2")).json()["runs"]
            runs = [f"/api/v1/runs/{each['run']['id']}" for each in newest]
            paths = ["/", "/metrics", "/api/v1/status", "/api/v1/chains", f"/probe?chain={CHAIN}&debug=true", *runs]
            said = {f"API: {path}": (await client.get(path)).content for path in paths}
            for run in runs:
                for form in ("text/plain", "text/html"):
                    answer = await client.get(f"{run}/evidence", headers={"Accept": form})
                    said[f"API: {run}/evidence {form}"] = answer.content
        proc = Path(f"/proc/{self.process.pid}")
        return {**said, **{name: (proc / name).read_bytes() for name in ("cmdline", "environ")}}

    # ── its memory ───────────────────────────────────────────────────────────────────────────────────────────────────

    def resident_mib(self) -> float:
        """Now."""
        return self.memory_mib("VmRSS")

    def forget_peak(self) -> None:
        """From now on the peak is that since now (proc(5): clear_refs)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")

    def peak_mib(self) -> float:
        """The most since then; 0 once it is gone."""
        return self.memory_mib("VmHWM")

    def memory_mib(self, name: str) -> float:
        """What the kernel says of it under this name (proc(5)); 0 once it is gone."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return 0.0
        found = next((line for line in status.splitlines() if line.startswith(f"{name}:")), f"{name}: 0")
        return int(found.split()[1]) / 1024


@asynccontextmanager
async def fronts(world: World) -> AsyncIterator[tuple[Front, Front]]:
    """One before each service of a lab."""
    pair = tuple(Front(int(url.rpartition(":")[2])) for url in (world.auth_url, world.backend_url))
    for each in pair:
        await each.open()
    try:
        yield pair[0], pair[1]
    finally:
        for each in pair:
            await each.close()


def hits(house: House, sinks: Mapping[str, bytes]) -> list[Hit]:
    """Every secret in every place in which none may be."""
    return searched(house.needles(), {**sinks, **house.beneath()})
