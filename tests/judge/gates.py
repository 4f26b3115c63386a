"""Rounds of a gate, as short as a test wants to write them."""

from datetime import timedelta

from prober.model.gate import Instance, Round
from prober.model.verdict import RunVerdict
from tests.builders import NOON

LETTERS = {
    "+": (RunVerdict.PASS, ()),
    "-": (RunVerdict.FAIL, ("messages",)),
    "x": (RunVerdict.FAIL, ("socket",)),
    "b": (RunVerdict.BLIND, ()),
    "p": (RunVerdict.PARTIAL, ()),
}


def a_round(letter="+", second=0, revision=None, uptime=None, **more):
    """One round, by the letter of what it came to."""
    verdict, failed = LETTERS[letter]
    instances = {"backend": Instance(revision=revision, uptime_seconds=uptime)} if revision or uptime else {}
    given = {"run_id": f"r{second}", "verdict": verdict, "failed": failed, "instances": instances, **more}
    return Round(began=NOON + timedelta(seconds=second), **given)


def rounds(letters, **more):
    """A round a second."""
    return [a_round(letter, second, **more) for second, letter in enumerate(letters)]
