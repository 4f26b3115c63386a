"""The lab as a whole: services and edge started on free ports, broken and healed while they run, and stopped."""

import asyncio
import secrets
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from prober.lab.child import Child
from prober.lab.description import described
from prober.lab.faults import Fault, expand, merged
from prober.lab.noise import Noise
from prober.lab.parent import HOST
from prober.lab.settings import (
    CLOUD_RUN_PLACE,
    KUBERNETES_PLACE,
    RIGHTS,
    SERVICE_ID,
    AuthSettings,
    BackendSettings,
    EdgeSettings,
    PlatformSettings,
    Settings,
    SideSettings,
)

DEFAULT_DIALECT = "real"
AGE_SECONDS = 3600.0
SECRET_BYTES = 48

HASH_PATH = "/debug/jwt-secret-hash"
PROOF_PATH = "/internal/secret-proof"

# What the prober must know of a dialect beside addresses and secrets.
DIALECTS: Mapping[str, Mapping[str, str]] = {
    "real": {
        "LAB_DIALECT": "real",
        "LAB_MINT_PATH": "/auth/e2e/test-auth",
        "LAB_SECRET_METHOD": "proof",
        "LAB_AUTH_SECRET_PATH": PROOF_PATH,
        "LAB_BACKEND_SECRET_PATH": PROOF_PATH,
    },
    "reports": {
        "LAB_DIALECT": "reports",
        "LAB_MINT_PATH": "/auth/e2e-test-auth",
        "LAB_SECRET_METHOD": "hash",
        "LAB_AUTH_SECRET_PATH": HASH_PATH,
        "LAB_BACKEND_SECRET_PATH": HASH_PATH,
    },
}

#: The platforms that the lab may say it runs on: by what name it is asked about a service.
PLATFORMS: Mapping[str, str] = {"cloud_run": CLOUD_RUN_PLACE, "kubernetes": KUBERNETES_PLACE}


class World:
    """An auth service and a backend behind an edge, really running, broken in the ways that were asked for."""

    def __init__(  # noqa: PLR0913 - what a world may be told
        self,
        faults: Iterable[str | Fault] = (),
        dialect: str | None = None,
        *,
        auth: Settings | None = None,
        backend: Settings | None = None,
        noise: Noise | None = None,
        platform: str | None = None,
        rights: Iterable[str] = RIGHTS,
    ) -> None:
        """Prepare a world with these faults; `auth` and `backend` are settings that no fault is about.

        It runs on a `platform` that can be asked, where one is named, and who asks has these `rights`.
        """
        self._platform_kind, self._rights = _known_platform(platform), tuple(rights)
        self._wanted_dialect = dialect
        self._noise = noise or Noise()
        self._more = {"auth": dict(auth or {}), "backend": dict(backend or {})}
        self._secrets: dict[str, str] = {}
        self._sockets: list[socket.socket] = []
        self._changing = asyncio.Lock()
        self._set(faults)
        key = secrets.token_urlsafe(SECRET_BYTES)
        self._edge = Child("prober.lab.edge", key, doors=3)
        self._auth = Child("prober.lab.auth", key)
        self._backend = Child("prober.lab.backend", key)
        self._twin = Child("prober.lab.backend", key)
        self._platform = Child("prober.lab.control_plane", key)
        self._home: TemporaryDirectory[str] | None = None

    async def __aenter__(self) -> Self:
        """Take the ports, then start what is not to be down."""
        try:
            for child in (self._edge, self._auth, self._backend, self._platform):
                child.keep_ports()
            self._twin.keep_ports(self._backend.ports)
            await self._apply()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, whatever happened."""
        await self._close()

    @property
    def auth_url(self) -> str:
        """Where the edge takes requests for the auth service; known once the world was entered."""
        return self._edge.urls[0]

    @property
    def backend_url(self) -> str:
        """Where the edge takes requests for the backend."""
        return self._edge.urls[1]

    @property
    def auth_direct_url(self) -> str:
        """Where the auth service is behind the edge, or would be: the way the backend takes."""
        return self._auth.urls[0]

    @property
    def backend_direct_url(self) -> str:
        """Where the backend is behind the edge, or would be."""
        return self._backend.urls[0]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults now in force, scenarios expanded."""
        return self._faults

    @property
    def dialect(self) -> str:
        """The dialect now spoken: a scenario's, else the one asked for, else the real one."""
        return self._dialect

    @property
    def environment(self) -> dict[str, str]:
        """The variables a prober of this world is given, faults of the prober included."""
        healthy = {
            "AUTH_URL": self.auth_url,
            "BACKEND_URL": self.backend_url,
            "JWT_SECRET_STAGING": self._secret("jwt"),
            "SERVICE_ID": SERVICE_ID,
            "SERVICE_SECRET": self._secret("service"),
            "E2E_OAUTH_SIMULATION_KEY": self._secret("bypass"),
            **self._announced(),
            **self._noise.patience,
            **DIALECTS[self._dialect],
            **self._asked_platform(),
        }
        changed = merged(healthy, *(fault.prober for fault in self._faults))
        return {name: str(self._resolved(value)) for name, value in changed.items()}

    async def change(self, *faults: str | Fault) -> None:
        """Replace the faults in force by these while the services run; none: heal."""
        self._set(faults)
        async with self._changing:
            await self._apply()

    async def hold(self, *, auth: Settings | None = None, backend: Settings | None = None) -> None:
        """Have the services go on with these settings that no fault is about, beside those they were given before.

        Another `revision` is another process: so a service may read its secrets anew as it runs, or by a deploy.
        """
        self._more["auth"] |= auth or {}
        self._more["backend"] |= backend or {}
        async with self._changing:
            await self._apply()

    def _set(self, faults: Iterable[str | Fault]) -> None:
        self._faults, forced = expand(faults)
        self._dialect = forced or self._wanted_dialect or DEFAULT_DIALECT
        if self._dialect not in DIALECTS:
            message = f'no dialect is named "{self._dialect}"; there are {" and ".join(DIALECTS)}'
            raise ValueError(message)

    async def _apply(self) -> None:
        # The twin shares the backend's port: while it is up nobody can choose which of the two to tell something.
        await self._twin.be({"up": False})
        async with asyncio.TaskGroup() as group:
            group.create_task(self._edge.be(self._edge_settings().to_document()))
            group.create_task(self._auth.be(self._auth_settings().to_document()))
            group.create_task(self._backend.be(self._backend_settings().to_document()))
        await self._twin.be(self._twin_settings().to_document())
        await self._platform.be(self._platform_settings().to_document())

    async def _close(self) -> None:
        async with AsyncExitStack() as stack:
            if self._home is not None:
                stack.callback(self._home.cleanup)
            for taken in self._sockets:
                stack.callback(taken.close)
            for child in (self._auth, self._backend, self._twin, self._edge, self._platform):
                stack.push_async_callback(child.close)

    def _auth_settings(self) -> AuthSettings:
        healthy: Settings = {**self._common("auth"), "bypass_key": self._secret("bypass")}
        return AuthSettings.from_document(self._broken(healthy, self._more["auth"], *self._changes("auth")))

    def _backend_settings(self) -> BackendSettings:
        healthy: Settings = {**self._common("backend"), "auth_url": self.auth_direct_url}
        return BackendSettings.from_document(self._broken(healthy, self._more["backend"], *self._changes("backend")))

    def _twin_settings(self) -> BackendSettings:
        """What a second instance of the backend has otherwise than the first; down unless a fault wants one."""
        changes = self._changes("twin")
        first: Settings = {**self._backend_settings().to_document(), "up": any(changes)}
        return BackendSettings.from_document(self._broken(first, *changes))

    def _edge_settings(self) -> EdgeSettings:
        return EdgeSettings(auth=self._side("auth", self._auth), backend=self._side("backend", self._backend))

    def _platform_settings(self) -> PlatformSettings:
        """What the platform has to tell of the processes that run now; down where the lab runs on none."""
        if self._platform_kind is None:
            return PlatformSettings(up=False)
        auth, backend, twin = (
            each.to_document() for each in (self._auth_settings(), self._backend_settings(), self._twin_settings())
        )
        edge = self._edge_settings()
        self._secret("database")
        told = described(
            {"auth": [auth], "backend": [backend, twin] if twin["up"] else [backend]},
            {"auth": edge.auth.upstream_port, "backend": edge.backend.upstream_port},
            self._secrets,
            datetime.now(UTC),
        )
        return PlatformSettings(token=self._secret("platform"), rights=self._rights, **told)

    def _asked_platform(self) -> dict[str, str]:
        """Where a prober asks the platform about the services, and as whom; nothing where there is none."""
        if self._platform_kind is None:
            return {}
        where, kind = self._platform.urls[0], self._platform_kind
        return {
            **{
                f"LAB_{name.upper()}_{kind.upper()}": PLATFORMS[kind].format(service=name)
                for name in ("auth", "backend")
            },
            "LAB_PLATFORM_API": where,
            "GCE_METADATA_HOST": where.removeprefix("http://"),
            "LAB_PLATFORM_TOKEN_FILE": self._token_file(),
            "LAB_AUTH_PORT": str(self._auth.ports[0]),
            "LAB_BACKEND_PORT": str(self._backend.ports[0]),
        }

    def _token_file(self) -> str:
        """The token as a cluster mounts it into a pod."""
        if self._home is None:
            self._home = TemporaryDirectory(prefix="prober-lab-")
        path = Path(self._home.name) / "token"
        path.touch(mode=0o600)
        path.write_text(self._secret("platform"))
        return str(path)

    def _side(self, name: str, service: Child) -> SideSettings:
        healthy: Settings = {**self._noise.of_side(name), "upstream_port": service.ports[0]}
        return SideSettings(**self._broken(healthy, *self._changes(f"{name}_edge")))

    def _announced(self) -> dict[str, str]:
        """The revisions that are said to be deployed; of two that serve at once the newer one."""
        changes: dict[str, tuple[Settings, ...]] = {
            "AUTH_REVISION": ({"revision": AuthSettings().revision}, self._more["auth"], *self._changes("auth")),
            "BACKEND_REVISION": (
                {"revision": BackendSettings().revision},
                self._more["backend"],
                *self._changes("backend"),
                *self._changes("twin"),
            ),
        }
        return {name: str(merged(*each)["revision"]) for name, each in changes.items()}

    def _changes(self, place: str) -> list[Settings]:
        """What the faults in force change in this place."""
        return [getattr(fault, place) for fault in self._faults]

    def _common(self, name: str) -> Settings:
        return {
            **self._noise.of_service(name),
            "age_seconds": AGE_SECONDS,
            "dialect": self._dialect,
            "jwt_secret": self._secret("jwt"),
            "service_secret": self._secret("service"),
        }

    def _broken(self, healthy: Settings, *changes: Settings) -> dict[str, Any]:
        return {name: self._resolved(value) for name, value in merged(healthy, *changes).items()}

    def _secret(self, name: str) -> str:
        """The world's secret of this name, made at random when it is first asked for."""
        return self._secrets.setdefault(name, secrets.token_urlsafe(SECRET_BYTES))

    def _resolved(self, value: object) -> object:
        """What a symbolic value stands for in this world; any other value as it is."""
        kind, _, name = value.partition(":") if isinstance(value, str) else ("", "", "")
        resolve = self._symbols().get(kind)
        return resolve(name) if resolve else value

    def _symbols(self) -> Mapping[str, Callable[[str], object]]:
        return {
            "same": self._secret,
            "unheard": lambda _: self._unheard(),
            "other": lambda name: self._secret(f"other {name}"),
            "third": lambda name: self._secret(f"third {name}"),
            "newline": lambda name: self._secret(name) + "\n",
            "url": lambda name: str(getattr(self, f"{name}_url")),
            "server": lambda _: self._edge.urls[2].removeprefix("http://"),
            "tls": lambda name: getattr(self, f"{name}_url").replace("http:", "https:", 1),
            "blackhole": lambda _: self._blackhole(),
        }

    def _unheard(self) -> int:
        """A port at which nobody listens."""
        taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        taken.bind((HOST, 0))
        self._sockets.append(taken)
        port: int = taken.getsockname()[1]
        return port

    def _blackhole(self) -> str:
        """An address where connections are never answered."""
        taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        taken.bind((HOST, 0))
        self._sockets.append(taken)
        self._fill(taken)
        return f"http://{HOST}:{taken.getsockname()[1]}"

    def _fill(self, taken: socket.socket) -> None:
        """Fill the queue of a socket that never accepts: the kernel then drops what knocks, as a firewall does."""
        taken.listen(0)
        for _ in range(4):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.settimeout(0)
            filler.connect_ex(taken.getsockname())
            self._sockets.append(filler)


def _known_platform(name: str | None) -> str | None:
    if name is not None and name not in PLATFORMS:
        message = f'no platform is named "{name}"; there are {" and ".join(PLATFORMS)}'
        raise ValueError(message)
    return name
