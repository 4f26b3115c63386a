"""A process that looks at one case after the other: cases in by stdin, records out by stdout, an end with stdin."""

import asyncio
import json
import os
import sys
from typing import TextIO

from prober.app import run_evenly
from tests.evaluation.cases import Case
from tests.evaluation.looking import look
from tests.evaluation.records import Record, case_from


def main() -> None:
    """Answer each line with a line; what others print goes to stderr."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        run_evenly()
        for line in sys.stdin:
            _answer(case_from(json.loads(line)), answers)


def _answer(case: Case, answers: TextIO) -> None:
    try:
        record = asyncio.run(look(case))
    except Exception as error:  # noqa: BLE001 - whatever it is, the case is told as gone wrong and the next one begins
        record = Record(case=case, trouble=_in_words(error))
    answers.write(record.line() + "\n")
    answers.flush()


def _in_words(error: BaseException) -> str:
    """The innermost of what went wrong."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:300]


if __name__ == "__main__":
    main()
