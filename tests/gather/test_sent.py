"""What a step sends, told with placeholders: it must be what really goes out."""

import re

import pytest

from prober.gather.look import look
from prober.gather.sent import sent
from prober.model.chain import (
    Carrier,
    HttpStep,
    MintStep,
    NoToken,
    Request,
    RouteIssuer,
    SpoofedIssuer,
    TcpStep,
    ValidateStep,
    WebSocketStep,
)
from tests.gather.peers import LOCAL, SECRET, USER, kit, service, socket_peer
from tests.gather.scripted import answers, http, peer

OK = http(b"{}")
NONE = NoToken(name="none", identity=USER)
SPOOFED = SpoofedIssuer(name="spoofed", identity=USER, headers={"X-User-ID": "{subject}"})
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")

#: What a wire adds by itself.
_BY_THE_WIRE = {"host", "accept", "user-agent", "accept-encoding", "content-length", "connection"}


def step(here, kind=HttpStep, token=LOCAL, **more):
    """A request to `here` that holds every placeholder."""
    request = Request(
        service=here.service(),
        method="POST",
        path="/api/{subject}?mail={email}",
        headers={"X-Service-Secret": "{secret:jwt}"},
        **{"json": {"email": "{email}"}} | more,
    )
    return kind(name="messages", service=here.service(), request=request, token=token)


def minting(here):
    """A step that has a token minted."""
    request = step(here).request
    return MintStep(name="mint", service=here.service(), token=RouteIssuer(name="auth", identity=USER, request=request))


def asked(raw):
    """Method and target, headers and body of what `raw` asks, with placeholders for what is secret."""
    text = _TOKEN.sub("{token}", raw.decode()).replace(SECRET, "{secret:jwt}")
    head, _, body = text.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    method, target, _ = first.split(" ")
    return method, target, {k: v for k, v in headers.items() if k not in _BY_THE_WIRE}, body


@pytest.mark.parametrize(
    "make",
    [
        step,
        lambda here: step(here, token=None),
        lambda here: step(here, token=NONE),
        lambda here: step(here, token=SPOOFED),
        lambda here: step(here, ValidateStep, json={"token": "{token}"}),
        lambda here: step(here, ValidateStep, token=NONE, json={"token": "{token}"}),
        lambda here: step(here, json=None, form={"token": "{token}", "hint": "a&b"}),
        minting,
    ],
    ids=["bearer", "plain", "none", "spoofed", "validate", "validate none", "form", "mint"],
)
async def test_what_is_told_is_what_went_out(make):
    """Put together by the same hands, so that who copies it sends the same."""
    async with peer(answers(OK)) as here, kit() as tools:
        told = (await look(make(here), tools)).sent
        base = here.service().url

    headers = {name.lower(): value for name, value in told.headers.items()}
    assert asked(here.requests[0]) == (told.method, told.url.removeprefix(base), headers, told.body or "")


@pytest.mark.parametrize("carrier", Carrier)
async def test_a_handshake_is_told_as_it_went_out(carrier):
    """The token where it travels, and what is said once we are welcome."""
    seen = []

    async def handler(socket):
        seen.append((socket.request.path, socket.request.headers))
        await socket.close()

    async with (
        socket_peer(handler, select_subprotocol=lambda _, offered: next(iter(offered), None)) as port,
        kit() as tools,
    ):
        socket = WebSocketStep(name="ws", service=service(port), token=LOCAL, path="/ws?of={subject}", carrier=carrier)
        told = (await look(socket, tools)).sent

    (path, headers), *_ = seen
    assert (told.url, told.message) == (f"ws://127.0.0.1:{port}{path}", socket.ping)
    assert bool(told.subprotocols) is ("Sec-WebSocket-Protocol" in headers)
    assert ("Authorization" in told.headers) is ("Authorization" in headers)
    assert told.subprotocols in {(), ("jwt-auth", "jwt.{token:base64url}")}


async def test_a_secret_that_somebody_wrote_into_the_config_is_not_told():
    """What is a secret is one wherever it stands."""
    async with peer(answers(OK)) as here, kit() as tools:
        tools.keyring.get("jwt")
        told = sent(step(here, json={"key": SECRET, "token": "{token}"}), tools)

    assert SECRET not in repr(told)
    assert '"token": "{token}"' in told.body


async def test_where_there_is_nothing_to_send_again_nothing_is_told():
    """A bare connection, or a token that we mint ourselves."""
    async with kit() as tools:
        found = [
            sent(TcpStep(name="tcp", service=service(1)), tools),
            sent(MintStep(name="m", service=service(1), token=LOCAL), tools),
        ]

    assert found == [None, None]
