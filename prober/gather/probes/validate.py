"""The validation probe: somebody is asked whether a token is good; the token is the question, not the pass."""

from prober.gather.exchange import exchange
from prober.gather.kit import Glance, Kit
from prober.model.chain import CredentialsStep, ValidateStep


async def look_validate(step: ValidateStep | CredentialsStep, kit: Kit) -> Glance:
    """What the verifier says of the token, which travels where the request's `{token}` stands and nowhere else."""
    return await exchange(step, kit, bearer=False)
