"""The stream probe: a request whose answer is a stream of events, read as far as the first."""

from prober.gather.exchange import exchange
from prober.gather.kit import Glance, Kit
from prober.model.chain import StreamStep


async def look_stream(step: StreamStep, kit: Kit) -> Glance:
    """What the request is answered, with the first event when one came."""
    return await exchange(step, kit, stream=True)
