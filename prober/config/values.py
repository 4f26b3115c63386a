"""Values: how each kind of text in the file is read: durations, ratios, addresses, codes. Pure; knows no pydantic."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from prober.model.reach import WORDS, is_address, is_disguised, networks

ALGORITHMS = ("HS256", "HS384", "HS512")


class Flaw(ValueError):
    """What a value is not, and what would do; the value itself is no part of it."""

    def __init__(self, *, wrong: str, wanted: str, bare: bool = False) -> None:
        """Say both; `bare` leaves out what was written."""
        super().__init__(wrong, wanted)
        self.wrong, self.wanted, self.bare = wrong, wanted, bare


def default_of(kind: type, name: str) -> Any:  # noqa: ANN401 - the field's own type
    """The default of a field of the model: it is written down once, there."""
    return next(field.default for field in fields(kind) if field.name == name)


def matching(pattern: str, wrong: str, wanted: str) -> Callable[[object], object]:
    """Text of one form; what is no text is left to whoever asks."""
    form = re.compile(pattern)

    def check(value: object) -> object:
        if isinstance(value, str) and not form.fullmatch(value):
            raise Flaw(wrong=wrong, wanted=wanted)
        return value

    return check


_UNITS: Mapping[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)%")
_WHOLE = re.compile(r"[-+]?[0-9]{1,9}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,9}(?:\.[0-9]{1,9})?")


def seconds(value: object) -> float:
    """A duration such as `30s`, `250ms`, `5m` or `1h`."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        is_bare = isinstance(value, int | float) and not isinstance(value, bool)
        raise Flaw(wrong="is not a duration", wanted=f"write {value}s" if is_bare else "write 30s, 250ms, 5m or 1h")
    return float(found[1]) * _UNITS[found[2]]


def some_seconds(value: object) -> float:
    """A duration longer than nothing."""
    if (duration := seconds(value)) <= 0:
        raise Flaw(wrong="is no time at all", wanted="write 1s or more")
    return duration


_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def moment(value: object) -> datetime:
    """A moment as RFC 3339 writes it; the offset must be there, or nobody knows which moment it is."""
    text = value if isinstance(value, str) and _MOMENT.fullmatch(value) else ""
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Flaw(wrong="is not a moment", wanted="write 2026-11-22T09:00:00Z, or with another offset") from None


def moment_text(at: datetime) -> str:
    """A moment as RFC 3339 writes it, in UTC."""
    return at.isoformat().replace("+00:00", "Z")


def duration_text(duration: float) -> str:
    """A duration as it is written: the largest unit that leaves a whole number."""
    units = (unit for unit in ("h", "m", "s", "ms") if (duration / _UNITS[unit]).is_integer())
    unit = next(units, "s") if duration else "s"
    return f"{duration / _UNITS[unit]:.9f}".rstrip("0").rstrip(".") + unit


def ratio(value: object) -> float:
    """A share such as `95%` or 0.95, more than nothing and at most all."""
    percent = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    share = float(percent[1]) / 100 if percent else number(value, "is not a ratio", "write 95% or 0.95")
    if not 0 < share <= 1:
        raise Flaw(wrong="is not a ratio", wanted="write 95% or 0.95")
    return share


_MOST_REQUESTS_PER_SECOND = 10_000


def rate(value: object) -> float:
    """So many a second, more than none."""
    told = number(value)
    if not 0 < told <= _MOST_REQUESTS_PER_SECOND:
        raise Flaw(wrong="is not a rate", wanted=f"write a number up to {_MOST_REQUESTS_PER_SECOND}, such as 20")
    return told


def number(value: object, wrong: str = "is not a number", wanted: str = "write digits, such as 14") -> float:
    """A number, or text that is one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not _is_decimal(value):
        raise Flaw(wrong=wrong, wanted=wanted)
    return float(value)


def _is_decimal(value: float | str) -> bool:
    return not isinstance(value, str) or bool(_DECIMAL.fullmatch(value))


def whole(least: int, most: int, wrong: str, wanted: str) -> Callable[[object], int]:
    """A whole number within a range, or text that is one."""

    def check(value: object) -> int:
        is_whole = isinstance(value, int) or (isinstance(value, str) and bool(_WHOLE.fullmatch(value)))
        if isinstance(value, bool) or not is_whole or not least <= int(cast("int", value)) <= most:
            raise Flaw(wrong=wrong, wanted=wanted)
        return int(cast("int", value))

    return check


#: What people call the close codes of RFC 6455 §7.4.1.
CLOSE_NAMES: Mapping[str, int] = {
    "normal": 1000,
    "going away": 1001,
    "protocol error": 1002,
    "policy": 1008,
    "policy violation": 1008,
    "too big": 1009,
    "internal error": 1011,
    "service restart": 1012,
}


def close_code(value: object) -> int:
    """A WebSocket close code; a name is answered with its number."""
    known = CLOSE_NAMES.get(re.sub(r"[_-]", " ", value.lower())) if isinstance(value, str) else None
    wanted = f"write {known}" if known else "write a number such as 1008"
    return whole(1000, 4999, "is not a close code", wanted)(value)


def algorithm(value: object) -> object:
    """An algorithm that signs; `none` signs nothing (RFC 8725 §3.1)."""
    if value not in ALGORITHMS:
        is_none = isinstance(value, str) and value.lower() == "none"
        wrong = "signs nothing" if is_none else "is not an algorithm we sign with"
        raise Flaw(wrong=wrong, wanted=f"write {', '.join(ALGORITHMS[:-1])} or {ALGORITHMS[-1]}")
    return value


def url(schemes: Sequence[str]) -> Callable[[object], object]:
    """An address of one of these schemes, without a trailing slash."""

    def check(value: object) -> object:
        if not isinstance(value, str):
            return value
        if flaw := _flaw_of(value, schemes):
            raise Flaw(wrong=flaw, wanted=f"write {schemes[-1]}://HOST or {schemes[-1]}://HOST:PORT")
        return value.rstrip("/")

    return check


def _flaw_of(address: str, schemes: Sequence[str]) -> str | None:
    """What is wrong with an address, if anything."""
    try:
        parts = urlsplit(address)
        flaws = {says: is_so(parts, address) for says, is_so in _FLAWS.items()}
        flaws["has a port that is none"] = parts.port == 0
    except ValueError:
        return "is not an address"
    if parts.scheme not in schemes:
        return f"is not an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    return next((says for says, is_so in flaws.items() if is_so), None)


#: Names of DNS, and those with an underscore that some networks have; other letters are written in punycode (RFC 5890).
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?")

_FLAWS: Mapping[str, Callable[[SplitResult, str], bool]] = {
    "holds characters that no address holds": lambda _, text: not re.fullmatch(r"[!-~]+", text) or "\\" in text,
    "carries a user or a password": lambda parts, _: "@" in parts.netloc,
    "carries a query or a fragment": lambda _, text: "?" in text or "#" in text,
    "names no host": lambda parts, _: not parts.hostname,
    "holds an address in a disguise": lambda parts, _: is_disguised(parts.hostname or ""),
    "names a host that is none": lambda parts, _: (
        not (is_address(host := parts.hostname or "") or _HOST.fullmatch(host))
    ),
}


def network(value: object) -> object:
    """A network, or a word for several."""
    try:
        if isinstance(value, str):
            networks(value)
    except ValueError as error:
        wanted = f"write {', '.join(WORDS)}, or a network such as 10.1.0.0/16"
        raise Flaw(wrong="is no network", wanted=wanted) from error
    return value


def one_or_many(value: object) -> object:
    """One value stands for a list of it."""
    return [value] if isinstance(value, str | int) and not isinstance(value, bool) else value


def spelled_out(value: object) -> object:
    """An expectation of one word, as a mapping."""
    return {"want": value} if isinstance(value, str) else value


def percentage(share: float) -> str:
    """A ratio as people write it."""
    return f"{share * 100:.9f}".rstrip("0").rstrip(".") + "%"
