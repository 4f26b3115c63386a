"""What wakes us at a moment of the wall clock; the only file that imports apscheduler, which does nothing else.

It has one job, whatever there is to wake for: with one for each chain it takes a second to lay 10,000. What is due is
called there and then; APScheduler's own executor would start a task for it, or a thread.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

#: Who asks when to wake next must be told of a moment to come.
_SOON = timedelta(microseconds=1)


class Waker:
    """Calls somebody at the moments he names."""

    def __init__(self, wake: Callable[[], None], when: Callable[[], datetime]) -> None:
        """Call `wake` whenever the moment has come that `when` told last; it is asked anew after each call."""
        self._wake, self._when, self._trigger = wake, when, _Trigger(when)
        self._scheduler = AsyncIOScheduler(timezone=UTC, executors={"default": _AtOnce()})
        self._scheduler.start()
        self._job: Job | None = None

    def set(self) -> None:
        """Ask anew when to wake, and begin afresh where something broke."""
        if self._job:
            self._job.remove()
        self._job = self._scheduler.add_job(
            self._wake,
            self._trigger,
            next_run_time=self._when(),  # what has passed is due now, also by a wall clock that stands still
            misfire_grace_time=None,  # the default drops what is one second late, and says so nowhere
            coalesce=True,
        )

    @property
    def at(self) -> datetime | None:
        """When we are to be woken; None where nothing is set."""
        told: datetime | None = self._job.next_run_time if self._job else None
        return told

    @property
    def is_running(self) -> bool:
        """Whether anybody will be woken."""
        return bool(self._scheduler.running)

    def stop(self) -> None:
        """Wake nobody any more."""
        self._scheduler.shutdown(wait=False)


class _Trigger(BaseTrigger):  # type: ignore[misc]
    """Fires when we say."""

    def __init__(self, when: Callable[[], datetime]) -> None:
        self._when = when

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        return max(self._when(), now + _SOON)


class _AtOnce(BaseExecutor):  # type: ignore[misc]
    """Calls what is due."""

    def _do_submit_job(self, job: Job, _run_times: object) -> None:
        job.func()
        self._run_job_success(job.id, [])
