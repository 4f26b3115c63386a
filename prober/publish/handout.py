"""What a pipeline is handed beside the verdict: the files it asked for, and what GitHub Actions looks for by itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prober.model.gate import GateVerdict
from prober.publish import github
from prober.publish.document import Document
from prober.publish.gate_markdown import MOST_CHARACTERS, markdown

#: Less is no use to anybody.
_LEAST_CHARACTERS = 2_000

#: Of several gates the worst decides, as for the exit code.
_WORST_FIRST = (GateVerdict.FAIL, GateVerdict.INCONCLUSIVE, GateVerdict.PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Where a pipeline wants to find what."""

    junit: Path | None = None
    markdown: Path | None = None
    outputs: Path | None = None  # what later steps or jobs read, beside $GITHUB_OUTPUT
    environ: Mapping[str, str]  # that of the job


def of_gates(gates: Sequence[Document], wanted: Wanted, say: Callable[[str], None]) -> list[str]:
    """Hand out what is `wanted` of these gates, and `say` what the runner heeds; what could not be written, and why."""
    told = _told(gates)
    if github.is_here(wanted.environ):
        for gate in gates:
            say(github.annotation(gate))
    return [
        *_written(wanted.junit, lambda: _junit_of_gates(gates)),
        *_written(wanted.markdown, lambda: told),
        *_written(wanted.outputs, lambda: outputs(gates)),
        *_added(github.SUMMARY, lambda: github.summarize(wanted.environ, [told])),
        *_added(github.OUTPUT, lambda: github.put_out(wanted.environ, outputs(gates))),
    ]


def _junit_of_gates(gates: Sequence[Document]) -> str:
    from prober.publish import junit  # noqa: PLC0415 - it brings lxml; few ask for it

    return junit.of_gates(gates)


def outputs(gates: Sequence[Document]) -> str:
    """The verdict of all of them as lines `NAME=VALUE`, in which nothing stands that a target said."""
    verdict = min((gate["verdict"] for gate in gates), key=_WORST_FIRST.index)
    causes = sorted({cause["name"] for gate in gates for cause in gate["diagnosis"]["causes"]})
    told = {
        "VERDICT": verdict,
        "OK": str(all(gate["ok"] for gate in gates)).lower(),
        "SUCCESS_RATIO": min((gate["successRatio"] for gate in gates if gate["successRatio"] is not None), default=""),
        "SAMPLES": sum(gate["samples"] for gate in gates),
        "CAUSES": ",".join(causes),
    }
    return "".join(f"PROBER_{name}={value}\n" for name, value in told.items())


def _told(gates: Sequence[Document]) -> str:
    """All of them in what fits one comment; those that do not are counted."""
    share = max(_LEAST_CHARACTERS, MOST_CHARACTERS // max(1, len(gates)))
    room = MOST_CHARACTERS // share
    shown = gates if len(gates) <= room else gates[: room - 1]
    left_out = [f"{len(gates) - len(shown)} more gates are left out.\n"] if len(gates) > len(shown) else []
    return "\n".join([*(markdown(gate, share - 1) for gate in shown), *left_out])


def of_reports(reports: Sequence[Document], wanted: Wanted) -> list[str]:
    """The same of reports."""
    from prober.publish import junit  # noqa: PLC0415 - as above

    return list(_written(wanted.junit, lambda: junit.of_reports(reports)))


def _written(path: Path | None, text: Callable[[], str]) -> Iterator[str]:
    if path is None:
        return
    try:
        path.write_text(text(), encoding="utf-8")
    except OSError as error:
        yield f"{path} cannot be written: {error.strerror}"


def _added(variable: str, add: Callable[[], None]) -> Iterator[str]:
    try:
        add()
    except OSError as error:
        yield f"${variable} cannot be written: {error.strerror}"
