"""What every source is."""

import inspect

import pytest

from prober.gather.secret_source import SecretSource, Unusable, translated
from prober.gather.secrets import sources
from prober.model.copies import Fetched


def test_every_source_is_called_alike():
    """A source takes a place and an environment, as the protocol says."""
    wanted = list(inspect.signature(SecretSource.__call__).parameters)[1:]

    assert dict.fromkeys(sources(), wanted) == {
        scheme: list(inspect.signature(source).parameters) for scheme, source in sources().items()
    }


def _raise(error):
    raise error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionResetError("a secret"), (Fetched.AWAY, "it is away")),  # by its parent
        (KeyError("a secret"), (Fetched.UNUSABLE, "it is odd")),
        (Unusable("as it says", Fetched.MISSING), (Fetched.MISSING, "as it says")),
    ],
)
def test_what_a_library_raises_is_told_in_our_words(error, told):
    """By name or that of a parent; what the library says may quote what it sent, and is not kept either."""
    table = {"ConnectionError": (Fetched.AWAY, "it is away")}
    with pytest.raises(Unusable) as raised:
        translated(lambda: _raise(error), table, (Fetched.UNUSABLE, "it is odd"))

    assert told == (raised.value.outcome, str(raised.value))
    assert raised.value.__cause__ is None
