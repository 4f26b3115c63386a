"""Revisions: which of those that services tell become a label; one that is new each time must fill no Prometheus."""

from collections.abc import Container
from datetime import datetime, timedelta

from prober.publish import labels

#: So many of a service are named within a day: more than anybody deploys. Any further one is `other` until then.
MOST = 100

_KEPT = timedelta(days=1)


class Revisions:
    """The label of each service's revision, as last told."""

    def __init__(self) -> None:
        """Nobody has told any."""
        self._named: dict[str, dict[str, datetime]] = {}  # by service and revision, when it was told last
        self.labels: dict[str, str] = {}

    def told(self, service: str, revision: str, at: datetime) -> None:
        """A service told its revision in a run that ended `at`."""
        label, named = labels.revision(revision), self._named.get(service, {})
        if label not in named and len(named) >= MOST:
            named = {name: last for name, last in named.items() if at - last < _KEPT}
        if label in named or len(named) < MOST:
            named[label] = at
        else:
            label = labels.OTHER
        self._named[service], self.labels[service] = named, label

    def adopt(self, services: Container[str]) -> None:
        """Forget every service but these."""
        self._named = {name: named for name, named in self._named.items() if name in services}
        self.labels = {name: label for name, label in self.labels.items() if name in services}

    def copy(self) -> "Revisions":
        """The labels as they are now."""
        still = Revisions()
        still.labels = self.labels.copy()
        return still
