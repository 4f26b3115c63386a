"""dig: one JMESPath looked up in one JSON document that a stranger wrote."""

from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

#: It keeps nothing of what it looked up; jmespath itself makes one each time, which takes longer than looking.
_INTERPRETER = TreeInterpreter()


def dig(path: str, document: Any) -> Any:  # noqa: ANN401 - JSON may hold anything
    """What stands at `path`; None where nothing does, also when the document has another shape than `path` supposes."""
    try:
        return _INTERPRETER.visit(_parsed(path), document)
    except JMESPathError:
        return None


@lru_cache(4096)  # paths come from configs, and from nobody else
def _parsed(path: str) -> Any:  # noqa: ANN401 - jmespath's own
    return jmespath.compile(path).parsed
