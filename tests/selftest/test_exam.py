"""The prober finds what is true of services whose temper it knows, and finds itself out when it does not."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from prober.gather import hands
from prober.judge.selftest import TRUTHS
from prober.model.verdict import Reason, Verdict
from prober.selftest import exam
from prober.selftest.exam import chain, examine


async def test_a_sound_judge_passes():
    """At the first attempt, in a fraction of a second."""
    told = await examine()

    assert () == told.complaints
    assert told.passed
    assert told.seconds < 3


def test_every_look_has_its_truth():
    """And there is no truth that nobody looks at."""
    assert list(TRUTHS) == [step.name for step in chain(1).steps]


def passes_everything(step, observation):
    """A judge without judgement."""
    result = true_judge(step, observation)
    return replace(result, verdict=Verdict.PASS, reason=Reason.OK, outcome=None, origin=None)


def fails_everything(step, observation):
    """A judge that sees the worst in everybody."""
    return replace(true_judge(step, observation), verdict=Verdict.FAIL, reason=Reason.STATUS, outcome=None)


def takes_anything_for_a_refusal(step, observation):
    """A judge that is blind to open doors: the worst there could be, for it stays green."""
    result = true_judge(step, observation)
    return replace(result, verdict=Verdict.PASS, reason=Reason.OK) if step.is_control else result


true_judge = hands.judge


@pytest.mark.parametrize("broken", [passes_everything, fails_everything, takes_anything_for_a_refusal])
async def test_a_broken_judge_is_found_out(broken, monkeypatch):
    """By its verdicts on real services, whatever is wrong with it; and every complaint names its step."""
    monkeypatch.setattr(hands, "judge", broken)

    told = await examine()

    assert not told.passed
    assert all("services: " in complaint for complaint in told.complaints)


async def test_a_broken_mint_is_found_out(monkeypatch):
    """It is no less our fault when what we look with is broken: here our good tokens are signed with a wrong key."""
    sound = exam.token_urlsafe
    monkeypatch.setattr(
        "prober.selftest.exam.Peer", lambda temper, _key, subject: sound_peer(temper, sound(32), subject)
    )
    told = await examine()

    assert "careful services: our-token is fail (refused), and must be pass (ok)" in " ".join(told.complaints)


sound_peer = exam.Peer


async def test_keys_are_fresh_each_time(monkeypatch):
    """No key of the self-test is worth anything to anybody."""
    keys = []

    def noting(temper, key, subject):
        """Note the key."""
        keys.append(key)
        return sound_peer(temper, key, subject)

    monkeypatch.setattr(exam, "Peer", noting)
    await examine()
    await examine()

    assert 6 == len(set(keys)) == len(keys)


async def test_one_bad_moment_is_no_failure(monkeypatch):
    """It is tried again before every verdict is called into doubt."""
    attempts = iter([("a bad moment",), ()])

    async def attempt(_stalls):
        """Bad, then good."""
        return next(attempts)

    monkeypatch.setattr(exam, "_attempt", attempt)

    assert (await examine()).passed


async def test_whatever_breaks_is_told(monkeypatch):
    """A self-test that cannot be taken has not been passed; only the kind of error is told, which holds no secret."""

    def broken(_peer):
        """No port left."""
        raise OSError

    monkeypatch.setattr(exam, "serving", broken)

    assert ("the self-test broke: OSError",) == (await examine()).complaints


async def test_it_ends(monkeypatch):
    """Also when what it looks at hangs; a self-test that takes for ever is one that fails."""

    async def hangs(_temper, _stalls):
        """For ever."""
        await asyncio.sleep(60)

    monkeypatch.setattr(exam, "_found", hangs)
    monkeypatch.setattr(exam, "_EXAM_SECONDS", 0.05)

    assert ("the self-test did not end within 0.05 s",) == (await examine()).complaints


def held():
    """How many tasks and open files there are."""
    return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))


async def test_it_leaves_nothing_behind():
    """No task and no open file, however often it is taken."""
    await examine()
    before = held()
    for _ in range(5):
        await examine()
    await asyncio.sleep(0.1)

    assert before == held()
