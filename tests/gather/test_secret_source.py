"""What every source is."""

import inspect

from prober.gather.secret_source import SecretSource
from prober.gather.secrets import SOURCES


def test_every_source_is_called_alike():
    """A source takes a place and an environment, as the protocol says."""
    wanted = list(inspect.signature(SecretSource.__call__).parameters)[1:]

    assert {scheme: list(inspect.signature(source).parameters) for scheme, source in SOURCES.items()} == dict.fromkeys(
        SOURCES, wanted
    )
