"""The rules of the house hold, and each of them would catch whoever breaks it."""

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath

import pytest

from prober.judge.causes import catalogue
from prober.lab.faults import FAULTS, ONLY_THE_PLATFORM_SHOWS

ROOT = Path(__file__).parents[1]
PYPROJECT = ROOT / "pyproject.toml"
CONTRACTS = {c["id"]: c["name"] for c in tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]}

#: One small crime against each contract: the file it is committed in, and the line that commits it.
SEEDS = (
    ("layers", "judge/words.py", "from prober.gather import clock"),
    ("layers", "lab/memory.py", "from prober.publish import labels"),
    ("layers", "alerts.py", "import json"),  # a new part of the house that nobody gave a place
    ("purity", "judge/words.py", "import os"),
    ("purity", "model/signal.py", "import asyncio"),
    ("vocabulary", "model/signal.py", "import jmespath"),
    ("lab", "lab/memory.py", "from prober.model import chain"),
    ("probes-apart", "gather/probes/http.py", "from prober.gather.probes import tcp"),
    ("secrets-apart", "gather/secrets/env.py", "from prober.gather.secrets import file"),
    ("causes-apart", "judge/causes/auth_down.py", "from prober.judge.causes import backend_down"),
    ("scheduler", "app.py", "import apscheduler"),
    ("wire", "gather/probes/http.py", "import httpx"),
    ("courier", "publish/notify/notifier.py", "import apprise"),
    ("document", "judge/words.py", "import pydantic"),
    ("acyclic", "judge/words.py", "from prober.judge import verdict"),
)

#: Files whose tests bear another name than theirs: a package is tested by what it holds.
TESTED_AS = {
    "gather/secrets/__init__.py": "gather/secrets/test_keyring.py",
    "gather/tokens/__init__.py": "gather/tokens/test_mints.py",
    "judge/causes/__init__.py": "judge/causes/test_catalogue.py",
    "publish/history/migrations/__init__.py": "publish/history/migrations/test_versions.py",
}

#: Files without a test of their own, and who tests them instead.
EXEMPT = {
    "__main__.py": "two lines; tests/test_cli.py runs `python -m prober`",
    "gather/keys.py": "a protocol and nothing else; tests/gather/test_hands.py tests who keeps to it",
    "gather/kit.py": "two plain records, made and read by the test of every probe",
    "model/facts.py": "a plain record; tests/judge/test_facts.py checks what is put into it",
    "model/diagnosis.py": "plain records; tests/judge/test_diagnosis.py checks what is put into them",
    "model/report.py": "plain records; tests/judge/test_assess.py checks what is put into them",
    "model/heartbeat.py": "a plain record; tests/config/test_build.py checks what is put into it",
    "model/selftest.py": "plain records; tests/selftest/test_exam.py checks what is put into them",
    "model/aims.py": "a plain record; tests/judge/test_gate.py judges by what is in it",
    "model/order.py": "plain records; tests/test_on_demand.py and tests/publish/history/test_intents.py use each",
    "publish/web/asking.py": "what routes share; tests/publish/web/routes/test_runs.py asks in every way",
    "model/slot.py": "plain records; tests/judge/test_ledger.py checks what is put into them",
    "model/token.py": "a plain record; tests/gather/tokens/test_traits.py checks what is put into it",
    "publish/history/__init__.py": "protocols and nothing else; tests/publish/history tests who keeps to them",
    **dict.fromkeys(
        (
            f"publish/history/{name}.py"
            for name in ("writing", "accounts", "retention", "tables", "engine", "dialects", "bars", "paused_sql")
        ),
        "parts of the store; tests/publish/history/test_store.py tests them on each kind of database",
    ),
    **dict.fromkeys(
        (f"publish/history/migrations/{name}.py" for name in ("env", *(f"versions/v000{n}" for n in (1, 2, 3, 4)))),
        "run whenever a store is opened; tests/publish/history/migrations holds them against the tables",
    ),
}

#: Tests that are about no single file.
ABOUT_THE_WHOLE = {
    *("test_architecture.py", "test_readme.py", "stories", "controls", "prometheus", "benchmarks"),
    *(
        "ci",
        "delivery",
        "deploy",
        "docs",
        "evaluation",
        "fuzzing",
        "grafana",
        "instances",
        "kubernetes",
        "matrix",
        "page",
    ),
    *("reliability", "rotation", "safety"),
    "test_supply.py",
}


def sources(folder="prober"):
    """Every Python file under a folder of ours, by its path inside."""
    top = ROOT / folder
    return sorted(path.relative_to(top).as_posix() for path in top.rglob("*.py"))


def mirrored(source):
    """Where the tests of a source file are."""
    path = PurePosixPath(source)
    return TESTED_AS.get(source, str(path.with_name(f"test_{path.name}")))


def says_nothing_but_a_docstring(source):
    """Whether a file holds a docstring and no code."""
    return len(ast.parse((ROOT / "prober" / source).read_text()).body) == 1


# ── who may import whom ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def copied(tmp_path):
    """A copy of the house, to be damaged."""
    shutil.copytree(ROOT / "prober", tmp_path / "prober", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PYPROJECT, tmp_path)
    return tmp_path


def lint(where, *options):
    """What import-linter says of the package that lies in `where`: its exit code, and its words on one line."""
    program = Path(sys.executable).with_name("lint-imports")
    command = [program, "--no-cache", "--no-logo", "--config", "pyproject.toml", *options]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def seed(where, file, line):
    """Add a line of code to a file of the copy, after its docstring."""
    path = where / "prober" / file
    before = path.read_text() if path.exists() else '"""New."""\n'
    path.write_text(f"{before}\n{line}\n")


def test_contracts_hold():
    """Nobody imports what they may not."""
    code, said = lint(ROOT)

    assert 0 == code, said
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in said


@pytest.mark.parametrize(("contract", "file", "line"), SEEDS, ids=[f"{s[0]}-{s[1]}" for s in SEEDS])
def test_each_contract_is_broken_by_a_single_line(copied, contract, file, line):
    """A contract that nothing can break would hold nothing: one line breaks it, and it says so by its name."""
    seed(copied, file, line)

    code, said = lint(copied, "--contract", contract)

    assert 1 == code
    assert f"{CONTRACTS[contract]} BROKEN" in said


def test_each_contract_has_a_seed():
    """A new contract comes with the line that breaks it."""
    assert set(CONTRACTS) == {contract for contract, _, _ in SEEDS}


# ── clocks and chance ────────────────────────────────────────────────────────────────────────────────────────────────

CRIMES = {
    "the wall clock": "import datetime\n\nNOW = datetime.datetime.now(datetime.UTC)",
    "the stopwatch": "import time",
    "chance": "import random",
    "the environment": "import os\n\nHOME = os.environ",
}


def banned(where, file):
    """How often ruff finds something in a file that the pure part may not use."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", f"prober/{file}"]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    return len(re.findall(r"^TID251 ", done.stdout, flags=re.MULTILINE))


@pytest.mark.skipif(not importlib.util.find_spec("ruff"), reason="ruff is not installed; the extra `test` has it")
@pytest.mark.parametrize("crime", CRIMES.values(), ids=CRIMES)
def test_the_pure_part_has_neither_clock_nor_chance(copied, crime):
    """What imports cannot show, ruff sees: in judge/ and model/ the clock is banned, where we gather it is at home."""
    before = [banned(copied, file) for file in ("judge/words.py", "model/signal.py", "gather/dig.py")]
    for file in ("judge/words.py", "model/signal.py", "gather/dig.py"):
        seed(copied, file, crime)

    after = [banned(copied, file) for file in ("judge/words.py", "model/signal.py", "gather/dig.py")]

    assert ([0, 0, 0], [1, 1, 0]) == (before, after)


# ── files and their tests ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("source", sources())
def test_every_file_begins_with_a_sentence(source):
    """Whoever opens a file is told first what belongs in it."""
    text = (ROOT / "prober" / source).read_text()
    told = ast.get_docstring(ast.parse(text)) or ""

    assert text.startswith('"""')
    assert re.fullmatch(r"\S.*[.:]", told.partition("\n\n")[0], flags=re.DOTALL)


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda path: path.stem)
def test_every_test_states_a_truth(path):
    """Each test's docstring says what is true if it passes."""
    tree = ast.walk(ast.parse(path.read_text()))
    tests = [node for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    assert [] == [test.name for test in tests if test.name.startswith("test_") and not ast.get_docstring(test)]


def test_every_file_has_its_tests():
    """What `prober/a/b.py` promises is tested in `tests/a/test_b.py`; a cause by the one test of the catalogue."""
    tests = set(sources("tests"))
    causes = {source for source in sources() if source.startswith("judge/causes/")}
    silent = {source for source in sources() if says_nothing_but_a_docstring(source)}

    untested = {s for s in set(sources()) - causes - silent - EXEMPT.keys() if mirrored(s) not in tests}

    assert set() == untested


def test_every_test_has_its_file():
    """A test whose file was moved or removed goes with it."""
    known = {mirrored(source) for source in sources()}
    tests = {test for test in sources("tests") if PurePosixPath(test).name.startswith("test_")}

    left_over = {test for test in tests - known if PurePosixPath(test).parts[0] not in ABOUT_THE_WHOLE}

    assert set() == left_over


def test_exemptions_are_needed():
    """Who has tests of their own is not excused from having them."""
    tests, there = set(sources("tests")), set(sources())

    assert set() == {source for source in EXEMPT if source not in there or mirrored(source) in tests}
    assert set() == {source for source, test in TESTED_AS.items() if source not in there or test not in tests}


# ── faults and causes ────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_fault_has_its_cause():
    """What the lab can break the diagnosis can name."""
    faults = {fault.name for fault in (*FAULTS, *ONLY_THE_PLATFORM_SHOWS)}
    causes = {cause.name for cause in catalogue()}

    assert set() == faults - causes


def test_every_cause_has_its_fault():
    """What the diagnosis can name the lab can break, so that it can be shown."""
    faults = {fault.name for fault in (*FAULTS, *ONLY_THE_PLATFORM_SHOWS)}
    causes = {cause.name for cause in catalogue()}

    assert set() == causes - faults
