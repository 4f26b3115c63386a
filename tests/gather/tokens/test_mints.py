"""The table from issuers to ways of minting."""

from prober.gather.tokens import MINTS
from prober.model.chain import Issuer
from tests.gather.peers import LOCAL, kit


def test_every_kind_of_issuer_can_mint():
    """An issuer that can be configured has its line in the table."""
    # By name: a dataclass with slots is made twice, and the first one lives on as a subclass.
    assert {kind.__name__ for kind in MINTS} == {kind.__name__ for kind in Issuer.__subclasses__()}


async def test_what_was_minted_is_blotted_out_of_all_that_comes_later():
    """By its signature, which alone makes it good."""
    async with kit() as here:
        minted = await here.mints.mint(LOCAL, here.watch, "run-1")
        signature = minted.token.secret.reveal().rpartition(".")[2]

        assert "[token]" == here.keyring.redactor()(signature)
