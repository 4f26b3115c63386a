"""What simpler minds would say to the same cases: the commonest label, a table of codes, the nearest case seen."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from tests.evaluation.cases import Kind
from tests.evaluation.records import Record
from tests.evaluation.scoring import HIGH, Answer

Guess = Callable[[Record], Answer]

_NO_IDEA = Answer({})


def _surely(cause: str) -> Answer:
    return Answer({cause: HIGH})


# ── the commonest label ──────────────────────────────────────────────────────────────────────────────────────────────


def majority(known: Collection[Record]) -> Guess:
    """Always the fault that is seen most often."""
    labels = Counter(record.case.faults[0] for record in sorted(_single(known), key=lambda r: r.case.id))
    answer = _surely(labels.most_common(1)[0][0]) if labels else _NO_IDEA
    return lambda _record: answer


# ── a table of codes ─────────────────────────────────────────────────────────────────────────────────────────────────

#: What somebody on call would guess who sees which request failed with which code; the first line that fits counts.
CODES: Sequence[tuple[str, str]] = (
    (r"backend health .*", "backend_down"),
    (r"auth health .*", "auth_down"),
    (r"mint 503", "bypass_key_absent"),
    (r"mint (401|403)", "bypass_key_mismatch"),
    (r"mint own_secret", "bypass_key_not_sent"),
    (r"mint 404", "mint_route_missing"),
    (r"mint 5..", "token_signing_broken"),
    (r".* lets forged in", "signature_unchecked"),
    (r".* lets expired in", "expiry_unchecked"),
    (r".* lets none in", "ws_open_to_anyone"),
    (r"auth 404", "validate_route_missing"),
    (r"auth .*", "prober_secret_wrong"),
    (r"rest 5..", "backend_dependency_down"),
    (r"rest (401|403)", "jwt_secret_drift"),
    (r"stream (401|403)", "service_identity_regression"),
    (r"socket 404", "ws_path_missing"),
    (r"socket (403|1008)", "upgrade_header_stripped"),
    (r"socket 500", "ws_crash_before_auth"),
    (r"socket 1006", "ws_crash_after_accept"),
    (r"socket (1001|1011)", "ws_not_ready"),
    (r"socket (1000|silent|timeout)", "ws_silent_after_accept"),
    (r".* timeout", "auth_slower_than_budget"),
)


def by_code(record: Record) -> Answer:
    """What the table of codes says."""
    found = (cause for pattern, cause in CODES if any(re.fullmatch(pattern, code) for code in record.codes))
    cause = next(found, None)
    return _surely(cause) if cause else _NO_IDEA


# ── the nearest case ─────────────────────────────────────────────────────────────────────────────────────────────────


def nearest(known: Collection[Record]) -> Guess:
    """The fault of the case that reads most alike, among single faults of other seeds."""
    singles = _single(known)

    def guess(record: Record) -> Answer:
        others = [other for other in singles if other.case.seed != record.case.seed]
        distances = [_distance(record.readings, other.readings) for other in others]
        least = min(distances, default=0)
        closest = [other.case.faults[0] for other, far in zip(others, distances, strict=True) if far == least]
        return _surely(min(closest, key=lambda name: (-closest.count(name), name))) if closest else _NO_IDEA

    return guess


def _distance(one: Mapping[str, str], other: Mapping[str, str]) -> int:
    """In how many signals they differ; to be unread is a value too."""
    return sum(one.get(signal) != other.get(signal) for signal in one.keys() | other.keys())


def _single(records: Collection[Record]) -> list[Record]:
    return [record for record in records if record.case.kind is Kind.SINGLE]
