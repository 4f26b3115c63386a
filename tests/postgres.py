"""A real PostgreSQL from the distribution's package: started, stopped, paused and given databases by tests."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

HOST = "127.0.0.1"


def bindir() -> Path | None:
    """Where initdb, pg_ctl and psql are; None when they are not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if found:
        return found[0].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _signal(pid: int, number: signal.Signals) -> None:
    """A process of the server's; some come and go."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def ask(address: str, statement: str) -> str:
    """What a statement answers, as text: a row a line, its columns apart by `|`."""
    command = [f"{bindir()}/psql", "-X", "-A", "-t", "-q", "-d", address, "-c", statement]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


class Postgres:
    """One server with a folder of its own, on a free port of loopback."""

    def __init__(self, home: Path) -> None:
        """Lay its folder out."""
        self.home, self.bin = home, bindir()
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = free.getsockname()[1]
        self.password = secrets.token_urlsafe(16)
        self._own(home)
        password = home / "password"
        password.write_text(self.password)
        self._own(password)
        self._run(
            "initdb",
            "-D",
            home / "data",
            "-U",
            "prober",
            "-A",
            "scram-sha-256",
            "--pwfile",
            password,
            "-E",
            "UTF8",
            "--no-sync",
        )

    def _own(self, path: Path) -> None:
        """It refuses to run as root."""
        if os.geteuid() == 0:
            shutil.chown(path, "postgres")

    def _run(self, program: str, *words: object) -> None:
        as_who = {"user": pwd.getpwnam("postgres").pw_uid} if os.geteuid() == 0 else {}
        command = [str(self.bin / program), *map(str, words)]
        subprocess.run(
            command, check=True, cwd=self.home, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, **as_who
        )

    def start(self, *settings: str) -> None:
        """Start it with `settings` of its own (`name=value`); returns when it answers."""
        options = f"-p {self.port} -c listen_addresses={HOST} -c unix_socket_directories={self.home} -c fsync=off"
        options = " -c ".join((options, *settings))
        self._run("pg_ctl", "-D", self.home / "data", "-l", self.home / "log", "-w", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it, as hard as asked for: smart, fast or immediate."""
        self._run("pg_ctl", "-D", self.home / "data", "-m", mode, "-w", "stop")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Every process of it stands still meanwhile."""
        leader = int((self.home / "data" / "postmaster.pid").read_text().split()[0])
        family = [
            leader,
            *map(int, Path(f"/proc/{leader}/task/{leader}/children").read_text().split()),
        ]
        for pid in family:
            _signal(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in family:
                _signal(pid, signal.SIGCONT)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What a statement answers, as text."""
        return ask(self.address(database), statement)

    def database(self) -> str:
        """A fresh database; its address."""
        name = f"prober_{secrets.token_hex(4)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.address(name)

    def address(self, database: str) -> str:
        """The address of a database."""
        return f"postgresql://prober:{self.password}@{HOST}:{self.port}/{database}"


def installed_or_skip() -> None:
    """Skip where it is missing; fail where it is required, for there nobody reads what was skipped."""
    if bindir() is None:
        message = "not installed: initdb (package postgresql)"
        (pytest.fail if os.environ.get("PROBER_REQUIRE_POSTGRES") == "1" else pytest.skip)(message)


@contextmanager
def server(*settings: str) -> Iterator[Postgres]:
    """A server of one's own, gone afterwards."""
    installed_or_skip()
    with tempfile.TemporaryDirectory(prefix="prober-postgres-") as home:
        Path(home).chmod(0o755)
        postgres = Postgres(Path(home))
        postgres.start(*settings)
        try:
            yield postgres
        finally:
            postgres.stop()
