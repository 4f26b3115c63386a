"""The dashboard's queries, read from the committed JSON and filled in as Grafana would."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.prometheus.programs import DEPLOY

DASHBOARD = DEPLOY / "grafana/dashboard.json"

#: What Grafana puts in place of its variables; «All» is `.*`.
ALL: Mapping[str, str] = dict.fromkeys(("environment", "instance", "chain", "step"), ".*") | {
    "job": "prober",
    "window": "5m",
    "__rate_interval": "30s",
    "__range": "5m",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of the dashboard; `key` is its panel's number and its letter."""

    key: str
    title: str
    expr: str

    def filled(self, values: Mapping[str, str]) -> str:
        """The query with these values of variables."""
        return filled(self.expr, values)


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with every variable replaced; the longest name first."""
    for name in sorted(values, key=len, reverse=True):
        text = text.replace(f"${name}", values[name])
    return text


def document() -> dict[str, Any]:
    """The dashboard as it is committed."""
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel that is no row, those in folded rows too."""
    for each in board["panels"]:
        if each["type"] == "row":
            yield from each["panels"]
        else:
            yield each


def asked(board: Mapping[str, Any]) -> Iterator[Asked]:
    """Every query of its panels and annotations."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield Asked(f"{panel['id']}{target['refId']}", panel["title"], target["expr"])
    for number, each in enumerate(board["annotations"]["list"]):
        yield Asked(f"annotation {number}", each["name"], each["expr"])
