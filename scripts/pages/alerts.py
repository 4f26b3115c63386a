"""docs/reference/alerts.md: every alert that `prober rules` writes for the shipped probes.yaml, beside its runbook."""

import re
from collections.abc import Iterator

from prober.config.load import load
from prober.judge.causes import catalogue
from prober.publish import rules
from prober.publish.rules import AlertRule
from scripts.pages.markdown import code, joined, page, table
from scripts.pages.metrics import _ROOT

_INTRO = """\
What `prober rules` writes, here of the shipped `probes.yaml`; of an alert that each chain has, that of `validation`.
[Alerting](../alerting.md) tells how the numbers were chosen, a [runbook](../runbooks/README.md) what to do. Severities:
`critical` and `page` are for now, `ticket` is for working hours."""


def text() -> str:
    """The whole page."""
    found = list(alerts())
    rows = [(f"[{code(rule.name)}](#{rule.name.lower()})", rule.severity, fires_when(rule.name)) for rule in found]
    return page("Alerts", _INTRO, table(("alert", "severity", "fires when"), rows), *map(_section, found))


def alerts() -> Iterator[AlertRule]:
    """Each alert once."""
    first: dict[str, AlertRule] = {}
    for rule in rules.alerts(load(_ROOT / "probes.yaml", {}), catalogue()):
        first.setdefault(rule.name, rule)
    return iter(first.values())


def fires_when(name: str) -> str:
    """The first sentence of its runbook, which says that."""
    runbook = _ROOT / "docs" / "runbooks" / f"{name}.md"
    found = re.search(r"\*\*Fires when\*\* (.*?)\n\n", runbook.read_text() if runbook.is_file() else "", re.DOTALL)
    return joined(found[1]).rstrip(".") if found else "**no runbook yet**"


def _section(rule: AlertRule) -> str:
    waits = [f"for {rules.duration(rule.wait_seconds)}"] if rule.wait_seconds else ["at once"]
    waits += [f"and on for {rules.duration(rule.keep_seconds)} after it last held"] if rule.keep_seconds else []
    one = f"\n\nOne rule for each {', '.join(rule.labels)}." if rule.labels else ""
    return (
        f"## {rule.name}\n\n{rule.severity}, {' '.join(waits)}. Fires when {fires_when(rule.name)}. "
        f"[What to do](../runbooks/{rule.name}.md).{one}\n\n"
        f"Says: {code(rule.summary)}\n\n{code(joined(rule.description))}\n\n```promql\n{rule.expr}\n```"
    )
