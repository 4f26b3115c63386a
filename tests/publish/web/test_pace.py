import pytest

from prober.model.caller import Admission
from prober.publish.web.pace import MOST_KNOWN, Pace, Strangers
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


def refused(strangers, address, times=1):
    """Whether it is told so, or to wait for how long, each time."""
    told = []
    for _ in range(times):
        try:
            strangers.refused(address)
            told.append(0)
        except Problem as problem:
            told.append(int(problem.headers["Retry-After"]))
    return told


def test_guessing_has_a_pace():
    """Twenty at once, then one each three seconds; each address by itself."""
    watch = Stopwatch()
    strangers = Strangers(watch)
    told = refused(strangers, "192.0.2.1", 21)
    watch.now += 3

    assert [0] * 20 + [3] == told
    assert [0, 3] == refused(strangers, "192.0.2.1", 2)
    assert [0] == refused(strangers, "192.0.2.2")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::2%eth0"),
        ("", ""),
    ],
)
def test_who_has_many_addresses_is_one(one, other):
    """A network is given whole to a customer (RFC 6177), and a socket may write an address in two ways."""
    strangers = Strangers(Stopwatch())
    refused(strangers, one, 20)

    assert [3] == refused(strangers, other)
    assert [0] == refused(strangers, "2001:db8:0:1::1")


def test_only_so_many_addresses_are_remembered():
    """Those that came last; what was said of them goes on."""
    strangers = Strangers(Stopwatch())
    refused(strangers, "192.0.2.1", 20)
    for number in range(MOST_KNOWN - 1):
        refused(strangers, f"10.0.{number // 256}.{number % 256}")
    remembered = refused(strangers, "192.0.2.1")
    for number in range(MOST_KNOWN):
        refused(strangers, f"10.1.{number // 256}.{number % 256}")

    assert ([3], [0]) == (remembered, refused(strangers, "192.0.2.1"))
    assert MOST_KNOWN == len(strangers._pace._states)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", RUNS), ("POST", "/gate/validation"), ("POST", "/-/reload"), ("GET", "/probe")]
)
async def test_a_flood_of_wrong_tokens_is_told_to_wait(client, world, method, path):
    """429 instead of 401 or 403, still counted as what it is; a right token from the same address gets in."""
    tokens = ["guessed", READER if path != "/probe" else "other"] * 13
    answers = [await client.request(method, path, headers={"Authorization": f"Bearer {token}"}) for token in tokens]
    right = await client.post(RUNS, headers={"Authorization": f"Bearer {RUNNER}"})

    assert {401, 403, 429} >= {answer.status_code for answer in answers[:20]}
    assert {429} == {answer.status_code for answer in answers[20:]}
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 3
    assert 202 == right.status_code
    assert {"accepted": 1, **({"unauthorized": 26} if path in (RUNS, "/gate/validation") else {})} == world.triggers()
