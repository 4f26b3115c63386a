import pytest

from prober.model.caller import Admission
from prober.publish.web.pace import Pace
from prober.publish.web.problems import Problem
from tests.publish.web.conftest import READER, RUNNER, World

RUNS = "/api/v1/chains/validation/runs"


class Stopwatch:
    """It goes as the test says."""

    def __init__(self):
        """From a start of no meaning."""
        self.now = 1000.0

    def __call__(self):
        """What it shows."""
        return self.now


def asks(pace, caller="ci", admission=None):
    """0 when it may, else how long it is to wait."""
    try:
        pace.check(caller, admission or Admission())
    except Problem as problem:
        return int(problem.headers["Retry-After"])
    return 0


def test_a_few_at_once_and_then_one_by_one():
    """Three, and after them one each ten seconds; whoever is refused is told how long to wait."""
    watch = Stopwatch()
    pace = Pace(watch)
    told = [asks(pace) for _ in range(4)]
    watch.now += 9
    told.append(asks(pace))
    watch.now += 1
    told += [asks(pace), asks(pace)]

    assert [0, 0, 0, 10, 1, 0, 10] == told


def test_who_waits_as_told_is_let_in():
    """However often it asks at once."""
    watch = Stopwatch()
    pace = Pace(watch)
    for _ in range(20):
        watch.now += asks(pace)

        assert 0 == asks(pace) or watch.now < 1000.0 + 10


def test_an_hour_of_flooding_gets_no_more_in():
    """As many as the pace says, and the burst."""
    watch = Stopwatch()
    pace, let_in = Pace(watch), 0
    for _ in range(36_000):
        let_in += asks(pace) == 0
        watch.now += 0.1

    assert 60 * 6 <= let_in <= 60 * 6 + 3


def test_one_holds_up_no_other():
    """Each has a pace of its own."""
    pace = Pace(Stopwatch())
    told = [asks(pace, "ci") for _ in range(9)]

    assert told[-1] > 0
    assert 0 == asks(pace, "ops")


def test_a_reload_changes_the_pace():
    """From the next call on."""
    pace = Pace(Stopwatch())
    told = [asks(pace) for _ in range(4)]

    assert told[-1] > 0
    assert 0 == asks(pace, admission=Admission(per_minute=60, burst=1))
    assert 1 == asks(pace, admission=Admission(per_minute=60, burst=1))


@pytest.fixture
def world():
    """An app with the pace that holds where nobody says otherwise."""
    return World(per_minute=6, burst=3)


async def test_who_asks_too_often_is_told_to_wait(client, world):
    """429, for how long, and counted as such; others are let in."""
    headers = {"Authorization": f"Bearer {RUNNER}"}
    answers = [await client.post(RUNS, headers=headers) for _ in range(5)]
    other = await client.post(RUNS, headers={"Authorization": f"Bearer {world.operator.tokens['trigger']}"})

    assert [202, 202, 202, 429, 429] == [answer.status_code for answer in answers]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10
    assert 202 == other.status_code
    assert {"accepted": 1, "coalesced": 3, "limited": 2} == world.triggers()


async def test_who_is_not_let_in_is_not_counted(client, world):
    """A stranger cannot use up what another may ask."""
    for token in [READER, "guessed"] * 5:
        await client.post(RUNS, headers={"Authorization": f"Bearer {token}"})

    assert 202 == (await client.post(RUNS, headers={"Authorization": f"Bearer {RUNNER}"})).status_code
