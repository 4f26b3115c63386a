"""An exception at the i-th time that a coroutine of ours goes on: every await of a chain, one after the other.

What is thrown quotes every secret there is, as a library's exception might; wherever it comes out, none may be read.
"""

import asyncio
import contextlib
import gc
import io
import logging
import os
import traceback
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from typing import Any

from prober import cli
from prober.app import Prober
from prober.model.chain import Trigger
from prober.publish.document import document
from prober.publish.evidence import evidence_of
from prober.publish.evidence_text import evidence_text
from prober.publish.log import configure
from prober.publish.metrics import render
from tests.safety.home import CHAIN

_OURS = f"{os.sep}prober{os.sep}"


class Boom(Exception):
    """What is thrown."""


class Fuse:
    """Counts how often coroutines of ours go on, and throws at one of these times."""

    def __init__(self, at: int, said: str) -> None:
        """Throw the `at`-th time, counted from 1, an exception that says this; 0: never."""
        self.at, self.said, self.count = at, said, 0

    def factory(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
        """A task whose coroutine is watched if it is ours."""
        code = getattr(coroutine, "cr_code", None)
        is_ours = code is not None and _OURS in code.co_filename and "tests" not in code.co_filename
        return asyncio.Task(_Watched(coroutine, self) if is_ours else coroutine, loop=loop, **more)

    def burns_out(self) -> bool:
        """Whether this is the time."""
        self.count += 1
        return self.count == self.at


class _Watched(Coroutine[Any, Any, Any]):
    """A coroutine that may be made to raise."""

    def __init__(self, inner: Coroutine[Any, Any, Any], fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def send(self, value: Any) -> Any:
        """Go on, or break."""
        if self._fuse.burns_out():
            return self._inner.throw(Boom(self._fuse.said))
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise in it."""
        return self._inner.throw(*error)

    def close(self) -> None:
        """End it."""
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()


@contextlib.contextmanager
def _overheard(redact: Callable[[str], str]) -> Iterator[io.StringIO]:
    """All that is logged or said on standard error, at DEBUG."""
    root, said = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    with contextlib.redirect_stderr(said):
        configure(redact, level="DEBUG")
        try:
            yield said
        finally:
            root.handlers, root.level = handlers, level


async def broken_turn(
    home: Any, told: Mapping[str, str], at: int, secrets: Mapping[str, str]
) -> tuple[int, dict[str, bytes]]:
    """One turn that breaks the `at`-th time it goes on: how often it went on, and what can be read of it."""
    prober = Prober(home.config, home.environment(told))
    for name in prober.plan.references:
        prober.engine.keyring.get(name)
    fuse, loop, sinks = Fuse(at, f"it was {' '.join(secrets.values())}"), asyncio.get_running_loop(), {}
    with _overheard(prober.redact) as said:
        loop.set_task_factory(fuse.factory)
        try:
            errand = prober._errand(prober.plan.chains[CHAIN], Trigger.MANUAL)
            report = await asyncio.gather(prober._begin(errand), return_exceptions=True)
        finally:
            loop.set_task_factory(None)
        if isinstance(report[0], BaseException):
            cli._note("".join(traceback.format_exception(report[0])))  # as main() does
        else:
            shown = document(report[0])
            sinks = {
                "broken: report": repr(shown).encode(),
                "broken: evidence": evidence_text(evidence_of(shown)).encode(),
            }
        await prober.aclose()
        gc.collect()  # a task that broke and that nobody waited for is told of when it goes
    metrics, _ = render(prober.board, "")
    return fuse.count, {**sinks, "broken: log and last words": said.getvalue().encode(), "broken: metrics": metrics}
