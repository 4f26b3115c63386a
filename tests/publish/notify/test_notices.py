"""Which alarms are news, and what a notice of one says."""

from dataclasses import replace
from datetime import timedelta

import pytest

from prober.model.alarm import Alarm, AlarmState, Alert, Counts, Evidence, Severity
from prober.model.diagnosis import Confidence
from prober.model.notice import Kind
from prober.model.verdict import Reason, Verdict
from prober.publish.notify.message import written
from prober.publish.notify.notices import Letterhead, NoticeSink, by_alert, ends, gone, notices
from tests import builders as b
from tests.publish import builders as p
from tests.publish.builders import broken_report, build_report
from tests.publish.notify.webhook import NOON

HEAD = Letterhead("staging", "https://prober.example/")
OVER = NOON + timedelta(minutes=42)


FIRING = Alarm(
    chain="validation",
    alert=Alert.PAGE,
    severity=Severity.PAGE,
    state=AlarmState.FIRING,
    since=NOON,
    episode="e1",
    evidence=Evidence(last10=Counts(10, 4), last30=Counts(30, 8), last120=Counts(120, 9), last720=Counts(700, 50)),
)
GOOD = replace(FIRING, state=AlarmState.GOOD, episode="")
RESOLVED = replace(FIRING, state=AlarmState.RESOLVED, since=OVER)
LOST = replace(FIRING, state=AlarmState.INSUFFICIENT, since=OVER)
AGAIN = replace(FIRING, episode="e2", since=OVER)


def report(*alarms, broken=True):
    """A report with these alarms."""
    return replace(broken_report() if broken else build_report(), alarms=alarms)


def told(before, after):
    """What is news of one alarm: kind, episode, since when, until when."""
    found = notices(None if before is None else by_alert([before]), report(after), HEAD)
    return [(each.kind, each.episode, each.since, each.until) for each in found]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (GOOD, FIRING, [(Kind.FIRING, "e1", NOON, None)]),
        (FIRING, FIRING, []),
        (FIRING, RESOLVED, [(Kind.RESOLVED, "e1", NOON, OVER)]),
        (RESOLVED, RESOLVED, []),
        (RESOLVED, AGAIN, [(Kind.FIRING, "e2", OVER, None)]),
        (FIRING, AGAIN, [(Kind.FIRING, "e2", OVER, None)]),
        (GOOD, GOOD, []),
        (GOOD, replace(GOOD, state=AlarmState.PENDING), []),
        (RESOLVED, replace(RESOLVED, state=AlarmState.PENDING), []),
        (RESOLVED, replace(RESOLVED, state=AlarmState.INSUFFICIENT), []),
        (FIRING, replace(FIRING, state=AlarmState.INSUFFICIENT, since=OVER), [(Kind.LOST, "e1", NOON, OVER)]),
    ],
)
def test_the_beginning_and_the_end_of_an_episode_are_news(before, after, expected):
    """And nothing between; that nobody hears of an episode any more is news, too."""
    assert expected == told(before, after)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (FIRING, [(Kind.FIRING, "e1", NOON, None)]),
        (replace(FIRING, since=NOON - timedelta(days=9)), [(Kind.FIRING, "e1", NOON - timedelta(days=9), None)]),
        (
            replace(RESOLVED, since=NOON - timedelta(minutes=1)),
            [(Kind.RESOLVED, "e1", None, NOON - timedelta(minutes=1))],
        ),
        (replace(RESOLVED, since=NOON - timedelta(hours=2)), []),
        (replace(LOST, since=NOON - timedelta(minutes=1)), [(Kind.LOST, "e1", None, NOON - timedelta(minutes=1))]),
        (replace(LOST, since=NOON - timedelta(minutes=1), episode=""), []),
        (GOOD, []),
    ],
)
def test_after_a_restart_what_may_not_have_been_told_is_told(after, expected):
    """The outbox knows what was; what was over long ago is no news, and when it began is not made up."""
    assert expected == told(None, after)


@pytest.mark.parametrize(
    ("alarm", "expected"),
    [
        (FIRING, []),
        (GOOD, []),
        (RESOLVED, [(Kind.RESOLVED, "e1", None, OVER)]),
        (LOST, [(Kind.LOST, "e1", None, OVER)]),
        (replace(LOST, episode=""), []),
        (replace(LOST, since=OVER - timedelta(hours=2)), []),
    ],
)
def test_an_end_that_we_may_not_have_lived_to_tell_is_told_at_once(alarm, expected):
    """The first turn after a restart may see another state already."""
    found = ends([alarm], HEAD, OVER)

    assert expected == [(each.kind, each.episode, each.since, each.until) for each in found]


def test_the_end_of_what_is_watched_no_longer():
    """It is said that nobody looks, and not that all is well."""
    notice = gone(FIRING, HEAD, OVER)

    assert (Kind.RESOLVED, "e1", NOON, OVER) == (notice.kind, notice.episode, notice.since, notice.until)
    assert "nobody looks any more" in written(notice).body


def test_an_alert_that_is_new_may_fire_at_once():
    """Also where other alarms of the chain are known."""
    door = replace(FIRING, alert=Alert.FAIL_OPEN, severity=Severity.CRITICAL, episode="e9")
    found = notices(by_alert([FIRING]), report(FIRING, door), HEAD)

    assert [("auth_fail_open", Severity.CRITICAL)] == [(each.alert, each.severity) for each in found]


def test_a_notice_says_what_the_report_says():
    """Its causes with their remedies, how it comes to fire, and where to look."""
    (found,) = notices({}, report(FIRING), HEAD)

    (suspect,) = found.suspects
    assert ("jwt_secret_drift", Confidence.HIGH, 2) == (suspect.name, suspect.confidence, len(suspect.remedy))
    assert ("staging", "https://prober.example/") == (found.environment, found.link)


DOORS = Evidence(open_doors=("messages-refuses-forged", "websocket-refuses-none"))


@pytest.mark.parametrize(
    ("alert", "evidence", "seen"),
    [
        (Alert.PAGE, FIRING.evidence, "8 of the last 30 turns failed; 95 % should pass."),
        (Alert.TICKET, FIRING.evidence, "50 of the last 700 turns failed; 95 % should pass."),
        (
            Alert.FAIL_OPEN,
            DOORS,
            "A token that must be refused was accepted: messages-refuses-forged and websocket-refuses-none.",
        ),
        (Alert.FAIL_OPEN, Evidence(), "Every door refuses again."),
        (
            Alert.STEP,
            Evidence(failing=("messages",)),
            "Failed each of the last three times, while others passed: messages.",
        ),
        (Alert.STEP, Evidence(), ""),
    ],
)
def test_each_alert_says_what_was_seen(alert, evidence, seen):
    """In a sentence, with its figures."""
    (found,) = notices({}, report(replace(FIRING, alert=alert, evidence=evidence)), HEAD)

    assert seen == found.text


def test_who_lets_in_what_is_said_as_everywhere():
    """Where this very run saw the open door."""
    result = p.result(p.FORGED_SOCKET, b.welcomed(), Verdict.FAIL, reason=Reason.ACCEPTED)
    door = replace(FIRING, alert=Alert.FAIL_OPEN, severity=Severity.CRITICAL, evidence=DOORS)
    (found,) = notices({}, replace(build_report(result), alarms=(door,)), HEAD)

    assert "Auth is failing OPEN: backend's WebSocket accepts a forged token." == found.text


def test_every_alert_has_its_headline():
    """A title that says what it is about, and not just that something is."""
    for alert in Alert:
        (found,) = notices({}, report(replace(FIRING, alert=alert)), HEAD)

        assert "is not well" not in written(found).title


class Post:
    """Keeps what is posted, or is out of order."""

    def __init__(self):
        """In order."""
        self.got, self.is_broken = [], False

    async def tell(self, some):
        """Take them."""
        if self.is_broken:
            raise ZeroDivisionError
        self.got += [each.kind for each in some]
        return len(self.got)


async def test_the_sink_tells_each_change_once():
    """Report by report, chain by chain."""
    post = Post()
    sink = NoticeSink(post, lambda: HEAD)
    for alarm in (GOOD, FIRING, FIRING, RESOLVED, RESOLVED):
        await sink.write(report(alarm))

    assert [Kind.FIRING, Kind.RESOLVED] == post.got


async def test_a_chain_that_was_forgotten_begins_anew():
    """Its old alarm was told over, and is not told over again when the chain comes back."""
    post = Post()
    sink = NoticeSink(post, lambda: HEAD)
    await sink.write(report(FIRING))
    sink.forget("validation")
    await sink.write(report(replace(LOST, episode="")))

    assert [Kind.FIRING] == post.got


async def test_what_could_not_be_posted_is_still_news():
    """The store was away for one report."""
    post = Post()
    sink = NoticeSink(post, lambda: HEAD)
    post.is_broken = True
    with pytest.raises(ZeroDivisionError):
        await sink.write(report(FIRING))
    post.is_broken = False
    await sink.write(report(FIRING))

    assert [Kind.FIRING] == post.got
