"""Alarms are written down when one changes, and now and then."""

from datetime import timedelta

from prober.judge.alarms import Alarms
from prober.publish.history.alarm_notes import AlarmNotes, dumps
from tests import builders as b
from tests.publish import builders as p


class Notes:
    """Alarms, and what was noted of them."""

    def __init__(self):
        """Nothing yet."""
        self.alarms, self.noted = Alarms(p.build_plan("validation")), []
        self.sink = AlarmNotes(self.alarms.dump, self.note)

    async def note(self, name, text):
        """Keep it."""
        self.noted.append((name, text))

    async def turn(self, number, build=p.build_report):
        """A turn ends."""
        at = b.NOON + timedelta(seconds=30 * number)
        await self.sink.write(self.alarms.heed(build(id=str(number), began=at, ended=at)))


async def test_a_change_is_noted_at_once():
    """And what has not changed is not noted anew."""
    notes = Notes()
    for number in range(4):
        await notes.turn(number)
    once = len(notes.noted)
    await notes.turn(4)
    quiet = len(notes.noted)
    for number in range(5, 9):
        await notes.turn(number, p.broken_report)

    assert once == quiet < len(notes.noted)
    restored = Alarms(p.build_plan("validation"))
    for _name, dumped in dumps(dict(notes.noted)):
        restored.restore(dumped)
    assert {alarm.state for alarm in restored.of("validation")} == {a.state for a in notes.alarms.of("validation")}


async def test_what_alarms_rest_on_is_noted_now_and_then():
    """Every few minutes."""
    notes = Notes()
    for number in range(60):
        await notes.turn(number)

    assert 4 <= len(notes.noted) / 2 <= 8


async def test_what_is_watched_no_longer_is_noted_as_unknown():
    """A process that finds the chain again knows nothing of it, and writes down anew what it learns."""
    notes = Notes()
    for number in range(9):
        await notes.turn(number, p.broken_report)
    notes.alarms.adopt(p.build_plan("another"))
    await notes.sink.forget("validation")
    restored = Alarms(p.build_plan("validation"))
    for _name, dumped in dumps(dict(notes.noted)):
        restored.restore(dumped)

    assert Alarms(p.build_plan("validation")).of("validation") == restored.of("validation")


def test_notes_are_read_again():
    """The one that knows the latest deploy last; what is no JSON is told as nothing, and what is no alarms left out."""
    notes = {"alarms": "{}", "alarms:a": "[1]", "alarms:b": "{", "alarmist": "{}"}

    assert [("alarms:b", None), ("alarms:a", [1]), ("alarms", {})] == list(dumps(notes))
