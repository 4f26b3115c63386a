"""Who wants to hear what, and which letters are the same."""

from dataclasses import replace

import pytest

from prober.model.alarm import Severity
from prober.model.notice import Kind, Receiver
from tests.publish.notify.webhook import letter, notice

PAGES = (Severity.PAGE,)
TICKETS = (Severity.TICKET,)


@pytest.mark.parametrize(
    ("wanted", "severity", "is_told"),
    [
        ({}, Severity.CRITICAL, True),
        ({}, Severity.PAGE, True),
        ({}, Severity.TICKET, True),
        ({"severities": PAGES}, Severity.CRITICAL, True),
        ({"severities": PAGES}, Severity.TICKET, False),
        ({"severities": TICKETS}, Severity.CRITICAL, False),
        ({"severities": TICKETS}, Severity.PAGE, False),
        ({"chains": ("validation",)}, Severity.PAGE, True),
        ({"chains": ("controls",)}, Severity.PAGE, False),
    ],
)
def test_a_receiver_hears_what_they_want(wanted, severity, is_told):
    """Of their chains, at their severities; who wants pages wants to know of an open door."""
    receiver = Receiver(name="ops", url="env:OPS", **wanted)

    assert is_told is receiver.wants(notice(severity=severity))


def test_a_letter_is_known_by_whom_it_is_for_and_what_it_is_about():
    """Not by its words: a diagnosis may change while an alert fires."""
    one = letter(suspects=())
    others = [letter(to="dev"), letter(episode="e2"), letter(alert="auth_fail_open"), letter(kind=Kind.RESOLVED)]

    assert one.key == letter().key == replace(one, tries=3).key
    assert 5 == len({one.key, *(each.key for each in others)})


def test_the_end_of_an_episode_follows_its_beginning():
    """They are of one thread; another episode, and another receiver, are not."""
    assert letter().thread == letter(kind=Kind.RESOLVED).thread
    assert 3 == len({letter().thread, letter(episode="e2").thread, letter(to="dev").thread})
