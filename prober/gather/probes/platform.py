"""The platform probe: how services are configured, as the platforms say that run them; never a value.

Rule 1: who cannot be asked is unknown. Rule 2: nothing of an answer but what is parsed out of it leaves this look.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from prober.gather.clock import PhaseWatch
from prober.gather.kit import Glance, Kit
from prober.gather.platforms.asking import Asking, Unread
from prober.gather.platforms.cloud_run import ask_cloud_run
from prober.gather.platforms.kubernetes import ask_kubernetes
from prober.gather.platforms.literals import Literals
from prober.model.chain import PlatformStep, Service
from prober.model.observation import PlatformSeen
from prober.model.platform import Configuration, Platform, PlatformKind
from prober.model.secret import Secret
from prober.model.trouble import Trouble, TroubleKind, Whose

_WAITING_SHARE = 0.8  # of the step's deadline: one silent platform must not hide what the other told

#: A new platform is one file and one line here.
_ASK: Mapping[PlatformKind, Callable[[str, Platform, Asking, Literals], Awaitable[Configuration]]] = {
    PlatformKind.CLOUD_RUN: ask_cloud_run,
    PlatformKind.KUBERNETES: ask_kubernetes,
}

_UNKNOWN_TOKEN = 401


async def look_platform(step: PlatformStep, kit: Kit) -> Glance:
    """How each service is configured; Trouble of our own where nobody could be asked."""
    literals = Literals()
    told = await asyncio.gather(*(_asked(service, step, kit, literals) for service in step.services))
    unread = {service.name: each for service, each in zip(step.services, told, strict=True) if isinstance(each, str)}
    if len(unread) == len(told):
        why = "; ".join(f"{name}: {each}" for name, each in unread.items())
        return Glance(Trouble(TroubleKind.OWN_FAULT, Whose.PROBER, f"no configuration could be read: {why}"))
    return Glance(PlatformSeen(configurations=tuple(e for e in told if not isinstance(e, str)), unread=unread))


async def _asked(service: Service, step: PlatformStep, kit: Kit, literals: Literals) -> Configuration | str:
    """The configuration, or why there is none; phases are its own, since several are asked at once."""
    platform = service.platform
    if platform is None:
        return "no platform is named"
    try:
        async with asyncio.timeout(step.deadline_seconds * _WAITING_SHARE):
            return await _ask(service, platform, kit, literals)
    except TimeoutError:
        return "the platform did not answer in time"
    except Unread as error:
        if error.status == _UNKNOWN_TOKEN:
            kit.credentials.forget()
        return str(error)


async def _ask(service: Service, platform: Platform, kit: Kit, literals: Literals) -> Configuration:
    asking = Asking(kit.http, PhaseWatch(kit.clock), await _bearer(platform, kit), platform.ca_file)
    return await _ASK[platform.kind](service.name, platform, asking, literals)


async def _bearer(platform: Platform, kit: Kit) -> Secret:
    if platform.kind is PlatformKind.KUBERNETES:
        return kit.credentials.mounted(platform.token_file)
    return await kit.credentials.borrowed()
