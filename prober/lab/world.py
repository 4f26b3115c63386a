"""The lab as a whole: services and edge started on free ports, broken and healed while they run, and stopped."""

import asyncio
import secrets
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from prober.lab.child import Child
from prober.lab.faults import Fault, expand, merged
from prober.lab.noise import Noise
from prober.lab.parent import HOST
from prober.lab.settings import SERVICE_ID, AuthSettings, BackendSettings, EdgeSettings, Settings, SideSettings

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


class World:
    """An auth service and a backend behind an edge, really running, broken in the ways that were asked for."""

    def __init__(
        self,
        faults: Iterable[str | Fault] = (),
        dialect: str | None = None,
        *,
        auth: Settings | None = None,
        backend: Settings | None = None,
        noise: Noise | None = None,
    ) -> None:
        """Prepare a world with these faults; `auth` and `backend` are settings that no fault is about."""
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

    async def __aenter__(self) -> Self:
        """Take the ports, then start what is not to be down."""
        try:
            for child in (self._edge, self._auth, self._backend):
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

    async def _close(self) -> None:
        async with AsyncExitStack() as stack:
            for taken in self._sockets:
                stack.callback(taken.close)
            for child in (self._auth, self._backend, self._twin, self._edge):
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

    def _symbols(self) -> Mapping[str, Callable[[str], str]]:
        return {
            "other": lambda name: self._secret(f"other {name}"),
            "third": lambda name: self._secret(f"third {name}"),
            "newline": lambda name: self._secret(name) + "\n",
            "url": lambda name: str(getattr(self, f"{name}_url")),
            "server": lambda _: self._edge.urls[2].removeprefix("http://"),
            "tls": lambda name: getattr(self, f"{name}_url").replace("http:", "https:", 1),
            "blackhole": lambda _: self._blackhole(),
        }

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
