"""Variables: `${NAME}`, `${NAME:-default}` and `$${` in the values of a document become text; keys stay as they are.

Rule 1: what comes from a variable is text, and is never read as YAML: a variable cannot add keys or steps.
Rule 2: the field it stands in then reads the text as its own type, so `interval: ${EVERY}` with EVERY=30s is a time,
        and `status: ${STATUS}` with STATUS=200 a number.
Rule 3: `:-default` stands in where the variable is unset or empty, as in a shell; the text is not filled in again.
"""

import re
from collections.abc import Iterator, Mapping

from prober.config.problems import Finding, Place

#: Each `${` is looked at so far for its end: without a bound many of them take the square of their number.
_DEFAULT = r":-[^}]{0,4096}"

_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>" + _DEFAULT + r")?\}|\$\{")


def fill(value: object, environ: Mapping[str, str]) -> object:
    """The value with every variable filled in; one that cannot be filled is left as it is written."""
    match value:
        case str():
            return _VARIABLE.sub(lambda found: _text(found, environ), value)
        case dict():
            return {key: fill(inner, environ) for key, inner in value.items()}
        case list():
            return [fill(inner, environ) for inner in value]
    return value


def lacking(value: object, environ: Mapping[str, str], place: Place = ()) -> Iterator[Finding]:
    """A finding for every variable that cannot be filled in."""
    match value:
        case str():
            yield from (finding for found in _VARIABLE.finditer(value) for finding in _lack(found, environ, place))
        case dict():
            yield from (found for key, inner in value.items() for found in lacking(inner, environ, (*place, key)))
        case list():
            yield from (found for at, inner in enumerate(value) for found in lacking(inner, environ, (*place, at)))


def escaped(text: str) -> str:
    """A text in which nothing is to be filled in."""
    return text.replace("${", "$${")


def _text(found: re.Match[str], environ: Mapping[str, str]) -> str:
    name, default = found["name"], found["default"]
    if name is None:
        return found[0].removeprefix("$") if found[0] == "$${" else found[0]
    value = environ.get(name)
    if default is not None:
        return value or default.removeprefix(":-")
    return found[0] if value is None else value


def _lack(found: re.Match[str], environ: Mapping[str, str], place: Place) -> Iterator[Finding]:
    name = found["name"]
    if found[0] == "${":
        wanted = "write ${NAME}, ${NAME:-default}, or $${ for the text itself"
        yield Finding(at=place, wrote="${", wrong="begins a variable that does not end", wanted=wanted)
    elif name and found["default"] is None and name not in environ:
        wanted = f"set it, or write ${{{name}:-default}}"
        yield Finding(at=place, wrote=f"${{{name}}}", wrong="is not set", wanted=wanted)
