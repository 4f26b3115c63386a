"""Tests of prober/publish/gate_markdown.py."""

import pytest

from prober.model.aims import Aims
from prober.model.gate import Because, Standing
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


def endless(steps=600, details=300, text="x" * 400):
    """A gate in which much failed, each thing in other words, for many reasons."""
    gate = told(build_gate("--", Because.SAME_STEP, report=p.broken_report(), **FAILED))
    step = gate["report"]["steps"][2]
    gate["report"]["steps"] = [
        {**step, "name": f"{'name' * 30}-{number}", "detail": f"{number % details} {text}"} for number in range(steps)
    ]
    whys = gate["report"]["diagnosis"]["whys"]
    gate["report"]["diagnosis"]["whys"] = [{**whys[0], "text": f"{text} {number}"} for number in range(200)]
    return gate


@pytest.mark.parametrize("most", [60_000, 20_000, 3_000])
@pytest.mark.parametrize("text", ["x" * 400, "@everyone " * 40, "🚀" * 400], ids=["letters", "signs", "pictures"])
def test_an_endless_report_is_cut(text, most):
    """GitHub refuses a comment of more than 65,536 characters as a whole; what is cut is still what it was."""
    gate = endless(text=text)
    cut, seen = markdown(gate, most), rendered(markdown(gate, most))

    assert most // 2 < len(cut) <= most
    assert cut.startswith("## ✗ `validation`: NO GO")
    assert cut.endswith("</sub>\n")
    assert ["details", "summary"] == [each for each in seen.elements if each in {"details", "summary"}]
    assert "everyone" not in seen.outside


def test_what_is_left_out_is_said():
    """How many findings, how many steps, and where they are."""
    text = markdown(endless(steps=250, details=50, text="short"), 10**6)

    assert "\n- and 30 more\n" in text
    assert "\n\nand 150 more steps\n" in text
    assert "left out" not in text
    assert "left out: the JSON of this gate has all of it" in markdown(endless())


def test_a_report_that_fits_is_not_cut():
    """Nothing is said of more."""
    text = markdown(told(build_gate("--", Because.SAME_STEP, **FAILED)))

    assert "more" not in text.replace("**more**", "")
    assert "left out" not in text
