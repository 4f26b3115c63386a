"""The HTTP probe: one request, one answer."""

from prober.gather.exchange import exchange
from prober.gather.kit import Glance, Kit
from prober.model.chain import HttpStep


async def look_http(step: HttpStep, kit: Kit) -> Glance:
    """What the request is answered; a token travels as a bearer unless the request says otherwise."""
    return await exchange(step, kit)
