"""What the tests of the config share: a small good file, and a way to change it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from prober.config import schema
from prober.config.defaults import completed
from prober.config.load import load
from prober.config.tree import grow
from prober.model.chain import Plan

GOOD = (Path(__file__).parent / "good.yaml").read_text()


@pytest.fixture
def good() -> Callable[..., str]:
    """The good file with some texts of it replaced; each must be in it."""

    def change(*changes: tuple[str, str], more: str = "") -> str:
        text = GOOD
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return text + more

    return change


@pytest.fixture
def plan(good, tmp_path) -> Callable[..., Plan]:
    """The plan that the changed file says."""

    def build(*changes: tuple[str, str], more: str = "") -> Plan:
        path = tmp_path / "probes.yaml"
        path.write_text(good(*changes, more=more))
        return load(path, {})

    return build


@pytest.fixture
def document(good) -> Callable[..., schema.Document]:
    """The changed file's document, with every default written out."""

    def build(*changes: tuple[str, str], more: str = "") -> schema.Document:
        value = grow(good(*changes, more=more), "good.yaml").value
        document, findings, _ = schema.read(value, value)
        assert not findings
        assert document
        return completed(document)

    return build
