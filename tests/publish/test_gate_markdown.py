"""Tests of prober/publish/gate_markdown.py."""

import pytest

from prober.model.gate import Aims, Because, Standing
from prober.publish.gate_markdown import markdown
from tests.publish import builders as p
from tests.publish.gates import BEFORE, build_gate, told
from tests.publish.test_markdown import HOSTILE, rendered

FAILED = {"standing": Standing.REGRESSION, "before": BEFORE, "remarks": ("messages failed each time.",)}


def test_a_failure_tells_the_verdict_first_and_the_evidence_last():
    """Cause, blame, remarks, remedy, what failed; then what is folded, and what it proves."""
    text = markdown(told(build_gate("--", Because.SAME_STEP, **FAILED)))
    parts = (
        "## ✗ `validation`: NO GO",
        "`jwt_secret_drift`",
        "REGRESSION",
        "each time",
        "### What to do",
        "**remedy** 1. Make `JWT_SECRET` the same",
        "**remedy** 2. Restart",
        "### What failed",
        "`403 Forbidden: token_rejected`: `messages`",
        "<details>",
        "Before: all well",
        "| ✗ | `messages` | `backend` |",
        "</details>",
        "<sub>",
        "0 of 2 rounds held. Gate",
    )
    places = [text.find(part) for part in parts]

    assert -1 not in places, [part for part, place in zip(parts, places, strict=True) if place < 0]
    assert places == sorted(places)


def test_a_pass_is_short():
    """Go, and what it proves; the steps are folded."""
    text = markdown(told(build_gate(aims=Aims(revision="b2"))))

    assert text.startswith(
        "## ✓ `validation`: GO\n\n**20 of 20 rounds held, which proves ≥ `86.0` % at 95 % confidence.**"
    )
    assert "What" not in text
    assert "revision `b2`, 20 of 20 rounds held, which proves ≥ 86.0 %" in text


def test_our_own_fault_is_not_among_what_failed():
    """Whose it is stands above it."""
    gate = told(build_gate("bbb", Because.BLIND))
    gate["report"]["steps"][0] |= {"verdict": "blind", "detail": "secret 'jwt' is missing"}
    text = markdown(gate)

    assert "### What the prober could not judge (its own fault)\n\n- `secret 'jwt' is missing`: `auth-health`" in text
    assert "### What failed" not in text


@pytest.mark.parametrize("hostile", [*HOSTILE, " ".join(HOSTILE)])
def test_what_a_target_says_stays_in_its_place(hostile):
    """Wherever it may speak: in a step, of its revision, of its version before."""
    report = p.with_detail(p.broken_report(), hostile)
    gate = build_gate(
        "--", Because.SAME_STEP, report=report, **{**FAILED, "remarks": (f"Revision {hostile} answers.",)}
    )
    plain = rendered(markdown(told(build_gate("--", Because.SAME_STEP, report=p.with_detail(report, "x"), **FAILED))))
    seen = rendered(markdown(told(gate)))

    assert [each for each in seen.elements if each != "code"] == [each for each in plain.elements if each != "code"]
    assert "a" not in seen.elements
    assert "@" not in seen.outside


def test_endless_reports_are_cut():
    """A comment may hold 65,536 characters."""
    gate = told(build_gate("--", Because.SAME_STEP, report=p.with_detail(p.broken_report(), "x" * 100_000)))
    gate["report"]["steps"] = [
        {**step, "name": f"{step['name']}-{number}", "detail": f"{number} {step['detail']}"}
        for number in range(40)
        for step in gate["report"]["steps"]
    ]

    assert len(markdown(gate)) < 65_536
