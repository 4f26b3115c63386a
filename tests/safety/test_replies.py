import random

import pytest

from tests.safety.hostile import http, websocket
from tests.safety.replies import MOST_MEBIBYTES, examine

pytestmark = pytest.mark.timeout(120)


async def test_each_reply_is_classified_once_and_in_time():
    """Whatever is sent: no exception, never our own fault, within the deadline, in little memory."""
    findings = await examine(350, seed=20)

    assert [] == findings.wrong
    assert 350 == findings.looks == sum(findings.classes.values())
    assert findings.mebibytes < MOST_MEBIBYTES


async def test_the_replies_are_hostile_and_some_are_well():
    """A generator that sends only what is refused, or only what is fine, finds nothing."""
    findings = await examine(150, seed=21)
    verdicts = {name.split()[1] for name in findings.classes}

    assert {"pass", "fail"} <= verdicts
    assert len(findings.classes) > 15


@pytest.mark.parametrize("make", [http, websocket])
def test_a_seed_makes_the_same_reply(make):
    """So that what was found can be found again."""
    one, two = ([*make(random.Random(7), b"key")] for _ in range(2))

    assert one == two
