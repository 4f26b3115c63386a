"""Load: `probes.yaml` → Plan, or every complaint at once. The only place that touches the disk here.

read → grow (YAML, lines) → fill (variables) → shape (schema.py) → sense (checks.py) → build. Complaints of all stages
are told together; only a text that is no YAML, or not one document, is not looked at further.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from io import StringIO
from itertools import islice
from pathlib import Path
from stat import S_ISREG
from typing import Any

from prober.config import schema
from prober.config.build import build
from prober.config.checks import check
from prober.config.limits import WANTED, limits
from prober.config.placeholders import placeholders
from prober.config.problems import Finding, NothingFound, Place, Problem, looks_secret
from prober.config.tree import Tree, grow
from prober.config.variables import escaped, fill, lacking
from prober.config.view import View, view
from prober.model.chain import Plan
from prober.model.errors import ConfigError

VARIABLE = "PROBER_CONFIG"
USUAL = Path("probes.yaml")
MOST_COMPLAINTS = 200
_MOST_FINDINGS = 300

#: Headers whose value may be a secret that came out of a variable; a placeholder in it is none.
_PRIVATE_WORDS = ("auth", "cookie", "credential", "key", "password", "secret", "token")


def find(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """The file to load: the one named, else that of PROBER_CONFIG, else ./probes.yaml; raises ConfigError."""
    named = explicit or (Path(environ[VARIABLE]) if environ.get(VARIABLE) else None)
    path = named or USUAL
    if path.is_file():
        return path
    looked = (str(path),) if explicit else (f"{VARIABLE}={path}",) if named else (f"{VARIABLE} (not set)", f"./{USUAL}")
    raise ConfigError([NothingFound(looked)])


def load(path: Path, environ: Mapping[str, str]) -> Plan:
    """The plan that the file says; raises ConfigError with every complaint, in the order of the file."""
    return build(_document(path, environ))


def effective(path: Path, environ: Mapping[str, str]) -> str:
    """The file as it is understood: variables filled in, every default written out, secrets as references only."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - it writes; what is read is read by libyaml

    text = StringIO()
    writer = YAML()
    writer.width = 4096
    writer.dump(_masked(schema.dumped(_document(path, environ))), text)
    return text.getvalue()


def _document(path: Path, environ: Mapping[str, str]) -> schema.Document:
    most = limits(environ)
    tree = grow(_read(path, most.size_bytes), str(path), most.values)
    seen, findings = _judged(tree, environ, most.steps) if tree.is_whole else (None, [])
    problems = [*tree.problems, *map(tree.sheet.problem, findings[:_MOST_FINDINGS])]
    if problems or seen is None:
        in_order = sorted(dict.fromkeys(problems), key=lambda problem: problem.line)
        raise ConfigError(_bounded(in_order))
    return seen.document


def _bounded(problems: Sequence[Problem]) -> Sequence[Problem]:
    """As many as anybody mends in one go."""
    if len(problems) <= MOST_COMPLAINTS:
        return problems
    rest = Problem(file=problems[0].file, wrong="there is more to complain of", wanted="mend these first")
    return [*problems[:MOST_COMPLAINTS], rest]


def _judged(tree: Tree, environ: Mapping[str, str], most_steps: int) -> tuple[View | None, Sequence[Finding]]:
    """What can be judged of the document, and all that is wrong with it."""
    missing = list(lacking(tree.value, environ))
    value = fill(tree.value, environ)
    _, flaws, locations = schema.read(value, value)
    seen = view(value, locations)
    unfilled = {finding.at for finding in missing}
    found = check(replace(seen, most_steps=most_steps)) if seen else ()
    others = [*flaws, *islice(found, _MOST_FINDINGS)]
    # A variable that is not set is one complaint, not a second one about the text that is left in its place.
    return seen, [*missing, *(finding for finding in others if not unfilled.intersection(_around(finding.at)))]


def _around(place: Place) -> Iterable[Place]:
    """A place and all that it stands in."""
    return (place[:length] for length in range(len(place) + 1))


def _read(path: Path, largest_bytes: int) -> str:
    """The text of the file; raises ConfigError if it is not a text of a sensible size."""
    try:
        content = _content(path, largest_bytes)
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError([_unreadable(path, f"cannot be read: {error.strerror}", "name another file")]) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = Problem(file=str(path), line=line, wrong="this is not UTF-8", wanted="save the file as UTF-8")
        # `from None`: the error holds the bytes of the file.
        raise ConfigError([problem]) from None


def _content(path: Path, largest_bytes: int) -> bytes:
    # Only a regular file has an end: a pipe or a device would keep us waiting.
    if not S_ISREG(path.stat().st_mode):
        raise ConfigError([_unreadable(path, "is not a file", "name a file")])
    with path.open("rb") as file:
        content = file.read(largest_bytes + 1)
    if len(content) > largest_bytes:
        wrong = f"is larger than {largest_bytes / 2**20:.4g} MiB"
        raise ConfigError([_unreadable(path, wrong, WANTED)])
    return content


def _unreadable(path: Path, wrong: str, wanted: str) -> Problem:
    return Problem(file=str(path), wrong=wrong, wanted=wanted)


def _masked(value: Any, place: Place = ()) -> Any:  # noqa: ANN401 - a document in, the same document out
    """The document as it may be shown: without what looks like a secret, and with nothing left to fill in."""
    match value:
        case dict():
            return {name: _masked(inner, (*place, str(name))) for name, inner in value.items()}
        case list():
            return [_masked(inner, place) for inner in value]
        case str():
            return "[masked]" if _may_be_secret(value, place) else escaped(value)
    return value


def _may_be_secret(text: str, place: Place) -> bool:
    """Whether a text may be a secret that came out of a variable; where it should be, a placeholder stands."""
    is_private = place[-2:-1] == ("headers",) and any(word in str(place[-1]).lower() for word in _PRIVATE_WORDS)
    return looks_secret(text) or (is_private and not any(found.is_known for found in placeholders(text)))
