"""Problem: one complaint in one line; and the tables that make our sentences of what pydantic found.

Rule 1: a complaint names the place, what was written, what is wrong with it, and what would do.
Rule 2: a complaint never quotes what looks like a secret, nor anything that came out of a variable.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prober.model.secret import Redactor

#: Where something stands in the document: keys of mappings and indices of lists, from the top.
Place = tuple[str | int, ...]

_LONGEST_QUOTE = 60
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_DEFAULT_OF_VARIABLE = re.compile(r"\$\{(\w+):-[^}]*\}")
_USERINFO = re.compile(r"://[^/\s]*@")
_LONG_RUN = re.compile(r"[A-Za-z0-9+=_-]{20,}")
_MIXED = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"[0-9]"))
_HEXADECIMAL = re.compile(r"\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{24,}\b", re.IGNORECASE)
_BLOT = Redactor()
_SHORTEST_TOKEN = len("eyJ12345678.1")  # most values are shorter, and there may be very many

#: Whatever stands under these keys may be a secret that somebody wrote in the wrong place.
_UNQUOTED = frozenset({"secrets", "secret", "headers", "json", "form", "claims", "notify", "heartbeat"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One complaint; prints as `probes.yaml:41: chains.a.steps[2].expect.close: "normal" is not …; write 1000`."""

    file: str
    wrong: str
    wanted: str
    line: int = 0  # 0: the file as a whole
    path: str = ""
    wrote: str = ""
    hint: str = ""  # the closest name that would do

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        found = f"{self.wrote} {self.wrong}".strip()
        advice = f"did you mean {self.hint}?" if self.hint else self.wanted
        return ": ".join(filter(None, (place, self.path, f"{found}; {advice}")))


@dataclass(frozen=True, slots=True)
class NothingFound:
    """There is no file to read; `looked` says where it was looked for."""

    looked: tuple[str, ...]

    def __str__(self) -> str:
        places = ", ".join(self.looked)
        return (
            f"no config found (looked at {places}); write a probes.yaml, name one, or try `prober demo`: it needs none"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found wrong at a place of the document, before it has a line."""

    at: Place
    wrong: str
    wanted: str = ""
    hint: str = ""
    wrote: str | None = None  # None: quote the document; "": quote nothing


@dataclass(frozen=True, slots=True)
class Sheet:
    """The document as it was written, before variables, and the line of every place in it."""

    file: str
    raw: object
    lines: Mapping[Place, int]

    def problem(self, finding: Finding) -> Problem:
        """The finding with its line and with what was written there."""
        at = self._written(finding.at)
        return Problem(
            file=self.file,
            line=self._line(at),
            path=printed(at),
            wrote=self._quote(at) if finding.wrote is None else finding.wrote,
            wrong=finding.wrong,
            wanted=finding.wanted,
            hint=finding.hint,
        )

    def _written(self, place: Place) -> Place:
        """The place without the index of a list that was written as its only item."""
        is_missing = place[-1:] != place_of(place, self.raw)[-1:] and isinstance(place[-1], str)
        return place_of(place, self.raw, with_missing=is_missing)

    def _line(self, place: Place) -> int:
        """Of the place, or of what is around it where the place itself is missing."""
        around = (place[:length] for length in range(len(place), -1, -1))
        return next((self.lines[part] for part in around if part in self.lines), 1)

    def _quote(self, place: Place) -> str:
        value: Any = self.raw
        for part in place:
            if not _has(value, part):
                return ""
            value = value[part]
        return "this value" if _UNQUOTED.intersection(place) else quoted(value)


def printed(place: Place) -> str:
    """A place as people write it: `chains.validation.steps[2]`."""
    return "".join(map(_part, place)).removeprefix(".")


def _part(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN_KEY.fullmatch(part) and not looks_secret(part) else f"[{quoted(part)}]"


def quoted(value: object) -> str:
    """A value as it may be shown in a complaint: short, in one line, and no secret."""
    match value:
        case None:
            return "an empty value"
        case Mapping():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return _quoted_text(value)
    return json.dumps(value)


def _quoted_text(text: str) -> str:
    # The default of a variable may be a secret too: `${KEY:-hunter2}` is shown as `${KEY}`.
    text = _DEFAULT_OF_VARIABLE.sub(r"${\1}", text)
    if looks_secret(text):
        return "this value"
    return json.dumps(text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…", ensure_ascii=False)


def looks_secret(text: str) -> bool:
    """Whether a text may be, or hold, a secret: a token, an address with a password, a long run of mixed letters."""
    runs = _LONG_RUN.findall(text)
    mixed = any(all(kind.search(run) for kind in _MIXED) for run in runs)
    return mixed or has_token(text) or bool(_USERINFO.search(text) or _HEXADECIMAL.search(text))


def has_token(text: str) -> bool:
    """Whether a text holds something shaped like a JWT."""
    return len(text) >= _SHORTEST_TOKEN and _BLOT(text) != text


#: To compare each of them with what was written takes a few milliseconds.
_MOST_NAMES = 100


def closest(wrote: object, known: Iterable[str]) -> str:
    """The known name nearest to what was written, quoted; empty if none is near, or there are too many to compare."""
    names = list(known)
    if not isinstance(wrote, str) or len(wrote) > _LONGEST_QUOTE or len(names) > _MOST_NAMES:
        return ""
    near = difflib.get_close_matches(wrote, names, n=1, cutoff=0.6)
    return quoted(near[0]) if near else ""


def listed(names: Iterable[str], word: str = "there are") -> str:
    """The names that would do, as the end of a sentence."""
    first, *others = [quoted(name)[1:-1] for name in names] or ["none"]
    shown = [first, *others[: _MOST_NAMES - 1]]
    more = f" and {len(others) + 1 - len(shown)} more" if len(others) >= _MOST_NAMES else ""
    return f"{word}: {', '.join(shown)}{more}"


# ── what pydantic found, in our words ──────────────────────────────────────────────────────────────────────────────

#: What is wrong and what would do, by pydantic's type of error; `{…}` is filled from the error's own context.
SENTENCES: Mapping[str, tuple[str, str]] = {
    "bool_parsing": ("is neither true nor false", "write true or false"),
    "bool_type": ("is neither true nor false", "write true or false"),
    "dict_type": ("is not a mapping", "write `key: value` pairs here"),
    "extra_forbidden": ("is not a key here", ""),
    "literal_error": ("is not known here", "write {expected}"),
    "missing": ("is missing", "add it"),
    "model_type": ("is not a mapping", "write `key: value` pairs here"),
    "string_type": ("is not text", "write it in quotes"),
    "too_short": ("is empty", "add at least one"),
    "tuple_type": ("is not a list", "write it as [a, b]"),
    "union_tag_invalid": ("is not known here", "write one of {expected_tags}"),
    "union_tag_not_found": ("is missing", "add it"),
    "value_error": ("{error.wrong}", "{error.wanted}"),
}
_ANYTHING_ELSE = ("does not fit here", "see `prober schema`")

#: What to add where a key is missing.
EXAMPLES: Mapping[str, str] = {
    "chains": "at least one chain",
    "email": '"email: tester@example.com"',
    "environment": '"environment: staging"',
    "like": '"like: NAME" with the name of a local issuer',
    "mint": '"mint: local", "mint: route", "mint: forged", "mint: expired" or "mint: none"',
    "name": '"name: what-this-step-shows"',
    "path": '"path: /ws"',
    "probe": '"probe: http", or another kind of probe',
    "role": '"role: auth", "role: backend" or "role: other"',
    "secret": '"secret: NAME" with a name from `secrets:`',
    "service": '"service: NAME" with a name from `services:`',
    "services": "at least one service",
    "steps": "at least one step",
    "subject": '"subject: THE-TEST-USER"',
    "token": '"token: NAME" with a name from `issuers:`',
    "url": '"url: https://HOST"',
    "version": '"version: 1"',
}

_CHOICES = re.compile(r"'([^']*)'")


#: Tells which keys are known at one of pydantic's locations.
KeysAt = Callable[[Sequence[object]], list[str]]


def finding_of(error: Mapping[str, Any], raw: object, keys_at: KeysAt) -> Finding:
    """One of pydantic's errors as a finding; `keys_at` tells which keys are known at a location."""
    kind, context = error["type"], error.get("ctx", {})
    wrong, wanted = (text.format(**context) for text in SENTENCES.get(kind, _ANYTHING_ELSE))
    place = place_of(error["loc"], raw, with_missing=kind == "missing")
    special = _SPECIAL.get(kind, _as_it_is)
    return special(Finding(at=place, wrong=wrong, wanted=wanted), error, keys_at)


def place_of(location: Sequence[str | int], raw: object, *, with_missing: bool = False) -> Place:
    """Pydantic's location without what is not in the document: tags of unions, `[key]`, lists we made of one value."""
    place: list[str | int] = []
    value: Any = raw
    for part in location:
        if _has(value, part):
            place.append(part)
            value = value[part]
    return (*place, location[-1]) if with_missing else tuple(place)


def _has(value: object, part: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, Mapping) and part in value


Refine = Callable[[Finding, Mapping[str, Any], KeysAt], Finding]


def _as_it_is(finding: Finding, error: Mapping[str, Any], _: object) -> Finding:
    if error["loc"] and error["loc"][-1] == "[key]":
        return _changed(finding, wrote=quoted(finding.at[-1]))
    flaw = error.get("ctx", {}).get("error")
    return _changed(finding, wrote="") if getattr(flaw, "bare", False) else finding


def _missing(finding: Finding, _: object, __: object) -> Finding:
    example = EXAMPLES.get(str(finding.at[-1]))
    return _changed(finding, wrote="", wanted=f"add {example}" if example else "add it")


def _empty(finding: Finding, _: object, __: object) -> Finding:
    return _changed(finding, wrote="")


def _unknown_key(finding: Finding, error: Mapping[str, Any], keys_at: KeysAt) -> Finding:
    key, known = finding.at[-1], keys_at(error["loc"][:-1])
    return _changed(finding, wrote=quoted(key), wanted=listed(known, "known are"), hint=closest(key, known))


def _not_a_choice(finding: Finding, error: Mapping[str, Any], _: object) -> Finding:
    return _changed(finding, hint=closest(error["input"], _CHOICES.findall(error["ctx"]["expected"])))


def _unknown_tag(finding: Finding, error: Mapping[str, Any], _: object) -> Finding:
    choices = _CHOICES.findall(error["ctx"]["expected_tags"])
    at = (*finding.at, error["ctx"]["discriminator"].strip("'"))
    hint = closest(error["ctx"]["tag"], choices)
    return _changed(finding, at=at, wanted=f"write one of {', '.join(choices)}", hint=hint)


def _missing_tag(finding: Finding, error: Mapping[str, Any], _: object) -> Finding:
    at = (*finding.at, error["ctx"]["discriminator"].strip("'"))
    return _missing(_changed(finding, at=at), error, _)


def _changed(finding: Finding, **changes: Any) -> Finding:  # noqa: ANN401 - the fields' own types
    kept = {name: getattr(finding, name) for name in ("at", "wrong", "wanted", "hint", "wrote")}
    return Finding(**{**kept, **changes})


_SPECIAL: Mapping[str, Refine] = {
    "extra_forbidden": _unknown_key,
    "literal_error": _not_a_choice,
    "missing": _missing,
    "too_short": _empty,
    "union_tag_invalid": _unknown_tag,
    "union_tag_not_found": _missing_tag,
}
