"""AlarmNotes: a sink that has the alarms written down, so that a restart loses none and pages nobody anew."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from prober.model.report import Report

#: Notes of one chain are called `alarms:CHAIN`; that of no chain knows the latest deploy.
_NAME = "alarms"

#: What is older is made up for by the runs that are recalled after a restart.
_OFTEN_ENOUGH = timedelta(minutes=5)


class AlarmNotes:
    """Notes every change of an alarm at once, and what they rest on every few minutes."""

    name = "alarms"

    def __init__(
        self, dump: Callable[[Sequence[str]], Mapping[str, Any]], note: Callable[[str, str], Awaitable[None]]
    ) -> None:
        """Note what `dump` gives of a chain."""
        self._dump, self._note = dump, note
        self._noted: dict[str, tuple[object, datetime]] = {}  # by chain: the alarms' states, and when

    async def write(self, report: Report) -> None:
        """Note the alarms of a chain if this report changed one, or it is time."""
        chain, at = report.run.chain.name, report.run.ended
        states = tuple((alarm.alert, alarm.state, alarm.episode) for alarm in report.alarms)
        before, noted_at = self._noted.get(chain, (None, at))
        if states != before or abs(at - noted_at) > _OFTEN_ENOUGH:
            self._noted[chain] = states, at
            await self._write(chain)

    async def forget(self, chain: str) -> None:
        """Note that nothing is known of a chain that is watched no longer: should it come back, it begins anew."""
        self._noted.pop(chain, None)
        await self._write(chain)

    async def _write(self, chain: str) -> None:
        for name, chains in ((f"{_NAME}:{chain}", [chain]), (_NAME, [])):
            await self._note(name, json.dumps(self._dump(chains), separators=(",", ":")))


def dumps(notes: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """What was noted of the alarms, by the notes' names, the note of no chain last; None for one that is no JSON."""
    for name in sorted((name for name in notes if name.partition(":")[0] == _NAME), reverse=True):
        try:
            yield name, json.loads(notes[name])
        except ValueError:
            yield name, None
