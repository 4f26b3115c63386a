"""Every command that a document shows can be typed; test_pages.py runs those that tell what comes of them."""

import importlib.util
import re

import pytest
from typer.main import get_command

from prober.cli import app
from prober.demo import describe_faults
from prober.judge.causes import catalogue
from tests.docs import commands
from tests.docs.reading import PAGES, ROOT, name, prose

SHOWN = [*commands.in_blocks(), *commands.in_prose()]
OURS = [each for each in SHOWN if each.program == "prober"]
ALL = get_command(app).commands
FAULTS = {row["name"] for row in describe_faults()}
CAUSES = {cause.name for cause in catalogue()}

#: What stands for a word of the reader's own.
PLACEHOLDER = re.compile(r"[A-Z]+|\[[A-Z…]+\]|…|\$\{?\w+\}?|real\\?\|reports")


def complaint(words):
    """What the command line would say of these words; nothing if it would take them."""
    _prober, *rest = (word for word in words if word != "[OPTIONS]")
    if not rest or rest[0] in {"COMMAND", "--version", "--help", "-h"}:
        return None
    if rest[0] not in ALL:
        return f"no command is called {rest[0]}"
    command = ALL[rest[0]]
    context = command.make_context(rest[0], [], resilient_parsing=True)
    context.resilient_parsing = False
    try:
        found, left, _order = command.make_parser(context).parse_args([word for word in rest[1:] if word != "--help"])
    except Exception as error:  # noqa: BLE001 - typer brings a click of its own, with exceptions of its own
        return str(error)
    left = [word for word in left if word != "…"]
    return f"{left} is too much" if left and not _takes(command, left) else _unknown(found)


def _takes(command, left):
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    return any(each.nargs == -1 for each in arguments) or len(left) <= len(arguments)


def _unknown(found):
    """A fault or a cause that is not there."""
    faults = [each for each in found.get("fault") or () if not PLACEHOLDER.fullmatch(each)]
    cause = found.get("cause") or ""
    wrong = [each for each in faults if each not in FAULTS] + [each for each in (cause,) if each and each not in CAUSES]
    return f"nothing is called {wrong}" if wrong and not PLACEHOLDER.fullmatch(wrong[0]) else None


@pytest.mark.parametrize("command", OURS, ids=lambda each: f"{each.place} {' '.join(each.words[1:])}"[:90])
def test_prober_would_take_it(command):
    """Its own parser says so: the command, every option, the number of words, the name of the fault or cause."""
    names_an_option = ":" not in command.place and command.words[-1].startswith("--")  # `prober gate --server`

    assert complaint((*command.words, "…") if names_an_option else command.words) is None


@pytest.mark.parametrize(
    "line", ["prober rnu", "prober run --nope", "prober gate --junit", "prober demo --fault nope", "prober explain a b"]
)
def test_what_it_would_not_take_is_found(line):
    """This very test of documents can fail."""
    assert complaint(line.split()) is not None


def test_every_program_has_a_reason_not_to_be_run():
    """Or is ours: then prober's own parser reads it, or it is a module, a test or a script that is there."""
    known = [each for each in SHOWN if each.program in {"prober", *commands.NOT_RUN} or commands.is_ours(each)]

    assert [] == [each for each in SHOWN if each not in known]
    assert not {"prober", "pytest", "python"} & commands.NOT_RUN.keys()


def test_every_module_test_and_script_is_there():
    """`python -m X`, `pytest PATH` and `scripts/X`, by their names."""
    assert [] == [each for each in SHOWN if commands.is_ours(each) and not _is_there(each)]


def _is_there(command):
    if command.program == "python" and "-m" in command.words:
        return importlib.util.find_spec(command.words[command.words.index("-m") + 1]) is not None
    return all((ROOT / each).exists() for each in command.words if each.startswith(("tests/", "scripts/")))


def test_every_option_in_a_sentence_is_one():
    """Of prober, or of a program of ours or of others that the sentence tells of."""
    options = {opt for command in ALL.values() for each in command.params for opt in each.opts} | {
        "--help",
        "--version",
    }
    elsewhere = {
        *("--body-file", "--enable-feature", "--lint"),  # gh, prometheus, promtool
        *("--check", "--build", "--format"),
        "--wait",  # gcloud
        *("--build-arg", "--try", "--repo"),  # docker, scripts/image, gh
    }
    told = {(name(page), opt) for page in PAGES for opt in _options(page)}

    assert [] == sorted((page, opt) for page, opt in told if opt not in options | elsewhere and not _of_ours(opt))


def _options(page):
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", page.read_text("utf-8"))
    of_prober = [span for span in spans if span.startswith(("--", "prober "))]
    return {opt for span in of_prober for opt in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span)}


def _of_ours(option):
    """An option of the long forms among the tests."""
    programs = (ROOT / "tests").rglob("*.py")
    return any(f'"{option}"' in path.read_text("utf-8") for path in programs)


def test_prose_is_without_its_code():
    """What the other tests look for names in."""
    assert all("```" not in prose(page) for page in PAGES)
