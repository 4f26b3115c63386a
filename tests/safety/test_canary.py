"""No secret leaves: after a few faults, in every sink; and in each sink a leak would be found."""

import base64
import hashlib
import json
from urllib.parse import quote

import pytest

from tests.gather.peers import SECRET
from tests.safety.canary import Tally, among_parrots, in_the_lab, planted_leaks
from tests.safety.home import FEW_STEPS
from tests.safety.needles import Needles, searched
from tests.safety.parrot import MANNERS

#: Those of which each says back what it heard in a way of its own.
_SOME = ("forbids and tells all", "tells in headers", "tells the first twenty letters", "tells of others in base64")


@pytest.mark.timeout(300)
async def test_no_secret_leaves(tmp_path):
    """Services that say back all they are sent; commands, pages, files, and what others are sent."""
    tally, manners = Tally(), [each for each in MANNERS if each.name in _SOME]
    few = {0: ("once",)}
    await among_parrots(tmp_path, manners, tally, commands=lambda number: few.get(number, ()), chains=FEW_STEPS)

    assert [] == tally.hits
    assert (len(_SOME), 30) == (len(tally.faults), len(tally.sinks))


@pytest.mark.timeout(300)
async def test_no_secret_leaves_the_lab(tmp_path):
    """Nor where services show a hash of theirs, as in the reports."""
    tally = Tally()
    await in_the_lab(tmp_path, ["reported_jwt_secret_drift"], tally, commands=lambda _: ())

    assert [] == tally.hits


@pytest.mark.timeout(300)
async def test_a_leak_is_found_in_every_sink(tmp_path):
    """One is planted in each; a search that misses it would prove nothing."""
    found, sinks = await planted_leaks(tmp_path)

    assert set() == sinks - found
    assert 40 <= len(sinks)


@pytest.mark.parametrize("before", range(6))
def test_each_form_is_found(before):
    """Each run of twelve letters and each encoding, wherever it stands and whatever the case of its letters."""
    needles, value = Needles({"jwt": SECRET}), SECRET.encode()
    texts = [value[at : at + 12] for at in range(len(value) - 11)]
    texts += [value.hex().encode(), base64.b64encode(value), hashlib.sha256(value).hexdigest().encode()]
    texts += [base64.b64encode(b"user:" + value + b"!"), json.dumps(SECRET).encode(), quote(SECRET).encode()]

    for text in texts:
        said = b"." * before + text.upper() + b"..."
        assert [("jwt", "a")] == [(hit.secret, hit.sink) for hit in searched(needles, {"a": said, "b": text[:11]})], (
            text
        )
