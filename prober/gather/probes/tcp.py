"""The TCP probe: somebody listens."""

from prober.gather.kit import Glance, Kit
from prober.gather.trouble import translate
from prober.gather.wire.dial import connect
from prober.gather.wire.resolve import endpoint, place, resolve
from prober.model.chain import TcpStep
from prober.model.errors import ProberError
from prober.model.observation import TcpSeen


async def look_tcp(step: TcpStep, kit: Kit) -> Glance:
    """The address that accepted a connection, which is closed at once."""
    host, port = endpoint(step.service.url)
    try:
        async with kit.switch.passing(place(host, port)):
            sock, address = await connect(await resolve(host, port, kit.watch, kit.reach), port, kit.watch)
    except (OSError, UnicodeError, ProberError) as error:
        return Glance(translate(error, kit.watch.current, kit.keyring.redactor(), place(host, port)))
    sock.close()
    return Glance(TcpSeen(address=place(address, port)))
