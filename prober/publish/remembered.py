"""What is still known of a chain's last run after a restart, read from the report that was kept; until the next run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from prober.model.facts import Facts
from prober.model.observation import Match
from prober.model.verdict import Outcome, RunVerdict
from prober.publish.document import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The last run of a chain, as far as others ask for it."""

    chain: str
    run_id: str
    ended: datetime
    verdict: RunVerdict
    summary: str
    causes: tuple[str, ...]
    window: Document
    controls: Mapping[str, tuple[str, bool]]  # step → its service, and whether the bad token was accepted
    pairs: Mapping[tuple[str, str, str], Match]
    facts: tuple[Facts, ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read it from a report; raises KeyError or ValueError for one of another schema."""
        run = document["run"]
        return cls(
            chain=run["chain"],
            run_id=run["id"],
            ended=datetime.fromisoformat(run["ended"]),
            verdict=RunVerdict(run["verdict"]),
            summary=document["diagnosis"]["summary"],
            causes=tuple(cause["name"] for cause in document["diagnosis"]["causes"]),
            window=document["window"],
            controls={
                told["step"]: (told["service"], told["outcome"] == Outcome.ACCEPTED)
                for told in document["controls"]
                if told["outcome"] != Outcome.UNCLEAR
            },
            pairs={(told["name"], told["left"], told["right"]): Match(told["match"]) for told in document["secrets"]},
            facts=tuple(
                Facts(service=told["service"], version=told["version"], revision=told["revision"])
                for told in document["facts"]
            ),
        )
