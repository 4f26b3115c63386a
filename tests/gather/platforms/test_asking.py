"""Whatever keeps us from reading a platform's answer is said in words of our own, and quotes none of it."""

import traceback

import pytest

from prober.gather.platforms.asking import Unread, mapping, moment, number, objects, text
from tests.gather.peers import answers, raw_peer
from tests.gather.platforms.apis import TOKEN, api, asking

CANARY = "canary-of-a-literal-value"


async def test_an_object_is_asked_for_in_our_name():
    """With our token, and for the form that was asked for."""
    asked = []
    async with api({"/v2/x": {"a": 1}}, asked) as address, asking() as who:
        assert {"a": 1} == await who.get(f"{address}/v2/x", accept="application/json;v=1")

    assert [("/v2/x", "application/json;v=1", f"Bearer {TOKEN}")] == asked


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (401, "does not know us"),
        (403, "may not ask"),
        (404, "knows no such thing"),
        (429, "too often"),
        (500, "answered HTTP 500"),
        (302, "answered HTTP 302"),
    ],
)
async def test_a_refusal_says_what_to_do(status, why):
    """And not what the platform said: it may have quoted something."""
    async with api({"/x": (status, {"error": {"message": CANARY}})}) as address, asking() as who:
        with pytest.raises(Unread, match=why) as caught:
            await who.get(f"{address}/x")

    assert status == caught.value.status
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("body", [f'"{CANARY}"', f"[{CANARY!r}", f'{{"a": "{CANARY}"', "[" * 100_000, "", "[]", "null"])
async def test_what_is_no_object_is_not_quoted(body):
    """An exception that holds the document would bring a value into a log."""
    async with raw_peer(answers(200, body.encode())) as port, asking() as who:
        with pytest.raises(Unread, match="no JSON object") as caught:
            await who.get(f"http://127.0.0.1:{port}/")

    told = "".join(traceback.format_exception(caught.value))
    assert CANARY not in told
    assert caught.value.__context__ is None


async def test_nobody_there_is_no_answer():
    """The platform is away."""
    async with raw_peer(answers(200)) as port:
        pass
    async with asking() as who:
        with pytest.raises(Unread, match="refused"):
            await who.get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("odd", [None, 1, "a", [], {"a": None}, {"a": [1, "b"]}, {"a": {"b": []}}, {"a": True}])
def test_nothing_that_a_stranger_wrote_is_taken_for_granted(odd):
    """Whatever stands there, one gets what one asked for, or nothing of it."""
    assert {} == mapping(odd, "a", "b", "c")
    assert [] == list(objects(odd, "a"))
    assert "" == text(odd, "a")
    assert number(odd, "a") is None


def test_what_is_there_is_found():
    """The readers find their own kinds."""
    document = {"a": {"b": {"c": 1}}, "l": [{"x": 1}, 2], "t": "text", "n": 7}

    assert {"c": 1} == mapping(document, "a", "b")
    assert [{"x": 1}] == list(objects(document, "l"))
    assert ("text", 7) == (text(document, "t"), number(document, "n"))


@pytest.mark.parametrize(
    ("written", "is_moment"),
    [
        ("2026-09-08T12:00:00Z", True),
        ("2026-09-08T12:00:00.123456789Z", True),
        ("2026-09-08T12:00:00", False),
        ("", False),
    ],
)
def test_a_time_has_a_zone(written, is_moment):
    """A time that may be anywhere is none."""
    assert is_moment is (moment(written) is not None)
