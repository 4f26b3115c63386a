"""The table from issuers to ways of minting."""

from prober.gather.tokens import MINTS
from prober.model.chain import Issuer


def test_every_kind_of_issuer_can_mint():
    """An issuer that can be configured has its line in the table."""
    # By name: a dataclass with slots is made twice, and the first one lives on as a subclass.
    assert {kind.__name__ for kind in MINTS} == {kind.__name__ for kind in Issuer.__subclasses__()}
