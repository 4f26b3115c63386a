"""Faults that nothing an outside probe can read tells apart, with the reason for each: there a set is the right answer.

The table is about the world, not about the engine: what the engine does not tell apart although something readable
would is a miss. Each run holds the table against what was really read (see `coincide` in scoring.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass

#: More than this before each request, and differences of half a second can no longer be seen.
_TELLING_LATENCY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Alike:
    """A set of faults, why nobody can tell them apart, and where that holds."""

    members: frozenset[str]
    why: str
    dialects: tuple[str, ...] = ("real", "reports")
    only_without_words: bool = False  # where the services speak as they do in the lab, their words tell
    only_slow: bool = False  # where requests are quick, the time to a refusal tells
    only_for: frozenset[str] = frozenset()  # where these are the truth; any other member would show itself


ALIKE = (
    Alike(
        frozenset({"service_credentials_missing", "service_secret_drift_at_backend"}),
        "The backend does not hold our service secret. Whether it holds none or another, its own configuration says.",
        dialects=("reports",),
    ),
    Alike(
        frozenset({"service_credentials_missing", "service_secret_drift_at_backend"}),
        "A backend without credentials says so where auth turned it away for that; else it too only doubts the token.",
        dialects=("real",),
        only_for=frozenset({"service_secret_drift_at_backend"}),
    ),
    Alike(
        frozenset({"service_credentials_missing", "service_secret_drift_at_backend", "service_header_illegal"}),
        "A secret with a newline is another secret too; only the backend's words would tell why it could not send it.",
        dialects=("reports",),
    ),
    Alike(
        frozenset({"service_credentials_missing", "service_secret_drift_at_backend", "service_header_illegal"}),
        "The same, where the backend speaks but in words that nobody has written rules for.",
        dialects=("real",),
        only_without_words=True,
    ),
    Alike(
        frozenset({"breaker_open", "service_id_drift_at_backend"}),
        "Both refuse at once, whoever the user, without a word, and no route shows the breaker or the id.",
        dialects=("reports",),
    ),
    Alike(
        frozenset({"auth_slower_than_budget", "backend_cannot_reach_auth"}),
        "Only the time to the refusal tells a late answer from none, and the way there is slower than that.",
        dialects=("real",),
        only_slow=True,
    ),
    Alike(
        frozenset(
            {
                *("auth_slower_than_budget", "backend_cannot_reach_auth", "breaker_open"),
                "service_id_drift_at_backend",
            }
        ),
        "Without words and without readable times, a backend that trusts nobody says no and nothing else.",
        dialects=("reports",),
        only_slow=True,
    ),
    Alike(
        frozenset({"auth_unreachable_from_prober", "auth_down_local_fallback"}),
        "We cannot reach auth and the backend lets us in: by asking auth or without it, no route of this backend says.",
        dialects=("reports",),
    ),
)


def alike(fault: str, dialect: str, *, reworded: bool, latency: float) -> Iterator[frozenset[str]]:
    """The sets that are a right answer to `fault` here: itself alone, and each set of the table that holds it."""
    yield frozenset({fault})
    for each in ALIKE:
        is_here = dialect in each.dialects and (reworded or not each.only_without_words)
        is_here &= latency > _TELLING_LATENCY_SECONDS or not each.only_slow
        if is_here and fault in (each.only_for or each.members):
            yield each.members
