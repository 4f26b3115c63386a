"""The lab as a whole: both services started on free ports, broken and healed while they run, and stopped."""

import asyncio
import secrets
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from prober.lab.child import HOST, Child
from prober.lab.faults import Fault, expand, merged
from prober.lab.settings import SERVICE_ID, AuthSettings, BackendSettings, Settings

DEFAULT_DIALECT = "real"
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
    """An auth service and a backend, really running, broken in the ways that were asked for."""

    def __init__(
        self,
        faults: Iterable[str] = (),
        dialect: str | None = None,
        *,
        auth: Settings | None = None,
        backend: Settings | None = None,
    ) -> None:
        """Prepare a world with these faults; `auth` and `backend` are settings that no fault is about, as latency."""
        self._wanted_dialect = dialect
        self._more = {"auth": dict(auth or {}), "backend": dict(backend or {})}
        self._secrets: dict[str, str] = {}
        self._sockets: list[socket.socket] = []
        self._changing = asyncio.Lock()
        self._set(faults)
        key = secrets.token_urlsafe(SECRET_BYTES)
        self._auth = Child("prober.lab.auth", key)
        self._backend = Child("prober.lab.backend", key)
        self._twin = Child("prober.lab.backend", key)

    async def __aenter__(self) -> Self:
        """Take two ports, then start what is not to be down."""
        try:
            self._auth.keep_port()
            self._backend.keep_port()
            self._twin.keep_port(self._backend.port)
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
        """Where the auth service is, or would be; known once the world was entered."""
        return self._auth.url

    @property
    def backend_url(self) -> str:
        """Where the backend is, or would be."""
        return self._backend.url

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
            **DIALECTS[self._dialect],
        }
        changed = merged(healthy, *(fault.prober for fault in self._faults))
        return {name: str(self._resolved(value)) for name, value in changed.items()}

    async def change(self, *names: str) -> None:
        """Replace the faults in force by these while the services run; none: heal."""
        self._set(names)
        async with self._changing:
            await self._apply()

    def _set(self, names: Iterable[str]) -> None:
        self._faults, forced = expand(names)
        self._dialect = forced or self._wanted_dialect or DEFAULT_DIALECT
        if self._dialect not in DIALECTS:
            message = f'no dialect is named "{self._dialect}"; there are {" and ".join(DIALECTS)}'
            raise ValueError(message)

    async def _apply(self) -> None:
        # The twin shares the backend's port: while it is up nobody can choose which of the two to tell something.
        await self._twin.be({"up": False})
        async with asyncio.TaskGroup() as group:
            group.create_task(self._auth.be(self._auth_settings().to_document()))
            group.create_task(self._backend.be(self._backend_settings().to_document()))
        await self._twin.be(self._twin_settings().to_document())

    async def _close(self) -> None:
        async with AsyncExitStack() as stack:
            for taken in self._sockets:
                stack.callback(taken.close)
            stack.push_async_callback(self._auth.close)
            stack.push_async_callback(self._backend.close)
            stack.push_async_callback(self._twin.close)

    def _auth_settings(self) -> AuthSettings:
        healthy: Settings = {**self._common(), "bypass_key": self._secret("bypass")}
        return AuthSettings.from_document(self._broken("auth", healthy, *(fault.auth for fault in self._faults)))

    def _backend_settings(self) -> BackendSettings:
        healthy: Settings = {**self._common(), "auth_url": self.auth_url}
        changes = (fault.backend for fault in self._faults)
        return BackendSettings.from_document(self._broken("backend", healthy, *changes))

    def _twin_settings(self) -> BackendSettings:
        """What a second instance of the backend has otherwise than the first; down unless a fault wants one."""
        changes = [fault.twin for fault in self._faults if fault.twin]
        first: Settings = {**self._backend_settings().to_document(), "up": bool(changes)}
        return BackendSettings.from_document(self._broken("backend", first, *changes))

    def _common(self) -> Settings:
        return {
            "dialect": self._dialect,
            "jwt_secret": self._secret("jwt"),
            "service_secret": self._secret("service"),
        }

    def _broken(self, service: str, healthy: Settings, *changes: Settings) -> dict[str, Any]:
        settings = merged(healthy, self._more[service], *changes)
        return {name: self._resolved(value) for name, value in settings.items()}

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
            "closed": lambda _: self._socket_url(listening=False),
            "blackhole": lambda _: self._socket_url(listening=True),
        }

    def _socket_url(self, *, listening: bool) -> str:
        """An address where connections are refused, or where they are never answered."""
        taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        taken.bind((HOST, 0))
        self._sockets.append(taken)
        if listening:
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
