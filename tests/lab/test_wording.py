"""A reworded world says nothing as it was, and means the same."""

import ast
import json
import re
from importlib.resources import files

import pytest

from prober.lab.noise import Noise
from prober.lab.wording import OTHER_WORDS, in_other_words, reworded
from prober.lab.world import World

SPEAKERS = ("auth", "backend", "front", "process", "service", "verification", "websocket")

# Texts of the services that nobody hears as a message.
NO_MESSAGES = {
    "Authorization: Bearer",
    "E2E Test User",
    "settings as a JSON object, please",  # the lab's own control
}


def said_in(source):
    """The texts with a blank in them that are in this source, docstrings aside; `{}` for what is filled in."""
    tree = ast.parse((files("prober.lab") / f"{source}.py").read_text())
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    whole = {
        re.sub(r"\{\w+\}", "{}", node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs | parts
    }
    return {text for text in whole if " " in text.strip()} - NO_MESSAGES


@pytest.mark.parametrize("source", SPEAKERS)
def test_there_are_other_words_for_every_text(source):
    """A new text of a service comes with its other words."""
    assert set() == said_in(source) - OTHER_WORDS.keys()


def test_other_words_are_other_words():
    """No text is among the new ones as it was, none is there twice, and none fits another's pattern."""
    new = set(OTHER_WORDS.values())

    assert len(OTHER_WORDS) == len(new)
    assert new == {reworded(text) for text in new}
    assert all(len(text.encode()) < 120 for text in new)


def test_what_is_filled_in_stays():
    """The expected id is told in the new words too; what is none of ours is left alone."""
    assert "Unknown caller; known here is 'netra'" == reworded("Invalid service ID: expected 'netra'")
    assert "E2E Test User" == reworded("E2E Test User")


async def passed(*messages):
    """What becomes of these messages."""
    sent = []

    async def send(message):
        sent.append(message)

    say = in_other_words(send)
    for message in messages:
        await say(message)
    return sent


async def test_codes_stay_and_lengths_fit():
    """A JSON answer keeps its codes, and its length is that of the new words."""
    body = json.dumps({"error": "invalid_token", "message": "Invalid or expired token", "list": [{"n": 1}]}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"7"), (b"date", b"now")]
    head, told = await passed(
        {"type": "http.response.start", "status": 200, "headers": headers},
        {"type": "http.response.body", "body": body},
    )
    expected = {"error": "invalid_token", "message": "This credential does not hold any more", "list": [{"n": 1}]}

    assert expected == json.loads(told["body"])
    assert {b"content-type", b"date", b"content-length"} == set(dict(head["headers"]))
    assert str(len(told["body"])).encode() == dict(head["headers"])[b"content-length"]


async def test_a_stream_goes_as_it_comes():
    """What is neither JSON nor plain text passes piece by piece."""
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
    piece = {"type": "http.response.body", "body": b"data: {}\n\n", "more_body": True}

    assert [start, piece] == await passed(start, piece)


async def test_sockets_are_reworded_too():
    """Frames and the reason of a close."""
    frame, close = await passed(
        {"type": "websocket.send", "text": '{"error_code": "NO_TOKEN", "error_message": "no_token"}'},
        {"type": "websocket.close", "code": 1011, "reason": "Services not ready"},
    )

    assert {"error_code": "NO_TOKEN", "error_message": "nothing to inspect"} == json.loads(frame["text"])
    assert (1011, "We are not open yet") == (close["code"], close["reason"])


FAULTS = (
    "auth_down",
    "backend_dependency_down",
    "backend_warming_up",
    "bypass_key_absent",
    "service_credentials_missing",
    "service_header_illegal",
    "service_identity_regression",
    "service_id_drift_at_auth",
    "token_signing_broken",
    "ws_not_ready",
)


@pytest.mark.parametrize("dialect", ["real", "reports"])
async def test_no_text_is_left(visit, dialect):
    """However it is broken, none of the old words is said anywhere; whoever is let in is still let in."""
    async with World(dialect=dialect, noise=Noise(reworded=True)) as world:
        visitor = visit(world)
        good = (await visitor.messages(visitor.local_token())).status_code
        said = [*await everything(visitor)]
        for fault in FAULTS:
            await world.change(fault)
            said += await everything(visitor)

    assert good == 200
    assert set() == OTHER_WORDS.keys() & set(said)
    assert not [text for text in said if text.startswith(("Invalid service ID", "validation_failed"))]
    assert len(set(OTHER_WORDS.values()) & set(said)) > 10


async def everything(visitor):
    """All texts of many answers, however deep they lie in them."""
    answers = [
        await visitor.mint(),
        await visitor.mint(""),
        await visitor.mint("wrong"),
        await visitor.validate(visitor.forged()),
        await visitor.validate("", trusted=True),
        await visitor.validate(visitor.local_token(), trusted=True, secret="wrong"),
        await visitor.auth("GET", "/auth/me"),
        await visitor.auth("GET", "/nowhere"),
        await visitor.auth("DELETE", "/health"),
        await visitor.auth("GET", "/health", headers={"host": "evil.example"}),
        await visitor.backend("GET", "/health"),
        await visitor.backend("GET", "/auth/config"),
        await visitor.backend("POST", "/api/chat/stream", visitor.local_token()),
        await visitor.messages(),
        await visitor.messages(visitor.forged()),
        await visitor.messages(visitor.local_token()),
    ]
    heard = [await visitor.hear(), await visitor.hear(visitor.forged()), await visitor.hear(visitor.local_token())]
    whole = [answer.json() if answer.text.startswith("{") else answer.text for answer in answers]
    frames = [(each.frames, each.reason, each.body.decode()) for each in heard]
    return list(texts([*whole, *frames]))


def texts(value):
    """Every text in a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from texts(part)
    elif isinstance(value, str):
        yield value
