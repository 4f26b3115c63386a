"""Whatever the spelling and whoever says it: prober connects to nothing that nobody listed, and says so."""

import json
import re
import socket
import sys
from itertools import islice
from urllib.parse import urlsplit

import pytest

from prober.config.load import load
from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.look import look
from prober.gather.runner import Gatherer
from prober.gather.wire.http import HttpWire, Outgoing
from prober.gather.wire.websocket import WebSocketWire
from prober.gather.wire.websocket_call import Call
from prober.judge.verdict import judge
from prober.model.chain import HttpStep, Request, Role, Service, TcpStep, TlsStep, WebSocketStep
from prober.model.errors import ConfigError
from prober.model.reach import is_address
from prober.model.secret import Redactor, Secret
from prober.model.trouble import Trouble, TroubleKind, Whose
from prober.model.verdict import Reason, Verdict
from tests.gather.peers import LOCAL, keyring, kit, raw_peer
from tests.safety.addresses import led_to, spellings

pytestmark = pytest.mark.timeout(300)

#: Few suffice where each costs a connection; all of them are the long form.
SOME = pytest.param(520, id="short"), pytest.param(None, id="long", marks=pytest.mark.long)
FEW = pytest.param(60, id="short"), pytest.param(None, id="long", marks=pytest.mark.long)

_connected: list[object] = []  # of this process, by the interpreter itself
sys.addaudithook(lambda event, told: _connected.append(told[1]) if event == "socket.connect" else None)


@pytest.fixture
def connected():
    """The addresses that this process tries to connect to from now on."""
    _connected.clear()
    return _connected


@pytest.fixture
def names(monkeypatch):
    """A resolver that leads wherever nobody should go; it is given the names that it was asked for."""
    asked = []

    def getaddrinfo(host, port, **_):
        """Answer as those do who want us there."""
        asked.append(host)
        return [(socket.AF_INET6 if ":" in at else socket.AF_INET, 1, 6, "", (at, port)) for at in led_to(host)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def steps(url):
    """One of each kind that connects."""
    service = Service(name="b", role=Role.BACKEND, url=url, websocket_url=url.replace("http", "ws", 1))
    given = {"service": service, "deadline_seconds": 5.0}
    return (
        HttpStep(name="http", request=Request(service=service, method="GET", path="/"), token=LOCAL, **given),
        WebSocketStep(name="websocket", path="/ws", token=LOCAL, **given),
        TcpStep(name="tcp", **given),
        TlsStep(name="tls", **given),
    )


def config(url):
    """A config that wants to look there."""
    return {
        "version": 1,
        "environment": "staging",
        "services": {"b": {"role": "backend", "url": url}},
        "chains": {"main": {"steps": [{"name": "s", "probe": "tcp", "service": "b"}]}},
    }


def loaded(path):
    """The plan, or else what is complained of."""
    try:
        return load(path, {}), ""
    except ConfigError as error:
        return None, str(error)


@pytest.mark.parametrize("most", SOME)
async def test_no_config_leads_where_nobody_should_go(most, names, connected, tmp_path):
    """Each spelling is complained of in its line; a name is let by, and refused by every probe once it is looked up."""
    path, complaints, looks = tmp_path / "probes.yaml", 0, 0
    async with kit() as tools:
        for spelling in islice(spellings(1), most):
            path.write_text(json.dumps(config(f"http://{spelling}")))
            plan, complaint = loaded(path)
            if complaint:
                assert re.search(r"probes.yaml:1: services\.b\.url: ", complaint), spelling

                complaints += 1
                continue
            for step in steps(plan.services["b"].url):
                result = judge(step, await look(step, tools))

                assert (Verdict.BLIND, Reason.OWN_FAULT) == (result.verdict, result.reason), (spelling, step)
                assert "nothing was connected to" in result.detail
                looks += 1

    assert [] == connected
    assert complaints > 400
    assert looks == len(names) > 0


@pytest.mark.parametrize("most", SOME)
async def test_no_address_among_the_secrets_does(most, names, connected):
    """The heartbeat's is checked by nobody before it is called: what is no address is told, and the rest refused."""
    gatherer, refused = Gatherer(keyring=keyring(), clock=SystemClock()), 0
    for spelling in islice(spellings(2), most):
        try:
            host = urlsplit(f"http://{spelling}").hostname or ""
            if is_address(host):
                continue  # with a user before it: it is written as everybody reads it, and so is meant
            seen = await gatherer.knock("GET", Secret("heartbeat", f"http://{spelling}/"))
        except ValueError:
            continue

        assert isinstance(seen, Trouble), spelling
        assert Whose.PROBER is seen.whose or TroubleKind.DNS is seen.kind, (spelling, seen)
        refused += "nothing was connected to" in seen.detail
    await gatherer.aclose()

    assert [] == connected
    assert refused > 150


@pytest.mark.parametrize("most", FEW)
async def test_no_redirect_does(most, names, connected):
    """Nobody is even asked where it would lead, over HTTP or at a WebSocket's handshake."""
    location = b""

    async def redirect(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 307 No\r\nLocation: http://%s/\r\nContent-Length: 0\r\n\r\n" % location)

    http, sockets = HttpWire(Redactor()), WebSocketWire(lambda text: text)
    async with raw_peer(redirect) as port:
        for spelling in islice(spellings(3), most):
            location = spelling.encode(errors="ignore")
            watch = PhaseWatch(SystemClock())
            got = await http.send(Outgoing(method="GET", url=f"http://127.0.0.1:{port}/", headers={}), watch)
            async with sockets.open(Call(url=f"ws://127.0.0.1:{port}/"), watch) as refused:
                assert {307} == {got.seen.status, refused.status}
    await http.aclose()

    assert [] == names
    assert {("127.0.0.1", port)} == set(connected)


@pytest.mark.parametrize("then", ["127.0.0.2", "169.254.169.254", "::ffff:127.0.0.2", "10.0.0.1"])
async def test_a_name_that_leads_elsewhere_now_is_followed_no_more(then, monkeypatch, connected):
    """At its first look it may lead where it is listed; each look is by where it leads then, and what changed is ours.

    The second look connects to nothing, counts for nobody, and says why.
    """
    turns = iter(["127.0.0.1", then, then, then])

    def getaddrinfo(_host, port, **_):
        at = next(turns)
        return [(socket.AF_INET6 if ":" in at else socket.AF_INET, 1, 6, "", (at, port))]

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with raw_peer(answer) as port, kit(reach=["127.0.0.1/32"]) as tools:
        http, websocket, tcp, _ = steps(f"http://rebinding.example:{port}")
        results = [judge(step, await look(step, tools)) for step in (http, http, websocket, tcp)]

    assert [Verdict.PASS, *[Verdict.BLIND] * 3] == [result.verdict for result in results]
    assert {Reason.OWN_FAULT} == {result.reason for result in results[1:]}
    assert all(f"rebinding.example leads to {then}, " in result.detail for result in results[1:])
    assert [("127.0.0.1", port)] == connected
