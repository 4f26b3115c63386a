"""A notice as text and back, for outboxes that outlive the process; a newer version's text must still be read."""

import json
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from prober.model.alarm import Severity
from prober.model.diagnosis import Confidence
from prober.model.notice import Kind, Notice, Suspect


def packed(notice: Notice) -> str:
    """`notice` as JSON."""
    return json.dumps(asdict(notice), default=datetime.isoformat, ensure_ascii=False)


def unpacked(text: str) -> Notice:
    """The notice that was packed; fields that this version does not know are left out."""
    told = _known(Notice, json.loads(text))
    return Notice(
        **{
            **told,
            "severity": Severity(told["severity"]),
            "kind": Kind(told["kind"]),
            "since": _moment(told["since"]),
            "until": _moment(told.get("until")),
            "suspects": tuple(map(_suspect, told.get("suspects", ()))),
        }
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _suspect(told: dict[str, Any]) -> Suspect:
    known = _known(Suspect, told)
    return Suspect(**{**known, "confidence": Confidence(known["confidence"]), "remedy": tuple(known["remedy"])})


def _known(kind: type[Notice | Suspect], told: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in told.items() if name in names}
