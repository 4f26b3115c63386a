"""What another prober is asked for: a gate, followed to its end over a way that may break; its kill switch."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.identity_token import IdentityTokens
from prober.gather.secrets import Keyring
from prober.gather.wire.http import HttpWire, Outgoing
from prober.model.chain import IdentityToken
from prober.model.errors import AskedInVain, AskedWrongly, NothingMatched, NotSwitched, PausedThere, SwitchedWrongly
from prober.model.observation import HttpSeen
from prober.model.reach import ANYWHERE
from prober.model.secret import Secret

#: A gate with its report is 70 KiB for a chain of 27 steps.
_MOST_BYTES = 8 * 1024 * 1024

_BETWEEN_LOOKS_SECONDS = 1.0
_EACH_SECONDS = 15.0

#: So long in a row nobody may answer: the time it takes to start a prober anew.
_PATIENCE_SECONDS = 60.0

#: What asking again may mend.
_AGAIN = frozenset({
    HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT,
})  # fmt: skip

_LONGEST_DETAIL = 500

_GOING_ON = ("waiting", "running")
_PAUSED = "paused"

#: What a gate is told by; a prober of another release may leave out what came later.
_WHOLE = frozenset({
    "id", "chain", "began", "ended", "ok", "verdict", "because", "sentence", "headline", "why", "standing",
    "standingText", "beforeText", "remarks", "samples", "failures", "provenText", "revision", "rounds", "report",
})  # fmt: skip
_NO_GATE = "what it answered is no gate as this release knows it"

Document = Mapping[str, Any]
Told = Callable[[Document], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A prober that runs elsewhere."""

    url: str
    token: Secret
    within_seconds: float  # all of a gate, waiting for our turn included
    identity: IdentityToken | None = None  # None: no platform stands before it that wants to see who calls
    environ: Mapping[str, str] = field(default_factory=dict)  # where the metadata server is


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Any  # JSON, or None
    retry_after_seconds: float | None = None
    why: str = ""  # in words, where it is no success


def is_safe(url: str, *, allow_http: bool) -> bool:
    """Whether a token may be sent there: encrypted, or to this machine, or where somebody gave leave."""
    try:
        parts, _ = urlsplit(url), urlsplit(url).port
    except ValueError:
        return False
    host = parts.hostname or ""
    is_plain = parts.scheme == "http" and (allow_http or _is_loopback(host))
    return bool(host) and parts.username is None and (parts.scheme == "https" or is_plain)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@asynccontextmanager
async def asking(server: Server) -> "AsyncIterator[Asking]":
    """Ask `server` things while this lasts."""
    keys = Keyring({}, server.environ)
    keys.heed(server.token)
    wire = HttpWire(keys.redactor(), most_bytes=_MOST_BYTES, reach=ANYWHERE)
    tokens = IdentityTokens(keys, SystemClock(), server.environ)
    try:
        yield Asking(server, wire, keys, tokens)
    finally:
        await tokens.aclose()
        await wire.aclose()


class Asking:
    """Asks one prober."""

    def __init__(self, server: Server, wire: HttpWire, keys: Keyring, tokens: IdentityTokens) -> None:
        """Over `wire`; who we are is told by `tokens`, which lends to `keys`."""
        self._server, self._wire, self._keys, self._tokens = server, wire, keys, tokens

    async def gate(self, chain: str, order: Document, told: Told) -> dict[str, Any]:
        """The document of a gate of `chain`; `told` hears of it as long as it goes on.

        Raises:
            NothingMatched: there is no such chain.
            AskedWrongly: it would not, and never will.
            AskedInVain: nothing was heard in time.
        IdentityUnavailable: there is nothing to show the platform before it.
        """
        key = {"Idempotency-Key": uuid4().hex}
        try:
            async with asyncio.timeout(self._server.within_seconds):
                begun = await self._surely("POST", "/api/v1/gates", {"chain": chain, **order}, key, chain)
                return await self._followed(begun, told)
        except TimeoutError as error:
            why = f"none within {self._server.within_seconds:.0f} seconds"
            raise self._in_vain(why) from error

    async def pauses(self) -> Document:
        """What is paused there; raises NotSwitched."""
        return await self._once("GET", "/api/v1/pauses")

    async def pause(self, service: str, reason: str, seconds: float | None) -> Document:
        """Have it send nothing more to `service`; raises NotSwitched."""
        lasts = {"for": seconds} if seconds is not None else {}
        return await self._once("POST", "/api/v1/pauses", {"service": service, "reason": reason, **lasts})

    async def resume(self, service: str) -> Document:
        """Have it send to `service` again; raises NotSwitched."""
        return await self._once("DELETE", f"/api/v1/pauses/{quote(service, safe='')}")

    async def _once(self, method: str, path: str, body: object = None) -> Document:
        """Asked once: who pulls a switch is to hear at once whether it worked."""
        answer = await self._ask(method, path, body, {})
        if answer.status == HTTPStatus.OK and isinstance(answer.body, dict):
            return answer.body
        is_refusal = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
        raise (SwitchedWrongly if is_refusal else NotSwitched)(self._name, answer.why)

    async def _followed(self, gate: Document, told: Told) -> dict[str, Any]:
        while gate.get("state") in _GOING_ON and isinstance(gate.get("id"), str):
            told(gate)
            await asyncio.sleep(_BETWEEN_LOOKS_SECONDS)
            gate = await self._surely("GET", f"/api/v1/gates/{quote(gate['id'], safe='')}")
        if gate.get("state") == "aborted":
            why = f"the gate was aborted: {_plain(gate.get('why', ''))}"
            raise PausedThere(self._name, why) if gate.get("why") == _PAUSED else self._in_vain(why)
        if gate.get("state") != "done" or not gate.keys() >= _WHOLE:
            raise self._in_vain(_NO_GATE)
        return dict(gate)

    async def _surely(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None, chain: str = ""
    ) -> Document:
        """A successful answer; asks again where that may help, and as soon as it was told to."""
        failed_since: float | None = None
        while True:
            answer = await self._ask(method, path, body, headers or {})
            if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES and isinstance(answer.body, dict):
                return answer.body
            if answer.status and answer.status not in _AGAIN:
                raise await self._refusal(answer, chain)
            now = SystemClock().seconds()
            failed_since = now if failed_since is None else failed_since
            if now - failed_since > _PATIENCE_SECONDS and answer.retry_after_seconds is None:
                raise self._in_vain(answer.why)
            await asyncio.sleep(answer.retry_after_seconds or _BETWEEN_LOOKS_SECONDS)

    async def _refusal(self, answer: _Answer, chain: str) -> Exception:
        """What its answer means to whoever asked for a gate of `chain`; of one that was begun already, nothing good."""
        if answer.status == HTTPStatus.NOT_FOUND and chain:
            known = await self._chains()
            if known and chain not in known:
                return NothingMatched(chain, known)
        if answer.status == HTTPStatus.CONFLICT:
            return PausedThere(self._name, answer.why)
        if answer.status < HTTPStatus.BAD_REQUEST:
            return self._in_vain(_NO_GATE)
        return (AskedWrongly if chain else AskedInVain)(self._name, answer.why)

    async def _chains(self) -> Sequence[str]:
        body = (await self._ask("GET", "/api/v1/chains", None, {})).body
        chains = body.get("chains") if isinstance(body, dict) else None
        return [str(each.get("name")) for each in chains if isinstance(each, dict)] if isinstance(chains, list) else []

    async def _shown(self) -> Mapping[str, str]:
        """What the platform before it wants to see; raises IdentityUnavailable."""
        wanted = self._server.identity
        if wanted is None:
            return {}
        await self._tokens.make_ready([wanted])
        return {wanted.header: f"Bearer {self._keys.lent(wanted).reveal()}"}

    async def _ask(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> _Answer:
        """One exchange; status 0 where there was none."""
        shown = await self._shown()
        call = Outgoing(
            method=method,
            url=f"{self._server.url.rstrip('/')}{path}",
            headers={
                "Accept": "application/json",
                "Authorization": f"Bearer {self._server.token.reveal()}",
                **headers,
                **shown,
                **({"Content-Type": "application/json"} if body is not None else {}),
            },
            body=None if body is None else json.dumps(body).encode(),
        )
        try:
            async with asyncio.timeout(_EACH_SECONDS):
                exchange = await self._wire.send(call, PhaseWatch(SystemClock()))
        except TimeoutError:
            return _Answer(0, None, why=f"no answer within {_EACH_SECONDS:.0f} seconds")
        if not isinstance(exchange.seen, HttpSeen):
            return _Answer(0, None, why=exchange.seen.detail)
        return _answer(exchange.seen, exchange.raw)

    @property
    def _name(self) -> str:
        return urlsplit(self._server.url).netloc

    def _in_vain(self, why: str) -> AskedInVain:
        return AskedInVain(self._name, why)


def _answer(seen: HttpSeen, raw: bytes) -> _Answer:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    detail = body.get("detail") if isinstance(body, dict) else None
    why = f"{seen.status} {HTTPStatus(seen.status).phrase if seen.status in _KNOWN else ''}".strip()
    detail = detail or (_WANTS_IDENTITY if _is_of_frontend(seen) else None)
    return _Answer(seen.status, body, _retry_after(seen), f"{why}: {_plain(detail)}" if detail else why)


def _is_of_frontend(seen: HttpSeen) -> bool:
    """Whether Google's front end refused us by itself; the prober behind it was not asked, or its answer were JSON."""
    refused = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    return seen.status in refused and seen.json is None and seen.headers.get("server", "").lower() == "google frontend"


_WANTS_IDENTITY = "said Google's front end, which wants an identity token of whom it lets in (--identity-from metadata)"


_KNOWN = frozenset(map(int, HTTPStatus))


def _retry_after(seen: HttpSeen) -> float | None:
    """Seconds; a date is not heeded, for our clock may differ."""
    told = seen.headers.get("retry-after", "")
    return max(float(told), 0.1) if told.isascii() and told.isdigit() else None


def _plain(text: object) -> str:
    """What a server says, for a terminal."""
    told = text if isinstance(text, str) else json.dumps(text)
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in told[:_LONGEST_DETAIL])
