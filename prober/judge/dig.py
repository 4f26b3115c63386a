"""dig: one JMESPath looked up in one JSON document that a stranger wrote."""

from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError


def dig(path: str, document: Any) -> Any:  # noqa: ANN401 - JSON may hold anything
    """What stands at `path`; None where nothing does, also when the document has another shape than `path` supposes."""
    try:
        return jmespath.search(path, document)
    except JMESPathError:
        return None
