"""The image, unpacked, and containers of it: runc runs them as a careful owner would, with no engine.

The root is read-only, no capability is left, no new privileges can be had, the user is the image's own; only /tmp and
/var/lib/prober can be written. The network is one of its own, with a loopback and nothing else; others may join it.
"""

import json
import os
import shutil
import subprocess
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_USER = 10001

#: What a program in a container sees of the kernel; as container engines mount it.
_MOUNTS = (
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "nodev", "mode=1777"]},  # noqa: S108 - the container's
    {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},  # noqa: S108 - the container's
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image as a folder: a manifest, and blobs named for their digests."""

    folder: Path

    def blob(self, digest: str) -> Path:
        """Where it is."""
        return self.folder / digest.partition(":")[2]

    @property
    def manifest(self) -> Any:
        """What it is made of."""
        return json.loads((self.folder / "manifest.json").read_text())

    @property
    def config(self) -> Any:
        """How it is run, its labels, its history."""
        return json.loads(self.blob(self.manifest["config"]["digest"]).read_text())

    @property
    def layers(self) -> list[Path]:
        """From the base upwards."""
        return [self.blob(layer["digest"]) for layer in self.manifest["layers"]]

    def unpack(self, root: Path) -> Path:
        """Lay the layers over each other in a folder; a name that begins with `.wh.` takes one away."""
        for layer in self.layers:
            with tarfile.open(layer) as files:
                for member in files:
                    place = root / member.name
                    if place.name.startswith(".wh."):
                        _remove(place.with_name(place.name.removeprefix(".wh.")))
                    else:
                        files.extract(member, root, filter="fully_trusted")
        return root


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


@dataclass(slots=True)
class Container:
    """A process in a container, and whoever else is let in."""

    name: str
    process: subprocess.Popen[str]
    runc: list[str | Path]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> dict[str, Any]:
        """What runc says of it; nothing before there is one."""
        told = subprocess.run([*self.runc, "state", self.name], capture_output=True, check=False, timeout=10)
        return json.loads(told.stdout or "{}")

    @property
    def pid(self) -> int:
        """Of its first process, as seen from outside."""
        return int(self.state["pid"])

    @property
    def begun(self) -> bool:
        """Whether its first process is its own program."""
        return self.state.get("status") == "running"

    def runs(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Another program in it, beside the first."""
        return subprocess.run(
            [*self.runc, "exec", self.name, *words], capture_output=True, text=True, timeout=60, check=False
        )

    def told(self, signal: str) -> None:
        """Send its first process a signal."""
        subprocess.run([*self.runc, "kill", self.name, signal], check=True, timeout=10)


@dataclass(frozen=True, slots=True)
class Host:
    """Where containers of an image run."""

    image: Image
    root: Path
    folder: Path

    def bundle(self, name: str, words, environment, network, volumes) -> Path:
        """All that runc is told."""
        config = self.image.config["config"]
        shutil.rmtree(self.folder / name, ignore_errors=True)
        state = self.folder / name / "state"
        state.mkdir(parents=True)
        os.chown(state, _USER, _USER)
        uid, gid = map(int, config["User"].split(":"))
        spec = {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": uid, "gid": gid},
                "args": words or [*config["Entrypoint"], *config["Cmd"]],
                "env": [*config["Env"], *(f"{name}={value}" for name, value in environment.items())],
                "cwd": config["WorkingDir"],
                "capabilities": {each: [] for each in ("bounding", "effective", "permitted", "inheritable", "ambient")},
                "noNewPrivileges": True,
            },
            "root": {"path": str(self.root), "readonly": True},
            "mounts": [*_MOUNTS, _bound(state, "/var/lib/prober", "rw"), *(_bound(*each, "ro") for each in volumes)],
            "linux": {
                "namespaces": [
                    *({"type": each} for each in ("pid", "ipc", "uts", "mount")),
                    {"type": "network", **({"path": network} if network else {})},
                ]
            },
        }
        (self.folder / name / "config.json").write_text(json.dumps(spec))
        return self.folder / name

    @contextmanager
    def container(self, name, *words, environment=None, beside=None, volumes=()):
        """One that runs; the image's own command unless `words` are given, in the network of `beside`."""
        network = f"/proc/{beside.pid}/ns/net" if beside else None
        bundle = self.bundle(name, list(words), environment or {}, network, volumes)
        runc = ["runc", "--root", self.folder / "runc"]
        with (
            (bundle / "log").open("w") as log,
            subprocess.Popen(
                [*runc, "run", "--bundle", bundle, name], stdout=subprocess.PIPE, stderr=log, text=True
            ) as process,
        ):
            try:
                yield Container(name, process, runc)
            finally:
                subprocess.run([*runc, "delete", "--force", name], capture_output=True, check=False, timeout=30)
                process.kill()

    def ran(self, name, *words, **more):
        """A command in a container of its own, to its end: exit code, output, what it said on standard error."""
        with self.container(name, *words, **more) as container:
            told = container.process.communicate(timeout=120)[0]
        return container.process.returncode, told, (self.folder / name / "log").read_text()


def _bound(source: Path, destination: str, how: str) -> dict[str, Any]:
    return {"destination": destination, "type": "bind", "source": str(source), "options": ["rbind", how, "nosuid"]}
