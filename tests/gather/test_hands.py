"""Which version of a secret a look takes, held against services that take some and refuse others."""

import pytest

from prober.gather import hands
from prober.gather.clock import SystemClock
from prober.gather.hands import TRY_AGAIN_SECONDS, Hands
from prober.gather.secrets import Keyring
from prober.judge.verdict import judge
from prober.model.chain import ForgedIssuer, LocalIssuer, Want
from tests.builders import AUTH, BACKEND, LOCAL, http, http_step, look
from tests.rotation.managers import SecretManager

OLD, NEW = "the-value-of-before", "the-value-of-now"


class Stopwatch(SystemClock):
    """One that goes on when it is told."""

    at = 0.0

    def seconds(self):
        """What it was told."""
        return self.at


class Place:
    """A Secret Manager, a ring that holds `jwt` of it, and services that each take some values."""

    def __init__(self, manager):
        """Everybody takes the value of before."""
        self.manager, self.clock = manager, Stopwatch()
        environ = {"SECRET_MANAGER_EMULATOR_HOST": manager.address}
        references = {name: f"gcp:projects/p/secrets/{name}" for name in ("jwt", "service")}
        self.ring = Keyring(references, environ, overlap_seconds=600, clock=self.clock)
        self.hands = Hands(self.ring, self.clock)
        self.takes = {"auth": {OLD}, "backend": {OLD}}
        self.shown = []

    async def look(self, service=AUTH, secrets=("jwt",), **more):
        """What a step at a service came to: the values shown, and what was seen at last."""
        self.shown = []
        step = http_step(service=service, token=LOCAL, **more)

        async def take(hand):
            values = [hand.get(name).reveal() for name in secrets]
            self.shown.append(values[0] if len(values) == 1 else tuple(values))
            return look(http(200 if self.takes[service.name].issuperset(values) else 401))

        return (await self.hands.look(step, take)).observation

    def rotate(self, name="jwt"):
        """At the source."""
        self.manager.add(name, NEW)


@pytest.fixture
async def place():
    """One in which all is well, and everybody was looked at once."""
    with SecretManager().running() as manager:
        for name in ("jwt", "service"):
            manager.add(name, OLD)
        made = Place(manager)
        await made.ring.prime()
        for service in (AUTH, BACKEND):
            await made.look(service)
        yield made


async def test_while_one_version_counts_nobody_is_asked_twice(place):
    """A refusal is a refusal; the source is asked whether there is another, and that is all."""
    place.takes["auth"] = set()
    seen = await place.look()

    assert ([OLD], 401, {"jwt": "1"}) == (place.shown, seen.seen.status, seen.versions)


async def test_where_no_secret_was_taken_what_was_seen_is_given_as_it_is(place):
    """No other version could have told anything."""
    seen = look(http(401))

    async def take(_hand):
        return seen

    step = http_step(service=AUTH)
    result = await place.hands.look(step, take)

    assert seen is result.observation
    assert judge(step, seen) == result


async def test_what_is_let_in_is_judged_once(place, monkeypatch):
    """Whether another version is to be tried is read from the result that the run has."""
    judged = []
    monkeypatch.setattr(hands, "judge", lambda step, seen: judged.append(seen) or judge(step, seen))
    seen = await place.look()

    assert [seen] == judged


async def test_who_still_takes_the_version_of_before_is_let_be(place):
    """Until the overlap is over; which version it was is told."""
    place.rotate()
    await place.ring.refresh()
    seen = await place.look()

    assert ([NEW, OLD], 200, {"jwt": "1"}, 2) == (place.shown, seen.seen.status, seen.versions, seen.attempts)


async def test_who_has_the_new_version_before_us_is_asked_after(place):
    """The source tells us what the service knows already, whatever the clock says of the next refresh."""
    place.rotate()
    place.takes["auth"] = {NEW}
    seen = await place.look()

    assert ([OLD, NEW], 200, {"jwt": "2"}) == (place.shown, seen.seen.status, seen.versions)


async def test_services_go_at_their_own_pace(place):
    """One may take the new version while another has that of before."""
    place.rotate()
    await place.ring.refresh()
    place.takes["backend"] = {NEW}
    seen = [await place.look(AUTH), await place.look(BACKEND)]

    assert [{"jwt": "1"}, {"jwt": "2"}] == [each.versions for each in seen]
    assert [200, 200] == [each.seen.status for each in seen]


async def test_who_takes_the_old_version_is_seldom_shown_the_new_one(place):
    """Who tries many keys is locked out."""
    place.rotate()
    await place.ring.refresh()
    shown = []
    for place.clock.at in (0.0, 1.0, 2.0, TRY_AGAIN_SECONDS):
        await place.look()
        shown.append(place.shown)

    assert [[NEW, OLD], [OLD], [OLD], [NEW, OLD]] == shown


async def test_who_moves_on_is_followed_at_once(place):
    """Whichever version it is shown first."""
    place.rotate()
    await place.ring.refresh()
    await place.look()
    place.takes["auth"] = {NEW}
    first = await place.look()
    later = await place.look()

    assert [200, 200] == [first.seen.status, later.seen.status]
    assert [NEW] == place.shown


async def test_after_the_overlap_the_newest_alone_counts(place):
    """Who was left behind is refused, and that is a failure."""
    place.rotate()
    await place.ring.refresh()
    await place.look()
    place.clock.at = 601.0
    seen = await place.look()

    assert (401, {"jwt": "2"}) == (seen.seen.status, seen.versions)


async def test_who_was_left_behind_is_named(place):
    """By the version that it still takes, which is tried every half a minute; somebody who takes neither is not."""
    place.rotate()
    await place.ring.refresh()
    place.clock.at = 601.0
    behind = await place.look(AUTH)
    place.takes["backend"] = set()
    lost = await place.look(BACKEND)
    place.clock.at = 602.0
    again = await place.look(AUTH)

    assert [{"jwt": "1"}, {}, {"jwt": "1"}] == [seen.left_behind for seen in (behind, lost, again)]
    assert [NEW] == place.shown


async def test_two_secrets_are_tried_in_every_pair(place):
    """A service may have taken one of them anew and not the other."""
    place.rotate("jwt")
    place.manager.add("service", "another-value-of-now")
    await place.ring.refresh()
    place.takes["auth"] = {OLD, "another-value-of-now"}
    seen = await place.look(secrets=("jwt", "service"))

    assert (200, {"jwt": "1", "service": "2"}) == (seen.seen.status, seen.versions)


async def test_a_crash_is_not_looked_at_again(place):
    """Only who refuses us may know another version."""
    place.rotate()
    await place.ring.refresh()
    looks = []

    async def take(hand):
        looks.append(hand.get("jwt"))
        return look(http(500))

    await place.hands.look(http_step(token=LOCAL), take)

    assert 1 == len(looks)


async def test_a_bad_token_is_made_of_the_version_that_its_door_takes(place):
    """And tried once: made of another, it would be refused for that, and prove nothing."""
    place.rotate()
    await place.ring.refresh()
    await place.look()
    place.clock.at = TRY_AGAIN_SECONDS
    shown = []

    async def take(hand):
        shown.append(hand.get("jwt").reveal())
        return look(http(401))

    forged = ForgedIssuer(name="local", identity=LOCAL.identity, like=LOCAL)
    step = http_step(service=AUTH, token=forged, expect=http_step().expect.__class__(want=Want.REFUSED))
    await place.hands.look(step, take)

    assert (True, [OLD]) == (step.is_control, shown)
    assert isinstance(LOCAL, LocalIssuer)
