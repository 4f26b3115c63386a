import json

import pytest

from tests.publish.web.conftest import RUNNER

RUNS, GATES, HOOK = "/api/v1/chains/validation/runs", "/api/v1/gates", "/gate/validation"

#: What is no text in one line: it would break the books, a log or a terminal.
NO_LINES = ("\ud800", "a\udfff", "a\0b", "a\nb", "\x1b[31m", "a\x7f", "\x9b31m", "a\x85b", "a\u2028b")

#: Every place in a body where text may stand.
PLACES = {
    "run revision": (RUNS, lambda text: {"revision": text}),
    "run reason": (RUNS, lambda text: {"reason": text}),
    "run name": (RUNS, lambda text: {text: "x"}),
    "gate chain": (GATES, lambda text: {"chain": text}),
    "gate revision": (GATES, lambda text: {"chain": "validation", "revision": text}),
    "gate reason": (GATES, lambda text: {"chain": "validation", "reason": text}),
    "gate name": (GATES, lambda text: {"chain": "validation", text: "x"}),
    "hook revision": (HOOK, lambda text: {"revision": text}),
    "hook checksum": (HOOK, lambda text: {"checksum": text}),
    "hook phase": (HOOK, lambda text: {"phase": text}),
    "hook metadata": (HOOK, lambda text: {"metadata": {"revision": text}}),
}

#: Every place in an address where it may stand.
ADDRESSES = {
    "run of a chain": ("POST", "/api/v1/chains/{}/runs"),
    "gate of a chain": ("POST", "/gate/{}"),
    "run": ("GET", "/api/v1/runs/{}"),
    "evidence": ("GET", "/api/v1/runs/{}/evidence"),
    "events": ("GET", "/api/v1/runs/{}/events"),
    "gate": ("GET", "/api/v1/gates/{}"),
    "runs of a chain": ("GET", "/api/v1/runs?chain={}"),
    "moment of the page": ("GET", "/page/chains/validation/at?step={}&since=2026-01-01&until=2026-01-02"),
    "probe chain": ("GET", "/probe?chain={}"),
    "probe target": ("GET", "/probe?target={}"),
    "probe module": ("GET", "/probe?module={}"),
}


@pytest.fixture
def bearer():
    """Of one who may run."""
    return {"Authorization": f"Bearer {RUNNER}", "Content-Type": "application/json"}


@pytest.mark.parametrize(("path", "body"), PLACES.values(), ids=PLACES)
async def test_what_is_no_line_of_text_is_refused(client, world, bearer, path, body):
    """Wherever in a body it stands: nothing is begun, nothing breaks, and the answer can be read."""
    answers = [await client.post(path, headers=bearer, content=json.dumps(body(text))) for text in NO_LINES]

    assert [400] * len(NO_LINES) == [answer.status_code for answer in answers]
    assert [] == world.operator.started
    assert all(answer.json()["errors"] for answer in answers)


@pytest.mark.parametrize(("method", "path"), ADDRESSES.values(), ids=ADDRESSES)
async def test_nor_may_it_stand_in_an_address(client, world, bearer, method, path):
    """A store of PostgreSQL would refuse it, and that would read as «the store is away»."""
    texts = ("%00", "%0A", "%1b%5b", "%7f", "%C2%9B", "%E2%80%A8")
    answers = [await client.request(method, path.format(text), headers=bearer) for text in texts]

    assert [422] * len(texts) == [answer.status_code for answer in answers]
    assert [] == world.operator.started


async def test_half_a_character_in_an_address_is_no_text(client, world, bearer):
    """Its bytes are no UTF-8, and each is read as a sign that stands for what cannot be read."""
    answer = await client.post("/api/v1/chains/%ED%A0%80/runs", headers=bearer)

    assert (404, []) == (answer.status_code, world.operator.started)


async def test_a_line_of_any_language_is_text(client, world, bearer):
    """Letters, marks and pictures."""
    said = "für ein Release: 版 ✓ 🚀"
    await client.post(RUNS, headers=bearer, json={"reason": said})

    assert [said] == [order.reason for order, _ in world.operator.started]
