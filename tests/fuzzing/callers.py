"""Callers that nobody should be: made up by a seed, as bytes, pauses and ends of a connection to our own door."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

#: What our door lets in, and what it does not: as long, and almost the same.
TOKEN = "Vt7-q2Lm_9Xc4Rw8Kd1Zs6Hn3Bf5Yj0Pg"
WRONG = "Vt7-q2Lm_9Xc4Rw8Kd1Zs6Hn3Bf5Yj0Pq"

Rng = random.Random


class End(Enum):
    """What a caller does beside sending."""

    CUT = auto()  # reset the connection
    HALF = auto()  # say that nothing more comes
    MUTE = auto()  # say nothing more, and wait until the other end is gone


Piece: TypeAlias = bytes | float | End  # to send; seconds to wait; how it ends


@dataclass(frozen=True, slots=True)
class Caller:
    """One connection: what is sent, and whether all of it asks for what it may not have."""

    kind: str
    pieces: tuple[Piece, ...]
    is_stranger: bool = False  # no answer to it may be a success


#: What only a token opens.
GUARDED = (
    *(("POST", "/-/reload"), ("POST", "/api/v1/chains/steady/runs"), ("POST", "/api/v1/chains/steady/runs?wait=true")),
    *(("POST", "/api/v1/gates"), ("POST", "/gate/steady"), ("GET", "/api/v1/runs"), ("GET", "/api/v1/gates")),
    *(("POST", "/api/v1/pauses"), ("DELETE", "/api/v1/pauses/backend"), ("GET", "/api/v1/pauses")),
    *(("GET", "/api/v1/runs/no-such-run"), ("GET", "/api/v1/status"), ("GET", "/api/v1/events")),
)

_OPEN = ("/-/healthy", "/-/ready", "/metrics", "/", "/openapi.json", "/badge/steady.svg", "/nowhere")

#: What somebody known may call, too: nothing is begun, so that neither targets nor the disk are part of what is seen.
_CALLED = (
    *("/-/reload", "/api/v1/chains/nobody/runs", "/api/v1/chains/nobody/runs?wait=true&timeout=1"),
    *("/api/v1/gates", "/gate/nobody"),
)

Header: TypeAlias = tuple[bytes, bytes]

_HOST: Header = (b"Host", b"prober.example")


def request(  # noqa: PLR0913 - each is a part of a request
    method: str | bytes,
    target: str | bytes,
    headers: Sequence[Header] = (_HOST,),
    body: bytes = b"",
    *,
    version: bytes = b"HTTP/1.1",
    end: bytes = b"\r\n",
) -> bytes:
    """A request as it is sent, valid as long as its parts are."""
    method, target = (part.encode() if isinstance(part, str) else part for part in (method, target))
    told = [*headers, (b"Content-Length", b"%d" % len(body))] if body else headers
    lines = [b" ".join((method, target, version)), *(name + b": " + value for name, value in told)]
    return end.join([*lines, b"", b""]) + body


def _bearer(token: str = TOKEN) -> Header:
    return b"Authorization", b"Bearer " + token.encode()


_JSON: Header = (b"Content-Type", b"application/json")


def _open(rng: Rng) -> bytes:
    return request("GET", rng.choice(_OPEN))


# ── framing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_ODD = (
    *(b"\x00", b"\r", b"\n", b"\r\n", b"\n\r", b"\r\r\n", b"\x0b", b"\x0c", b"\x7f", b"\x80", b"\xff", b" ", b"\t"),
    *("é".encode(), "\u202e".encode(), b"\x1b[2J", b"%00", b":", b";", b"\r\n\r\n", b"\r\nX: 1"),
)


def framing(rng: Rng) -> tuple[Piece, ...]:
    """Something odd at some places of what was a request."""
    sent = bytearray(_guarded_or_open(rng))
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(sent) + 1)
        sent[place : place + rng.choice([0, 0, 1, 4])] = rng.choice(_ODD)
    return (bytes(sent),)


def _guarded_or_open(rng: Rng) -> bytes:
    method, target = rng.choice([*GUARDED, *(("GET", path) for path in _OPEN)])
    return request(method, target, (_HOST, _bearer(WRONG), (b"X-Odd", b"some value")), rng.choice([b"", b"{}"]))


def line_ends(rng: Rng) -> tuple[Piece, ...]:
    """Lines end otherwise, or begin with nothing, or are folded."""
    ends = (b"\n", b"\r", b"\n\r", b"\r\n \r\n", b"\r\r\n", b"\r\n\t", b"\x85", b"")
    first = rng.choice([b"", b"\r\n", b"\n" * 40, b" ", b"\x00", b"\xef\xbb\xbf"])
    return (first + request("GET", rng.choice(_OPEN), (_HOST, (b"A", b"b")), end=rng.choice(ends)),)


def versions(rng: Rng) -> tuple[Piece, ...]:
    """Another version, or none, or too many words."""
    told = (b"HTTP/0.9", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2", b"HTTP/2.0", b"HTTP/11.1", b"http/1.1", b"HTTP/1", b"")
    told += (b"ICY/1.1", b"HTTP/1.1 HTTP/1.1", b"HTTP/1.1\x00", b"HTTP/-1.1", b"RTSP/1.0", b"HTTP/1.1 ")
    return (request("GET", rng.choice(_OPEN), version=rng.choice(told)),)


def http_0_9(rng: Rng) -> tuple[Piece, ...]:
    """The first HTTP had no version and no headers."""
    return (b"GET " + rng.choice(_OPEN).encode() + rng.choice([b"\r\n", b"\n", b"\r\n\r\n", b""]), End.MUTE)


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_LENGTHS: Sequence[Callable[[int], Sequence[Header]]] = (
    lambda length: _lengths(length, length + 1),
    lambda length: _lengths(length, length),
    lambda _length: _lengths("-1"),
    lambda _length: _lengths("+5"),
    lambda _length: _lengths("0x10"),
    lambda _length: _lengths("1e3"),
    lambda _length: _lengths(""),
    lambda length: _lengths(f"{length}, {length}"),
    lambda length: _lengths(f"{length}, {length + 7}"),
    lambda _length: _lengths("9" * 30),
    lambda _length: _lengths("9" * 5000),
    lambda _length: _lengths(17_000),
    lambda _length: _lengths("\u0665"),
    lambda _length: _lengths("5 5"),
)


def _lengths(*told: object) -> Sequence[Header]:
    return [(b"Content-Length", str(each).encode()) for each in told]


def _body_of(rng: Rng, more: Sequence[Header]) -> bytes:
    """The head of a call that is followed by a body, by somebody known or not."""
    target = rng.choice(_CALLED)
    return request("POST", target, (_HOST, _JSON, _bearer(rng.choice([TOKEN, WRONG])), *more))


def lengths(rng: Rng) -> tuple[Piece, ...]:
    """A length that is none, or several."""
    body = rng.choice(_BODIES)
    return _body_of(rng, rng.choice(_LENGTHS)(len(body))), body


def encodings(rng: Rng) -> tuple[Piece, ...]:
    """A length and chunks at once, or chunks that are called otherwise: whom does the second request belong to?"""
    coded = (b"chunked", b"xchunked", b"chunked, chunked", b"gzip, chunked", b"identity", b" chunked", b"\tchunked")
    coded += (b"chunked, gzip", b"Chunked", b"chun\x00ked", b"\x0bchunked", b"", b"chunked;x=1")
    told = [(b"Transfer-Encoding", rng.choice(coded)) for _ in range(rng.choice([1, 1, 2]))]
    told += _lengths(*rng.sample([0, 3, 4, 5, 40], rng.randrange(3)))
    rng.shuffle(told)
    hidden = request("POST", "/-/reload", (_HOST, _bearer(WRONG)))
    return _body_of(rng, told), rng.choice([b"0\r\n\r\n", b"4\r\nGET \r\n0\r\n\r\n", b""]) + hidden


_CHUNKS = (
    *(
        b"5\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"FFFFFFFFFFFFFFFF\r\nhello",
        b"FFFFFFFFFFFFFFFFFFFFFF\r\n",
    ),
    *(b"zz\r\nhello\r\n", b"\r\n\r\n", b"5\nhello\n0\n\n", b"5\r\nhello0\r\n\r\n", b"5\r\nhel", b"0x5\r\nhello\r\n"),
    *(
        b"5;e=" + b"x" * 20_000 + b"\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nT\r\n\r\n",
    ),
    *(b"1\r\n{\r\n" * 3000 + b"0\r\n\r\n", b"0\r\nContent-Length: 5\r\n\r\n", b"0\r\n" + b"T: x\r\n" * 3000 + b"\r\n"),
    *(
        b"5000\r\n" + b"x" * 0x5000 + b"\r\n0\r\n\r\n",
        b"\x00\r\n",
        b"2\r\n{}\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
    ),
)


def chunks(rng: Rng) -> tuple[Piece, ...]:
    """Chunks that do not add up, all at once or after their answer may be there."""
    pause = (rng.choice([0.02, 0.2]),) if rng.randrange(3) == 0 else ()
    return _body_of(rng, [(b"Transfer-Encoding", b"chunked")]), *pause, rng.choice(_CHUNKS), *_ending(rng)


_BODIES = (
    *(
        b"{}",
        b"",
        b"[" * 5000,
        b'{"a":' * 3000,
        b'{"revision": 1e999}',
        b'{"revision":"\\ud800"}',
        b"\xff\xfe",
        b"null",
    ),
    *(
        b'{"revision":"a\\u0000b"}',
        b"NaN",
        b'{"wait":"yes"}',
        b"x" * 16_000,
        b"x" * 17_000,
        b"\xef\xbb\xbf{}",
        b"9" * 6000,
    ),
)


def bodies(rng: Rng) -> tuple[Piece, ...]:
    """Longer or shorter than was told, or what no JSON is."""
    body, miss = rng.choice(_BODIES), rng.choice([-40, -3, -1, 0, 0, 0, 1, 3, 40, 4000])
    return _body_of(rng, _lengths(max(0, len(body) + miss))), body, *_ending(rng)


def expectations(rng: Rng) -> tuple[Piece, ...]:
    """Bodies that wait to be asked for, and are then not what was said, or never come."""
    told = rng.choice([b"100-continue", b"100-Continue", b"200-ok", b"", b"100-continue, 100-continue"])
    head = _body_of(rng, [(b"Expect", told), *_lengths(rng.choice([2, 40, 17_000]))])
    return head, *rng.choice([(0.05, b"{}"), (b"GET / HTTP/1.1\r\n\r\n",), (End.MUTE,), (End.CUT,)])


# ── sizes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def sizes(rng: Rng) -> tuple[Piece, ...]:
    """More than anybody needs: of lines, of headers, of one of them."""
    huge = rng.choice([5_000, 15_000, 17_000, 70_000, 300_000])
    return (
        rng.choice(
            [
                request("GET", "/" + "a" * huge),
                request("GET", "/metrics?" + "a=b&" * (huge // 4)),
                request("GET", "/api/v1/runs?limit=" + "9" * huge, (_HOST, _bearer())),
                request("G" * huge, "/"),
                request("GET", "/", (_HOST, (b"X-Huge", b"h" * huge))),
                request("GET", "/", (_HOST, (b"h" * huge, b"x"))),
                request("GET", "/", (_HOST, *[(b"X-Many", b"1")] * (huge // 11))),
                request("GET", "/metrics", (_HOST, (b"Accept", b"text/plain;q=0." * (huge // 15)))),
                request("POST", "/-/reload", (_HOST, (b"Authorization", b"Bearer " + b"t" * huge))),
                request("GET", "/", (_HOST, (b"Cookie", b"c=" * (huge // 2)))),
                b"\r\n" * huge,
                b"A" * huge,
            ]
        ),
    )


# ── several requests, or less than one ───────────────────────────────────────────────────────────────────────────────


def pipelines(rng: Rng) -> tuple[Piece, ...]:
    """Many requests at once; perhaps the last is none, or cut short."""
    many = [_guarded_or_open(rng) for _ in range(rng.choice([2, 3, 5, 30]))]
    last = rng.choice([b"", b"\x00\x01", b"GET", request("GET", "/", ((b"Host", b"a\x00b"),)), b"POST / HTTP/1.1\r\n"])
    return b"".join(many) + last, *_ending(rng)


def halves(rng: Rng) -> tuple[Piece, ...]:
    """As far as somewhere, and not on."""
    whole = _body_of(rng, _lengths(40)) + b"{" * 40
    return whole[: rng.randrange(len(whole))], rng.choice([End.MUTE, End.CUT, End.CUT, End.HALF, End.HALF])


def dribbles(rng: Rng) -> tuple[Piece, ...]:
    """A few bytes now and then, to the end or not."""
    whole, step = _guarded_or_open(rng), rng.choice([1, 2, 7])
    parts = [whole[at : at + step] for at in range(0, min(len(whole), 40 * step), step)]
    return *(piece for part in parts for piece in (part, 0.01)), *rng.choice([(End.MUTE,), (End.CUT,), (whole[40:],)])


def silences(rng: Rng) -> tuple[Piece, ...]:
    """Somebody is there and says nothing, or does not read what it asked for."""
    return *rng.choice([(), (b"\r\n",), (request("GET", "/metrics") * 20,)]), End.MUTE


def _ending(rng: Rng) -> tuple[Piece, ...]:
    return rng.choice([()] * 12 + [(End.CUT,), (End.HALF,), (0.03, End.CUT), (End.MUTE,)])


# ── other tongues ────────────────────────────────────────────────────────────────────────────────────────────────────

_SOCKET: Sequence[Header] = (
    *((b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"), (b"Sec-WebSocket-Version", b"13")),
    (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
)
_H2C: Sequence[Header] = (
    *((b"Upgrade", b"h2c"), (b"Connection", b"Upgrade, HTTP2-Settings")),
    (b"HTTP2-Settings", b"AAMAAABkAAQAAP__"),
)

#: The hello of TLS 1.2 with one cipher, as any client begins.
_TLS = bytes.fromhex("16030100 2f 010000 2b 0303".replace(" ", "")) + bytes(32) + bytes.fromhex("000002c02f0100")


def tongues(rng: Rng) -> tuple[Piece, ...]:
    """Who takes us for somebody else."""
    return (
        rng.choice(
            [
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"),
                _TLS,
                b"\x16\x03\x03\xff\xff" + rng.randbytes(400),
                request("GET", rng.choice(["/", "/ws", "/api/v1/events"]), (_HOST, *_SOCKET)) + b"\x81\x85abcdHELLO",
                request("POST", "/-/reload", (_HOST, *_SOCKET, *_lengths(5))) + b"hello",
                request("GET", "/", (_HOST, *_H2C)),
                b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + _open(rng),
                b"\r\n\r\n\x00\r\nQUIT\n" + bytes.fromhex("2111000c7f0000017f00000100010002") + _open(rng),
                b"\x05\x01\x00",
                b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00",
                b"EHLO mail\r\nMAIL FROM:<a@b>\r\n",
                b"SSH-2.0-OpenSSH_9.9\r\n",
                b"*1\r\n$4\r\nPING\r\n",
                b"<policy-file-request/>\x00",
                rng.randbytes(rng.randrange(1, 3000)),
                b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            ]
        ),
        *_ending(rng),
    )


# ── what is asked, and by whom ───────────────────────────────────────────────────────────────────────────────────────

_METHODS = (
    *("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PRI", "get", "Post", "GE T"),
    *("", "G\x00T", "PROPFIND", "M-SEARCH", "X" * 300, "!#$%&'*+-.^_`|~", "GET\t", "É"),
)
_TARGETS = (
    *(
        "*",
        "http://169.254.169.254/latest/meta-data",
        "http://prober.example/-/healthy",
        "https://[::1]:1/",
        "a.example:443",
    ),
    *("//a.example/metrics", "/%2f/metrics", "/%2e%2e/%2e%2e/etc/passwd", "/../../etc/passwd", "/static/../../cli.py"),
    *(
        "/static/%2e%2e/%2e%2e/prober.db",
        "/metrics%00",
        "/%ff%fe",
        "/%",
        "/%zz",
        "/metrics;x=1",
        "/metrics/",
        "//metrics",
    ),
    *("metrics", "?", "", "#", "/#x", "/metrics?" + "a" * 3000, "/api/v1/runs/%0d%0aX:1", "/api/v1/runs/" + "r" * 3000),
    *(
        "/badge/%2e%2e%2f.svg",
        "/badge/\x00.svg",
        "/evidence/%ed%a0%80",
        "/probe?chain=%00",
        "/probe?chain=nobody",
        "/é",
    ),
    *("/probe?chain=steady&timeout=nan", "/api/v1/runs?limit=1e9", "/api/v1/runs?verdict[]=x", "/-/healthy?%00=%ff"),
    *(
        "http://",
        "http://[",
        "http://[::1",
        "://x",
        "/\\..\\..",
        "/chains/%F0%9F%92%A9",
        "\\\\a\\b",
        "/ HTTP/1.1\r\nX: y",
    ),
)


def targets(rng: Rng) -> tuple[Piece, ...]:
    """A method or a target that is none, or is meant for a proxy, or for a file."""
    hosts = (_HOST, (b"Host", b""), (b"Host", b"a\xff"), (b"Host", b"evil.example:99999"), (b"hOST", b"[::1"))
    headers = [rng.choice(hosts) for _ in range(rng.choice([0, 1, 1, 1, 1, 2]))]
    return (request(rng.choice(_METHODS), rng.choice(_TARGETS), headers),)


def mazes(rng: Rng) -> tuple[Piece, ...]:
    """Other ways to write where only a token leads."""
    method, target = rng.choice(GUARDED)
    for _ in range(rng.randrange(1, 3)):
        target = rng.choice(_DETOURS)(target)
    spoofed = rng.sample(_SPOOFED, rng.randrange(3))
    return (request(rng.choice([method, method, *_METHODS]), target, (_HOST, *spoofed)),)


_DETOURS: Sequence[Callable[[str], str]] = (
    lambda target: "/" + target,
    lambda target: "/." + target,
    lambda target: "/metrics/.." + target,
    lambda target: "/-/healthy/%2e%2e/%2e%2e" + target,
    lambda target: target.replace("/", "%2f"),
    lambda target: target[0] + target[1:].replace("/", "//", 1),
    lambda target: target.upper(),
    lambda target: target + "/",
    lambda target: target + "%20",
    lambda target: target + ";/metrics",
    lambda target: target.replace("a", "%61").replace("r", "%72"),
    lambda target: "http://prober.example" + target,
    lambda target: target + ("&" if "?" in target else "?") + "access_token=" + TOKEN,
    lambda target: target + "#/metrics",
    lambda target: target,
)
_SPOOFED: Sequence[Header] = (
    *((b"X-Forwarded-For", b"127.0.0.1"), (b"X-Forwarded-User", b"admin"), (b"X-Original-URL", b"/-/healthy")),
    *((b"X-HTTP-Method-Override", b"GET"), (b"X-Rewrite-URL", b"/metrics"), (b"Cookie", b"token=" + TOKEN.encode())),
    *((b"Origin", b"http://prober.example"), (b"Forwarded", b"for=127.0.0.1;proto=https")),
)


def strangers(rng: Rng) -> tuple[Piece, ...]:
    """No token, a wrong one, or the right one shown in a way that is none."""
    method, target = rng.choice(GUARDED)
    return (request(method, target, (_HOST, *rng.choice(_SHOWN)), rng.choice([b"", b"{}"])),)


_RIGHT = TOKEN.encode()


def _shown(*values: bytes) -> Sequence[Header]:
    return [(b"Authorization", value) for value in values]


_SHOWN: Sequence[Sequence[Header]] = (
    *((), _shown(b""), _shown(b"Bearer"), _shown(b"Bearer "), _shown(b"Bearer " + WRONG.encode())),
    *(_shown(b"Bearer " + _RIGHT, b"Bearer " + WRONG.encode()), _shown(b"Bearer " + _RIGHT, b"Bearer " + _RIGHT)),
    *(_shown(b"Bearer " + WRONG.encode() + b", Bearer " + _RIGHT), _shown(_RIGHT), _shown(b"Token " + _RIGHT)),
    *(_shown(b"Basic " + _RIGHT), _shown(b"Basic Og=="), _shown(b"Basic !!!"), _shown(b"Basic " + b"/" * 999)),
    *(_shown(b"Bearer " + _RIGHT[:-1]), _shown(b"Bearer " + _RIGHT + b"A"), _shown(b"Bearer " + _RIGHT.lower())),
    *(_shown(b"Bearer  " + _RIGHT), _shown(b"Bearer\t" + _RIGHT), _shown(b'Bearer "' + _RIGHT + b'"')),
    *(_shown(b"Bearer " + _RIGHT + b"\xff"), _shown(b"Bearer \xff\xfe"), _shown(b"Bearer " + _RIGHT + b"\x00")),
    *(_shown(b"Bearer null"), _shown(b"Bearer undefined"), _shown(b"Bearer e30.e30."), _shown(b"Digest x=y")),
    *([(b"Proxy-Authorization", b"Bearer " + _RIGHT)], [(b"X-Authorization", b"Bearer " + _RIGHT)]),
    *([(b"Authorization ", b"Bearer " + _RIGHT)], [(b"Cookie", b"Authorization=Bearer " + _RIGHT)]),
)


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────

#: Every kind of caller, and how often there is one for each of the others.
KINDS: Mapping[Callable[[Rng], tuple[Piece, ...]], int] = {
    framing: 12,
    line_ends: 4,
    versions: 4,
    http_0_9: 1,
    lengths: 7,
    encodings: 7,
    chunks: 8,
    bodies: 8,
    expectations: 3,
    sizes: 6,
    pipelines: 8,
    halves: 6,
    dribbles: 2,
    silences: 1,
    tongues: 6,
    targets: 8,
    mazes: 8,
    strangers: 10,
}

#: Who may get no success, whatever it asks.
_STRANGERS = frozenset({mazes, strangers})


def caller(seed: int) -> Caller:
    """The one that this seed makes."""
    rng = Rng(seed)
    (kind,) = rng.choices(tuple(KINDS), tuple(KINDS.values()))
    return Caller(kind.__name__, kind(rng), kind in _STRANGERS)
