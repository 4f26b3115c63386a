"""The secret match probe: only the outcome of a comparison is ever kept."""

import asyncio
import base64
import hashlib
import hmac
import itertools

import pytest

from prober.gather.probes.secret_match import PURPOSE, _Copy, look_secret_match
from prober.model.chain import Party, Proof, RouteIssuer, SecretMatchStep
from prober.model.errors import SecretUnavailable
from prober.model.observation import Match
from prober.model.trouble import TroubleKind
from tests.gather.peers import LOCAL, SECRET, USER, answers, asgi_peer, json_app, kit, raw_peer, request, service

EQUAL, STRIPPED, DIFFERENT, UNKNOWN = Match.EQUAL, Match.EQUAL_AFTER_STRIP, Match.DIFFERENT, Match.UNKNOWN
OTHER = "0Jg-other-secret-of-some-length-Hd4"
THIRD = "3rd-other-secret-of-some-length-Hd4"
NEWLINE = f"{SECRET}\n"


def _text(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _mac(secret, *parts):
    """The proof as its definition says, made without the code under test (RFC 5869: one block, empty salt)."""
    extracted = hmac.digest(bytes(32), secret.encode(), "sha256")
    key = hmac.digest(extracted, PURPOSE.encode() + b"\x01", "sha256")
    return _text(hmac.digest(key, "|".join(parts).encode(), "sha256"))


def proves(secret, name, asked_by=None, environment="staging"):
    """A service with a keyed proof endpoint that holds `secret`."""

    def answer(asked, _request):
        if asked_by is not None:
            asked_by.append(asked)
        nonce, minute = _text(b"s" * 32), 29_000_000
        parts = ("v1", environment, name, asked["key_id"], asked["purpose"], asked["nonce"], nonce, str(minute))
        return 200, {"nonce": nonce, "minute": minute, "mac": _mac(secret, *parts)}

    return answer


def shows(secret, algorithm="md5", length=16):
    """A service with a plain hash endpoint that holds `secret`."""
    return 200, {"hash": hashlib.new(algorithm, secret.encode()).hexdigest()[:length]}


def _step(port, method, names, parties=None, **more):
    asked = (Party(name=name, request=request(port, f"/{name}")) for name in names)
    given = {"name": "match", "service": service(port), "secret": "jwt", "environment": "staging"}
    every = parties or (Party(name="prober"), *asked)
    return SecretMatchStep(**{**given, "deadline_seconds": 1.0, "method": method, "parties": every, **more})


async def look(method, own=True, **paths):
    """One look at services of these names, and ourselves."""
    more = paths.pop("step", {})
    async with asgi_peer(json_app(**paths)) as port, kit() as tools:
        step = _step(port, method, paths, **more)
        if not own:
            step = _step(port, method, paths, step.parties[1:], **more)
        return await look_secret_match(step, tools)


async def pairs(method, own=True, **paths):
    """What each pair came to, by name."""
    found = (await look(method, own, **paths)).seen
    return {f"{pair.left}-{pair.right}": pair.match for pair in found.pairs}


# ── keyed proofs ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("auth", "backend", "expected"),
    [
        (SECRET, SECRET, (EQUAL, EQUAL, EQUAL)),
        (SECRET, OTHER, (EQUAL, DIFFERENT, DIFFERENT)),
        (OTHER, SECRET, (DIFFERENT, EQUAL, DIFFERENT)),
        (OTHER, OTHER, (DIFFERENT, DIFFERENT, UNKNOWN)),
        (OTHER, THIRD, (DIFFERENT, DIFFERENT, UNKNOWN)),
        (SECRET, NEWLINE, (EQUAL, STRIPPED, STRIPPED)),
        (NEWLINE, NEWLINE, (STRIPPED, STRIPPED, EQUAL)),
        (NEWLINE, OTHER, (STRIPPED, DIFFERENT, DIFFERENT)),
    ],
)
async def test_keyed_proofs_are_compared_with_ours_and_with_each_other(auth, backend, expected):
    """Two that are both equal to ours are equal; two that are both different from ours may be anything."""
    found = await pairs(Proof.KEYED, auth=proves(auth, "auth"), backend=proves(backend, "backend"))

    assert found == dict(zip(("prober-auth", "prober-backend", "auth-backend"), expected, strict=True))


@pytest.mark.parametrize("form", ["{}\n", "{}\r\n", '"{}"', "'{}'"])
@pytest.mark.parametrize("method", Proof)
async def test_a_copy_that_was_spoilt_on_its_way_is_recognised(method, form):
    """The famous trailing newline, and the quotes of a settings file, are not just «different»."""
    held = form.format(SECRET)
    answer = proves(held, "auth") if method is Proof.KEYED else shows(held)

    assert await pairs(method, auth=answer) == {"prober-auth": STRIPPED}


async def test_our_own_copy_may_be_the_one_in_quotes():
    """Then the service's is ours without them."""
    async with asgi_peer(json_app(auth=proves(SECRET, "auth"))) as port, kit(jwt=f'"{SECRET}"') as tools:
        found = await look_secret_match(_step(port, Proof.KEYED, ["auth"]), tools)

    assert found.seen.pairs[0].match is STRIPPED


async def test_each_party_is_asked_with_a_nonce_of_its_own():
    """32 random bytes for each, so that no answer can be passed on or played again."""
    asked = []
    services = {name: proves(SECRET, name, asked) for name in ("auth", "backend")}
    await look(Proof.KEYED, **services)
    await look(Proof.KEYED, **services)

    lengths = {len(base64.urlsafe_b64decode(one["nonce"] + "=")) for one in asked}
    named = {(one["key_id"], one["purpose"]) for one in asked}
    assert (len({one["nonce"] for one in asked}), lengths, named) == (4, {32}, {("jwt", "prober-secret-match")})


@pytest.mark.parametrize(
    "answer",
    [proves(SECRET, "backend"), proves(SECRET, "auth", environment="production")],
    ids=["party", "environment"],
)
async def test_a_proof_made_for_somebody_else_proves_nothing(answer):
    """Party and environment are bound into it."""
    assert await pairs(Proof.KEYED, auth=answer) == {"prober-auth": DIFFERENT}


def test_a_copy_prints_its_party_and_nothing_else():
    """A hash must not get into a log by way of a traceback."""
    assert repr(_Copy("auth", 0, "0123456789abcdef")) == "_Copy('auth')"


# ── plain hashes ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("auth", "backend", "expected"),
    [
        (SECRET, SECRET, (EQUAL, EQUAL, EQUAL)),
        (SECRET, OTHER, (EQUAL, DIFFERENT, DIFFERENT)),
        (OTHER, OTHER, (DIFFERENT, DIFFERENT, EQUAL)),
        (OTHER, THIRD, (DIFFERENT, DIFFERENT, DIFFERENT)),
        (SECRET, NEWLINE, (EQUAL, STRIPPED, STRIPPED)),
        (NEWLINE, NEWLINE, (STRIPPED, STRIPPED, EQUAL)),
    ],
)
async def test_plain_hashes_are_compared_directly(auth, backend, expected):
    """Here two services can be compared without our copy."""
    found = await pairs(Proof.HASH, auth=shows(auth), backend=shows(backend))

    assert found == dict(zip(("prober-auth", "prober-backend", "auth-backend"), expected, strict=True))


@pytest.mark.parametrize(("algorithm", "length"), [("md5", 16), ("sha1", 40), ("sha256", 64), ("sha256", 8)])
async def test_a_hash_is_made_as_the_services_make_it(algorithm, length):
    """Algorithm and number of digits are configured; upper case and more digits do not matter."""
    status, document = shows(SECRET, algorithm, length + 8)
    shown = (status, {"hash": f" {document['hash'].upper()}\n"})

    found = await pairs(Proof.HASH, auth=shown, step={"algorithm": algorithm, "length": length})
    assert found == {"prober-auth": EQUAL}


@pytest.mark.parametrize(
    ("encoding", "write"),
    [
        ("hex", lambda digest: digest.hex().upper()),
        ("base64", lambda digest: base64.b64encode(digest).decode()),
        ("base64url", lambda digest: base64.urlsafe_b64encode(digest).decode()),
    ],
    ids=["hex", "base64", "base64url"],
)
async def test_a_hash_is_read_as_the_services_write_it(encoding, write):
    """Hexadecimal in either case, or one of two alphabets of 64; what another encoding wrote is no hash."""
    digest = hashlib.sha256(SECRET.encode()).digest()
    how = {"algorithm": "sha256", "encoding": encoding, "length": 43 if encoding != "hex" else 64}
    found = await pairs(Proof.HASH, auth=(200, {"hash": write(digest)}), step=how)
    strange = await pairs(Proof.HASH, auth=(200, {"hash": "!" * 64}), step=how)

    assert (EQUAL, UNKNOWN) == (found["prober-auth"], strange["prober-auth"])


async def test_services_can_be_compared_without_a_copy_of_ours():
    """A secret that we do not hold is not asked of our keyring."""
    found = await pairs(Proof.HASH, False, auth=shows(OTHER), backend=shows(OTHER), step={"secret": "nowhere"})

    assert found == {"auth-backend": EQUAL}


async def test_a_hash_may_be_anywhere_in_the_answer():
    """`hash_at` is a path."""
    shown = (200, {"jwt": {"digest": shows(SECRET)[1]["hash"]}})
    async with asgi_peer(json_app(auth=shown)) as port, kit() as tools:
        parties = (Party(name="prober"), Party(name="auth", request=request(port, "/auth"), hash_at="jwt.digest"))
        found = await look_secret_match(_step(port, Proof.HASH, (), parties), tools)

    assert found.seen.pairs[0].match is EQUAL


# ── unknown ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_NONSENSE = [{}, [], None, "x", {"hash": 7}, {"hash": "abc"}, {"hash": "z" * 16}, {"nonce": "a" * 43, "mac": "b"}]


@pytest.mark.parametrize("method", Proof)
@pytest.mark.parametrize("document", _NONSENSE)
async def test_an_answer_that_is_none_is_unknown(method, document):
    """Nonsense is not a different secret."""
    found = (await look(method, auth=(200, document))).seen.pairs[0]

    assert (found.match, found.why.startswith("auth: ")) == (UNKNOWN, True)


@pytest.mark.parametrize("nonce", ["", "short", "a|b" * 10, "n" * 999, 7, None])
async def test_a_proof_with_a_strange_nonce_is_unknown(nonce):
    """A separator inside a nonce could move what the proof speaks of."""
    answer = (200, {"nonce": nonce, "minute": 1, "mac": "x"})

    assert await pairs(Proof.KEYED, auth=answer) == {"prober-auth": UNKNOWN}


@pytest.mark.parametrize("method", Proof)
@pytest.mark.parametrize(
    ("status", "why"),
    [
        (404, "auth: has no such endpoint (HTTP 404)"),
        (405, "auth: has no such endpoint (HTTP 405)"),
        (401, "auth: did not let us ask (HTTP 401)"),
        (403, "auth: did not let us ask (HTTP 403)"),
        (500, "auth: answered HTTP 500"),
        (302, "auth: answered HTTP 302"),
    ],
)
async def test_whoever_cannot_be_asked_is_unknown(method, status, why):
    """An endpoint that is absent or locked says nothing about the secret."""
    found = (await look(method, auth=(status, shows(OTHER)[1]))).seen.pairs[0]

    assert (found.match, found.why) == (UNKNOWN, why)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 50_000, b"\xff"])
async def test_an_answer_that_is_no_json_is_unknown(body):
    """A page of some proxy in between says nothing about the secret."""
    async with raw_peer(answers(200, body)) as port, kit() as tools:
        found = await look_secret_match(_step(port, Proof.HASH, ["auth"]), tools)

    assert (found.seen.pairs[0].match, found.seen.pairs[0].why) == (UNKNOWN, "auth: did not answer as agreed")


async def test_whoever_cannot_be_reached_is_unknown(unused_tcp_port):
    """The reason is the wire's own."""
    async with kit() as tools:
        found = await look_secret_match(_step(unused_tcp_port, Proof.HASH, ["auth"]), tools)

    assert (found.seen.pairs[0].match, found.seen.pairs[0].why) == (
        UNKNOWN,
        f"auth: connection refused by 127.0.0.1:{unused_tcp_port}",
    )


async def test_who_answered_and_who_turned_us_away_is_told():
    """An endpoint that is locked shows that it is there; one that is absent or broken is in neither list."""
    found = await look(
        Proof.HASH, auth=shows(SECRET), backend=(401, {}), web=(403, {}), batch=(404, {}), jobs=(500, {}), odd=(200, {})
    )

    assert (found.seen.answered, found.seen.turned_away_by) == (("auth", "odd"), ("backend", "web"))


async def _slow(_asked, _request):
    await asyncio.sleep(2)
    return shows(SECRET)


async def test_a_silent_party_does_not_hide_what_the_others_told():
    """It is unknown; the pair of the others is known, before the step's deadline."""
    async with asyncio.timeout(2):
        found = (await look(Proof.HASH, auth=shows(SECRET), backend=_slow, step={"deadline_seconds": 0.5})).seen

    assert [(pair.match, pair.why) for pair in found.pairs] == [
        (EQUAL, ""),
        (UNKNOWN, "backend: did not answer in time"),
        (UNKNOWN, "backend: did not answer in time"),
    ]


async def test_the_parties_are_asked_at_the_same_time():
    """Three of 0.2 s each do not take 0.6 s."""

    async def slowish(_asked, _request):
        await asyncio.sleep(0.2)
        return shows(SECRET)

    began = asyncio.get_running_loop().time()
    found = await pairs(Proof.HASH, a=slowish, b=slowish, c=slowish)

    assert (set(found.values()), asyncio.get_running_loop().time() - began < 0.55) == ({EQUAL}, True)


# ── what is sent, and what must not get out ──────────────────────────────────────────────────────────────────────────


async def test_a_request_is_filled_in_with_credentials():
    """Debug endpoints are locked by a service secret or by a token."""
    heard = []

    def answer(_asked, asking):
        heard.append((asking.method, asking.headers["x-service-auth"], asking.headers["authorization"][:10]))
        return shows(SECRET)

    async with asgi_peer(json_app(auth=answer)) as port, kit(service="service-secret-0123") as tools:
        sent = request(port, "/auth", "GET", headers={"X-Service-Auth": "{secret:service}"})
        parties = (Party(name="prober"), Party(name="auth", request=sent))
        found = await look_secret_match(_step(port, Proof.HASH, (), parties, token=LOCAL), tools)

    assert (heard, found.token.issuer) == ([("GET", "service-secret-0123", "Bearer eyJ")], "local")


async def test_without_its_token_nobody_is_asked():
    """A step whose token could not be had is not run."""
    async with raw_peer(answers(401)) as port, kit() as tools:
        issuer = RouteIssuer(name="route", identity=USER, request=request(port))
        found = await look_secret_match(_step(port, Proof.HASH, ["auth"], token=issuer), tools)

    assert found.seen.kind is TroubleKind.NO_TOKEN


@pytest.mark.parametrize("method", Proof)
async def test_a_missing_copy_of_ours_is_our_own_fault(method, unused_tcp_port):
    """It goes up before anybody is asked; `look` makes OWN_SECRET of it."""
    async with kit() as tools:
        with pytest.raises(SecretUnavailable):
            await look_secret_match(_step(unused_tcp_port, method, ["auth"], secret="nowhere"), tools)


@pytest.mark.parametrize("method", Proof)
@pytest.mark.parametrize("held", [SECRET, OTHER, NEWLINE])
async def test_no_secret_hash_or_proof_leaves_the_probe(caplog, method, held):
    """Neither in what was seen nor in a log."""
    caplog.set_level("DEBUG")
    given = []

    def noted(asked, asking):
        made = proves(held, "auth")(asked, asking) if method is Proof.KEYED else shows(held)
        given.append(made[1]["mac" if method is Proof.KEYED else "hash"])
        return made

    found = await look(method, auth=noted)
    words = [*given, held.strip(), SECRET]

    assert [word for word, text in itertools.product(words, (str(found), caplog.text)) if word in text] == []
