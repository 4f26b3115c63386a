"""How often the prober is right: `python -m tests.evaluation --seeds 5 --pairs 60 --outside --save evaluation.jsonl`.

Breaks the lab in every way it knows, alone and in pairs, in both dialects, with other names, order, words, pace and
random failures; looks once at each; prints how often the right cause was named, and how simpler minds did. With --save
an interrupted run goes on where it stopped. All of it takes hours; `--short` a minute.
"""

import argparse
import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from prober.judge.causes import catalogue
from prober.lab.faults import FAULTS
from tests.evaluation.cases import DIALECTS, SHORT, Case, Plan, planned
from tests.evaluation.outside import OUTSIDE
from tests.evaluation.page import About, page, tables
from tests.evaluation.progress import Progress
from tests.evaluation.records import Record, append, fingerprint, load, still_to_do
from tests.evaluation.workers import look_at_all

_NOISE = {"off": False, "on": True}
_INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> int:
    """Look as asked on the command line, and tell what came of it; 130 if interrupted, and then tell what there is."""
    asked = _parser().parse_args(words)
    cases, save = planned(_plan(asked)), asked.save
    done = load(save)
    code = 0 if asked.render else _look(cases, done, asked.workers, save)
    wanted = {case.id for case in cases}
    records = [record for record in done.values() if record.case.id in wanted]
    about = _about(asked, sys.argv[1:] if words is None else words)
    sys.stdout.write(tables(records, about))
    if asked.write:
        asked.write.write_text(page(records, about), encoding="utf-8")
    return code


def _look(cases: Sequence[Case], done: dict[str, Record], workers: int, save: Path | None) -> int:
    """Look at what nobody looked at yet, and note each record as it comes."""
    code = fingerprint()
    waiting = still_to_do(cases, done, code)
    progress = Progress(len(waiting), sys.stderr)

    def told(record: Record) -> None:
        marked = record.of(code)
        done[record.case.id] = marked
        append(save, marked)
        progress.step(marked)

    try:
        asyncio.run(look_at_all(waiting, workers, told))
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; this is what there is\n")
        return _INTERRUPTED
    finally:
        progress.end()
    return 0


def _plan(asked: argparse.Namespace) -> Plan:
    outside = tuple(fault.name for fault in OUTSIDE) if asked.outside else ()
    plan = Plan(
        faults=tuple(asked.faults or (fault.name for fault in FAULTS)),
        outside=outside, dialects=tuple(asked.dialects), seeds=asked.seeds, first_seed=asked.first_seed,
        noise=tuple(_NOISE[word] for word in asked.noise), pairs=asked.pairs, controls=asked.controls,
    )  # fmt: skip
    if not asked.short:
        return plan
    return Plan(faults=SHORT, outside=outside, dialects=("real",), seeds=1, noise=(False,), pairs=0, controls=1)


def _about(asked: argparse.Namespace, words: Sequence[str]) -> About:
    causes = catalogue()
    return About(
        command=_command(words),
        date=asked.date,
        cores=os.cpu_count() or 1,
        causes=frozenset(cause.name for cause in causes),
        ours=frozenset(cause.name for cause in causes if cause.ours),
    )


def _command(words: Sequence[str]) -> str:
    """The command as others may type it: where our own files lie is nobody's business."""
    kept = (Path(word).name if word.startswith("/") else word for word in words)
    return " ".join(("python -m tests.evaluation", shlex.join(kept))).strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation", description=__doc__)
    add = parser.add_argument
    names = [fault.name for fault in FAULTS]
    add("--seeds", type=int, default=5, help="of each fault; seed 0 is the lab as shipped, every other varies it")
    add("--first-seed", type=int, default=0, metavar="N", help="another one makes worlds that nobody has looked at yet")
    add("--faults", nargs="+", metavar="NAME", choices=names, help="only these, instead of all")
    add("--dialects", nargs="+", choices=DIALECTS, default=DIALECTS)
    add("--noise", type=_noises, default=("off", "on"), metavar="off,on", help="without and with random failures")
    add("--pairs", type=int, default=60, metavar="N", help="random pairs of faults")
    add("--controls", type=int, default=3, metavar="N", help="healthy runs for each dialect, seed and noise")
    add("--outside", action="store_true", help="faults that no cause is about, too")
    add("--workers", type=int, default=2, metavar="N", help="how many worlds at once")
    add("--short", action="store_true", help="six faults once, in one dialect")
    add("--save", type=Path, metavar="FILE", help="JSON lines: noted here case by case, and taken up from here")
    add("--render", action="store_true", help="look at nothing; tell what --save holds")
    add("--write", type=Path, metavar="FILE", help="write the page, e.g. docs/evaluation.md")
    add("--date", default=datetime.now(UTC).date().isoformat(), help="of the page; today")
    return parser


def _noises(text: str) -> tuple[str, ...]:
    words = tuple(text.split(","))
    if not set(words) <= _NOISE.keys():
        message = f"{text!r} is none of off, on, and off,on"
        raise argparse.ArgumentTypeError(message)
    return words


if __name__ == "__main__":
    sys.exit(main())
