"""The two tables of docs/controls.md, made from the table of controls, the shipped chains, and what finds which hole.

`python -m tests.controls.page` writes them into the page; a test holds the page against them.
"""

import re
from pathlib import Path

from prober.config.load import load
from prober.judge.signals import control_role
from prober.model.controls import CONTROLS, Safety
from tests.controls.claims import CLAIMS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "controls.md"

SAFETY = {Safety.STAGING: "staging", Safety.OPT_IN: "opt-in", Safety.LAB: "lab only"}


def chains_of_controls():
    """Each control, and the chains of the shipped probes.yaml that try it."""
    chains = load(ROOT / "probes.yaml", {}).chains.values()
    tried = [(control_role(step), chain.name) for chain in chains for step in chain.steps if step.is_control]
    return {control: list(dict.fromkeys(name for role, name in tried if role == control)) for control in CONTROLS}


def table():
    """Every control: what it is, where it may be tried, where it is tried, and what it means if it is accepted."""
    shipped = chains_of_controls()
    head = "| control | what is wrong with it | may be tried in | shipped in chain | if accepted | reference |"
    rows = [
        f"| `{kind.name}` | {kind.about} | {SAFETY[kind.safety]} | {', '.join(shipped[kind.name]) or '–'} "
        f"| {kind.severity} | {kind.reference} |"
        for kind in CONTROLS.values()
    ]
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def matrix():
    """Every hole of the lab, and the controls that find it."""
    rows = [f"| `{hole}` | {', '.join(f'`{name}`' for name in names)} |" for hole, names in CLAIMS.items()]
    return "\n".join(["| hole | found by |", "|---|---|", *rows])


def written(text):
    """The page with both tables as they should be."""
    for name, made in (("table", table()), ("matrix", matrix())):
        block = f"<!-- {name} -->\n\n{made}\n\n<!-- end of {name} -->"
        text = re.sub(f"<!-- {name} -->.*<!-- end of {name} -->", lambda _, block=block: block, text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
