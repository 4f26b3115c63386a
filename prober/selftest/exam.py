"""Exam: services of every temper, looked at by the wheel that turns for targets, and what it got wrong of them."""

import asyncio
from secrets import token_urlsafe
from uuid import uuid4

from prober.cycle import cycle
from prober.gather.clock import SystemClock
from prober.gather.runner import Errand, Gatherer
from prober.gather.secrets import Keyring
from prober.gather.stalls import Stalls
from prober.judge.selftest import complaints
from prober.model.chain import (
    Chain,
    Expectation,
    ExpiredIssuer,
    ForgedIssuer,
    HttpStep,
    Identity,
    Issuer,
    LocalIssuer,
    MintStep,
    NoToken,
    Request,
    Role,
    RouteIssuer,
    Service,
    Step,
    Trigger,
    Want,
    WebSocketStep,
)
from prober.model.report import Report
from prober.model.selftest import SelfTest, Temper
from prober.model.trend import Past
from prober.selftest.peers import Peer, serving

#: Everything is on loopback and takes milliseconds; a busy machine gets a hundred times that.
_STEP_SECONDS = 2.0
_CHAIN_SECONDS = 4.0
_EXAM_SECONDS = 10.0

#: Our own standing still, or a machine without breath, must not void the verdicts of the next ten minutes.
_ATTEMPTS = 3

_USER = Identity(name="selftest", subject="prober-selftest", email="selftest@prober.invalid")
_OURS = LocalIssuer(name="ours", identity=_USER, secret="selftest")  # noqa: S106 - the name of one
_REFUSED = Expectation(want=Want.REFUSED)


class _Nobody:
    """Remembers nothing and is told nothing: a self-test is news of us alone."""

    async def recent(self, chain: str) -> Past:  # noqa: ARG002 - the protocol's
        """Nothing."""
        return Past()

    def heed(self, report: Report) -> Report:
        """Nobody need be told."""
        return report

    async def write(self, report: Report) -> None:
        """Forget it."""


async def examine(stalls: Stalls | None = None) -> SelfTest:
    """Put our judgement to the test; takes three attempts before it says that it fails. Never raises."""
    clock = SystemClock()
    began = clock.seconds()
    try:
        async with asyncio.timeout(_EXAM_SECONDS):
            wrong = await _attempts(stalls)
    except TimeoutError:
        wrong = (f"the self-test did not end within {_EXAM_SECONDS:g} s",)
    return SelfTest(at=clock.now(), seconds=clock.seconds() - began, complaints=wrong)


async def _attempts(stalls: Stalls | None) -> tuple[str, ...]:
    wrong: tuple[str, ...] = ()
    for _ in range(_ATTEMPTS):
        wrong = await _attempt(stalls)
        if not wrong:
            break
    return wrong


async def _attempt(stalls: Stalls | None) -> tuple[str, ...]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_found(temper, stalls), name=f"selftest:{temper}") for temper in Temper]
    except ExceptionGroup as broken:  # whatever broke, our verdicts would break by it too
        kinds = sorted({type(error).__name__ for error in broken.exceptions})
        return (f"the self-test broke: {', '.join(kinds)}",)
    return tuple(complaint for task in tasks for complaint in task.result())


async def _found(temper: Temper, stalls: Stalls | None) -> list[str]:
    """What is wrong with what we find of services of this temper."""
    key = token_urlsafe(32)
    gatherer = Gatherer(keyring=Keyring({"selftest": "env:KEY"}, {"KEY": key}), clock=SystemClock(), stalls=stalls)
    try:
        async with serving(Peer(temper, key, _USER.subject)) as port:
            errand = Errand(run_id=uuid4().hex, chain=chain(port), trigger=Trigger.MANUAL)
            nobody = _Nobody()
            report = await cycle(errand, gatherer, nobody, (), nobody, nobody)
    finally:
        await gatherer.aclose()
    return list(complaints(temper, report))


def chain(port: int) -> Chain:
    """The looks that are taken; what each must come to is in prober/judge/selftest.py."""
    where = f"127.0.0.1:{port}"
    service = Service(name="selftest", role=Role.OTHER, url=f"http://{where}", websocket_url=f"ws://{where}")
    minted = RouteIssuer(name="minted", identity=_USER, request=Request(service=service, method="GET", path="/mint"))
    forged = ForgedIssuer(name="forged", identity=_USER, like=_OURS)
    expired = ExpiredIssuer(name="expired", identity=_USER, like=_OURS)
    return Chain(
        name="selftest",
        deadline_seconds=_CHAIN_SECONDS,
        steps=(
            MintStep(name="mint", service=service, token=minted, deadline_seconds=_STEP_SECONDS),
            _messages(service, "minted-token", minted, needs=("mint",)),
            _messages(service, "our-token", _OURS),
            _socket(service, "our-token-on-a-socket", _OURS),
            _messages(service, "no-token", NoToken(name="none", identity=_USER)),
            _messages(service, "forged-token", forged),
            _messages(service, "expired-token", expired),
            _socket(service, "forged-token-on-a-socket", forged),
        ),
    )


def _messages(service: Service, name: str, token: Issuer, needs: tuple[str, ...] = ()) -> Step:
    headers = {} if isinstance(token, NoToken) else {"Authorization": "Bearer {token}"}
    return HttpStep(
        name=name,
        service=service,
        request=Request(service=service, method="GET", path="/messages", headers=headers),
        token=token,
        needs=needs,
        expect=Expectation() if token.good else _REFUSED,
        deadline_seconds=_STEP_SECONDS,
    )


def _socket(service: Service, name: str, token: Issuer) -> Step:
    return WebSocketStep(
        name=name,
        service=service,
        path="/socket",
        token=token,
        expect=Expectation() if token.good else _REFUSED,
        deadline_seconds=_STEP_SECONDS,
        grace_seconds=0.02,
    )
