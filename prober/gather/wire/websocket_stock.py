"""StockLink: a WebSocket as the library's own asyncio client has it; what it sees while our loop is busy looks late."""

from collections.abc import Mapping, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from prober.gather.clock import PhaseWatch
from prober.gather.wire import dial
from prober.gather.wire.http import USER_AGENT
from prober.gather.wire.tls import tls_context
from prober.gather.wire.websocket_call import LARGEST_MESSAGE_BYTES, MOST_HELD, MUTE, NORMAL, Call
from prober.model.trouble import Phase


async def open_stock(call: Call, addresses: Sequence[str], port: int, watch: PhaseWatch) -> "StockLink":
    """A link to the first address that connects; raises as dial does, and what the library says of a handshake."""
    sock, _ = await dial.connect(addresses, port, watch)
    try:
        opening = _Direct(call.url, sock=sock, **_options(call))
        opening.watch = watch
        connection = await opening
    except BaseException:
        sock.close()  # what cuts us short before the library took the socket over must not leave it open
        raise
    watch.leave()
    return StockLink(connection)


class StockLink:
    """One WebSocket."""

    age_seconds = 0.0  # nobody can tell

    def __init__(self, connection: ClientConnection) -> None:
        """Speak over `connection`, which is open."""
        self._connection = connection

    @property
    def headers(self) -> Mapping[str, str]:
        """Those of the accepted handshake, by lower-case name."""
        response = self._connection.response
        return {name.lower(): value for name, value in response.headers.raw_items()} if response else {}

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol the peer chose."""
        return self._connection.subprotocol

    async def receive(self) -> str | bytes:
        """The next message; raises ConnectionClosed once there is none."""
        return await self._connection.recv()

    async def send(self, text: str) -> None:
        """Send one text message; raises ConnectionClosed where the peer has closed."""
        await self._connection.send(text)

    async def close(self) -> ConnectionClosed:
        """Close with 1000, unless it is closed, and give what says how it was."""
        await self._connection.close(NORMAL)
        return self._connection.protocol.close_exc

    def drop(self) -> None:
        """Hang up; after a close it does nothing."""
        self._connection.transport.abort()


class _Direct(connect):
    """`connect` that follows no redirect (its answer is the finding) and tells the phases apart."""

    watch: PhaseWatch

    async def open_tcp_connection(self) -> ClientConnection:
        """TLS, on the TCP connection that was handed over; what comes next is the upgrade."""
        if self.ws_uri.secure:
            self.watch.enter(Phase.TLS)
        connection = await super().open_tcp_connection()
        self.watch.enter(Phase.UPGRADE)
        return connection

    def process_redirect(self, exc: Exception) -> Exception:
        """The answer itself: credentials follow nobody to another host."""
        return exc


class _Impatient(ClientConnection):
    """A connection that hangs up by itself when the peer, after the close frames, does not (RFC 6455 §7.1.1)."""

    def data_received(self, data: bytes) -> None:
        """Read as usual; once only the peer's hanging up is missing, wait for it no longer than for a close."""
        super().data_received(data)
        if self.protocol.close_expected():
            self.loop.call_later(self.close_timeout or 0, self.transport.abort)


def _options(call: Call) -> dict[str, Any]:
    return {
        "additional_headers": dict(call.headers),
        "close_timeout": call.close_seconds,
        "compression": None,  # a few bytes would become many
        "create_connection": _Impatient,
        "logger": MUTE,
        "max_queue": MOST_HELD,
        "max_size": LARGEST_MESSAGE_BYTES,
        "open_timeout": None,  # one timeout rules name, connection, TLS and upgrade together
        "ping_interval": None,  # the probe pings as the service's own clients do
        "proxy": None,
        "subprotocols": [Subprotocol(name) for name in call.subprotocols] or None,
        "user_agent_header": USER_AGENT,
    } | ({"ssl": tls_context(call.ca_file)} if call.url.startswith("wss:") else {})
