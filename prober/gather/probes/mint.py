"""The mint probe: an issuer makes a token, and nobody is shown it."""

from prober.gather.kit import Glance, Kit
from prober.gather.tokens import Minted
from prober.model.chain import MintStep
from prober.model.observation import Seen, TokenSeen
from prober.model.trouble import Trouble, TroubleKind, Whose

_NOTHING_TO_MINT = Trouble(TroubleKind.NO_TOKEN, Whose.PROBER, "the step names no issuer that makes a token")


async def look_mint(step: MintStep, kit: Kit) -> Glance:
    """The token's shape; when a route refused, its answer; when it could not be asked, what kept us."""
    minted = await kit.mints.mint(step.token, kit.watch, kit.run_id, step.name) if step.token else Minted()
    return Glance(_seen(minted), minted.token.traits if minted.token else None)


def _seen(minted: Minted) -> Seen | Trouble:
    if minted.token is not None:
        return TokenSeen(traits=minted.token.traits, answer=minted.answer)
    return minted.trouble or minted.answer or _NOTHING_TO_MINT
