"""A real courier goes to a real webhook."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from prober.model.secret import Secret
from prober.publish.notify.handover import Handed, can_hand_over, hand_over
from prober.publish.notify.message import Message, written
from tests.gather.peers import answers, raw_peer
from tests.publish.notify.webhook import notice, webhook

SHORT = Message("Title", "Line one\nLine <b>two</b> & _three_", "failure")


async def sent(url, **how):
    """What came of sending a short message."""
    return await hand_over(Secret("notify:ops", url), SHORT, **how)


async def test_a_message_arrives_as_it_was_written():
    """Title, text and tone; a JSON webhook is no place for HTML or Markdown, so nothing is escaped."""
    async with webhook() as hook:
        handed = await sent(hook.url)

    assert Handed(taken=True) == handed
    got = [(each["title"], each["message"], each["type"]) for each in hook.got]
    assert [("Title", "Line one\nLine <b>two</b> & _three_", "failure")] == got


async def test_a_whole_notice_arrives():
    """What message.py wrote is what is read."""
    message = written(notice())
    async with webhook() as hook:
        await hand_over(Secret("notify:ops", hook.url), message)

    assert [(message.title, message.body)] == [(each["title"], each["message"]) for each in hook.got]


@pytest.mark.parametrize("status", [302, 400, 403, 429, 500, 503])
async def test_a_service_that_says_no_has_not_taken_it(status):
    """Whatever it says; the status is told."""
    async with webhook(statuses=[status]) as hook:
        handed = await sent(hook.url)

    assert (Handed(taken=False, why=f"the service did not take it: {status}"), 1) == (handed, len(hook.got))


async def test_no_redirect_is_followed_even_if_the_address_asks_for_it():
    """It would carry the token to somebody else."""
    async with webhook() as other:
        there = f"Location: http://127.0.0.1:{other.port}/hook"
        async with webhook(statuses=[307], headers=(there,)) as hook:
            handed = await sent(f"{hook.url}?redirect=yes&-token=correct-horse")

    assert (False, 1, []) == (handed.taken, len(hook.got), other.got)


async def test_no_proxy_and_no_password_is_taken_from_the_environment(monkeypatch, tmp_path):
    """The message goes where the address says, with what the address says."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password correct-horse\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    async with webhook() as hook, raw_peer(answers(200)) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        handed = await sent(hook.url)

    assert (True, 1) == (handed.taken, len(hook.got))
    assert "authorization" not in hook.heads[0].lower()


async def test_nobody_there_is_not_taken():
    """A closed port."""
    async with webhook() as hook:
        pass

    handed = await sent(hook.url)

    assert Handed(taken=False, why="the service could not be reached, or did not take it") == handed


@pytest.mark.parametrize("manner", ["hold", "drip"])
async def test_a_service_that_hangs_is_cut_at_the_deadline(manner):
    """Silent, or with a byte now and then, which no timeout between two bytes would end; and the loop goes on."""
    ticks, began = 0, time.monotonic()

    async def ticking():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    async with webhook(**{manner: True}) as hook:
        beside = asyncio.create_task(ticking())
        handed = await sent(hook.url, patience_seconds=5.0)
        beside.cancel()

    assert Handed(taken=False, why="no answer within 5 s") == handed
    assert 1 == len(hook.got)
    assert time.monotonic() - began < 8
    assert ticks > 50


async def test_an_answer_without_end_fills_nothing_but_the_couriers_own_bounds():
    """It runs out of memory, or of time; we do not."""
    async with webhook(flood=True) as hook:
        handed = await sent(hook.url, patience_seconds=15.0)

    assert (False, 1) == (handed.taken, len(hook.got))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("dbus://", "the address leads to this machine's desktop, log or devices, not to a service"),
        ("bogus://correct-horse", "the address is none that apprise knows; see docs/notifications.md"),
        ("slack://correct-horse", "the address is none that apprise knows; see docs/notifications.md"),
        (
            "jsons://127.0.0.1/?verify=no",
            "the address says verify=no, and anyone could answer for the service; leave it out",
        ),
    ],
)
async def test_an_address_that_cannot_be_used_is_said_to_be_so(url, why, capfd):
    """In words of ours: nothing of the address is told, there or anywhere else."""
    assert Handed(taken=False, why=why) == await sent(url)
    assert ("", "") == capfd.readouterr()


async def test_the_address_is_nowhere_to_be_seen_while_it_is_used():
    """Neither in the courier's arguments nor in its environment."""
    async with webhook(hold=True) as hook:
        going = asyncio.create_task(sent(f"{hook.url}?-token=correct-horse", patience_seconds=5.0))
        await hook.arrived.wait()
        seen = await asyncio.to_thread(children_seen)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)

    assert 1 == sum(b"courier" in each for each in seen)
    assert not [each for each in seen if b"correct-horse" in each]


def children_seen():
    """Arguments and environment of the processes that this one started."""
    task = Path(f"/proc/{os.getpid()}/task")
    pids = {pid for each in task.iterdir() for pid in (each / "children").read_text().split()}
    return [Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes() for pid in pids]


async def test_no_courier_is_left_behind_by_whoever_is_cancelled():
    """A stop of the prober ends what it began."""
    async with webhook(hold=True) as hook:
        going = asyncio.create_task(sent(hook.url))
        await hook.arrived.wait()
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)

        assert [] == [each for each in children_seen() if b"courier" in each]


async def test_a_courier_that_breaks_off_is_our_own_fault(monkeypatch, tmp_path):
    """Here it finds no program at all to be."""
    script = tmp_path / "broken"
    script.write_text("#!/bin/sh\nexit 3\n")
    script.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(script))

    handed = await sent("json://127.0.0.1/")

    assert "our courier broke off; this is the prober's own fault, or the answer was far too large" == handed.why


def test_apprise_is_here():
    """These tests are of an installation with the extra `notify`."""
    assert can_hand_over()
