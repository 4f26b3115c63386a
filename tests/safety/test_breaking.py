"""Whatever breaks, and wherever it does: what is thrown quotes every secret, and none of them is read anywhere."""

import pytest

from prober.model.pieces import Pieces
from prober.model.secret import Redactor
from tests.safety.breaking import broken_turn
from tests.safety.home import FEW_STEPS, HANDED, home, made_up
from tests.safety.needles import Needles, searched
from tests.safety.parrot import parrots

#: Of some hundred awaits, so many are broken in the short form.
_SHORT = 24


async def broken(folder, places):
    """Turns that break at each of these shares of a whole one: hits, and how many came that far."""
    handed, hits, breaks = {name: made_up() for name in HANDED}, [], 0
    async with parrots(made_up()) as (_, _, _, told), home(folder) as here:
        here.chains = FEW_STEPS
        here.furnish(handed)
        secrets = {**handed, "trigger": here.own["trigger"]}
        whole, _ = await broken_turn(here, told, 0, secrets)
        for at in sorted({max(1, round(whole * share)) for share in places(whole)}):
            count, sinks = await broken_turn(here, told, at, secrets)
            breaks += count >= at  # no two turns are quite alike
            hits += [(at, hit) for hit in searched(Needles({**here.own, **handed}), sinks)]
    return whole, breaks, hits


@pytest.mark.timeout(120)
async def test_an_exception_at_any_await_tells_no_secret(tmp_path):
    """In log, traceback, report, evidence and metrics; here at some awaits, evenly apart."""
    whole, breaks, hits = await broken(tmp_path, lambda _: [number / _SHORT for number in range(1, _SHORT + 1)])

    assert [] == hits
    assert _SHORT * 0.75 < breaks
    assert 40 < whole


async def test_without_redaction_it_would_be_told(tmp_path, monkeypatch):
    """Where nothing is blotted out, what breaks quotes the secrets, and that is found: so the search is not blind."""
    monkeypatch.setattr(Redactor, "__call__", lambda _self, text: text)
    monkeypatch.setattr(Pieces, "blot", lambda _self, text: text)
    _, _, hits = await broken(tmp_path, lambda _: [0.1, 0.3, 0.5, 0.7])

    assert {"jwt", "service", "bypass"} <= {hit.secret for _, hit in hits}


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_an_exception_at_every_await_tells_no_secret(tmp_path):
    """The same at each of them, one after the other."""
    whole, breaks, hits = await broken(tmp_path, lambda whole: [at / whole for at in range(1, whole + 1)])

    assert [] == hits
    assert whole * 0.75 < breaks
