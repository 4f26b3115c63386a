"""Docstrings of attributes: what stands below the fields of a class, read from its source once somebody asks for it."""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise


def of_fields(kind: type) -> Mapping[str, str]:
    """What stands below each field of a class, those of its bases included, by name; empty where nothing does."""
    return {name: text for each in reversed(kind.__mro__) for name, text in _below(each.__module__, each.__name__)}


def _below(module: str, name: str) -> Sequence[tuple[str, str]]:
    return _of_module(module).get(name, ()) if module.startswith(f"{__name__.partition('.')[0]}.") else ()


@cache
def _of_module(name: str) -> Mapping[str, Sequence[tuple[str, str]]]:
    """The fields of its classes, in one reading of the file."""
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {each.name: tuple(_fields(each.body)) for each in tree.body if isinstance(each, ast.ClassDef)}


def _fields(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    for each, below in pairwise((*body, ast.Pass())):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            yield each.target.id, _text(below)


def _text(statement: ast.stmt) -> str:
    """The text that a statement is; empty where it is something else."""
    match statement:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return inspect.cleandoc(text)
    return ""
