"""Take one look: the table from kinds of step to probes; the step's deadline; every failure turned into Trouble."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from prober.gather.clock import apart
from prober.gather.kit import Glance, Kit
from prober.gather.probes.http import look_http
from prober.gather.probes.mint import look_mint
from prober.gather.probes.platform import look_platform
from prober.gather.probes.secret_match import look_secret_match
from prober.gather.probes.stream import look_stream
from prober.gather.probes.tcp import look_tcp
from prober.gather.probes.tls import look_tls
from prober.gather.probes.validate import look_validate
from prober.gather.probes.websocket import look_websocket
from prober.gather.sent import sent
from prober.model.chain import (
    CredentialsStep,
    HttpStep,
    MintStep,
    PlatformStep,
    SecretMatchStep,
    Step,
    StreamStep,
    TcpStep,
    TlsStep,
    ValidateStep,
    WebSocketStep,
)
from prober.model.errors import HeldBack, IdentityUnavailable, SecretUnavailable
from prober.model.observation import Observation
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose

Look = Callable[[Any, Kit], Awaitable[Glance]]

#: A new probe is one file and one line here.
PROBES: Mapping[type[Step], Look] = {
    HttpStep: look_http,
    StreamStep: look_stream,
    MintStep: look_mint,
    ValidateStep: look_validate,
    CredentialsStep: look_validate,
    WebSocketStep: look_websocket,
    SecretMatchStep: look_secret_match,
    TcpStep: look_tcp,
    TlsStep: look_tls,
    PlatformStep: look_platform,
}


async def look(step: Step, kit: Kit) -> Observation:
    """Look as `step` says, for at most its deadline; never raises but for cancellation from outside."""
    began, started, moment = kit.clock.now(), kit.clock.seconds(), kit.stalls.now()
    glance = await _glance(step, kit)
    return Observation(
        seen=glance.seen,
        began=began,
        duration_seconds=kit.clock.seconds() - started,
        phases=dict(kit.watch.durations),
        token=glance.token,
        sent=sent(step, kit),
        stalled_seconds=kit.stalls.since(moment),
        clock_set_seconds=0.0 if kit.apart_seconds is None else apart(kit.clock) - kit.apart_seconds,
    )


async def _glance(step: Step, kit: Kit) -> Glance:
    try:
        async with asyncio.timeout(step.deadline_seconds):
            return await PROBES[type(step)](step, kit)
    except TimeoutError:
        return Glance(_late(step.deadline_seconds, kit.watch.current))
    except SecretUnavailable as error:
        return Glance(Trouble(TroubleKind.OWN_SECRET, Whose.PROBER, str(error)))
    except IdentityUnavailable as error:
        return Glance(Trouble(TroubleKind.OWN_FAULT, Whose.PROBER, str(error)))
    except HeldBack as error:
        return Glance(Trouble(TroubleKind.OWN_PAUSE, Whose.PROBER, str(error), kit.watch.current))
    except Exception as error:  # noqa: BLE001 - a bug of ours must not be booked on the target, nor stop the others
        detail = f"{type(error).__name__} in the {step.kind} probe"
        return Glance(Trouble(TroubleKind.OWN_FAULT, Whose.PROBER, detail, kit.watch.current))


def _late(deadline_seconds: float, phase: Phase | None) -> Trouble:
    """The target came to no end; but until its name is looked up it has not been asked, and who looks up is ours."""
    if phase is Phase.RESOLVE:
        detail = f"our resolver had no answer within {deadline_seconds:g} s"
        return Trouble(TroubleKind.DNS, Whose.PROBER, detail, phase)
    detail = f"no end within {deadline_seconds:g} s" + (f", in phase {phase}" if phase else "")
    return Trouble(TroubleKind.TIMEOUT, Whose.TARGET, detail, phase)
