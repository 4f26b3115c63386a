"""What a chain is reckoned to ask of each host is what it asks of it."""

from collections import Counter

import pytest

from prober.app import Prober
from prober.gather.budget import asked
from prober.gather.wire.http import HttpWire
from prober.gather.wire.resolve import endpoint, place
from prober.gather.wire.websocket import WebSocketWire
from prober.model.chain import Trigger
from tests.stories.conftest import CONFIG

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_request_was_reckoned_with(real_world, monkeypatch):
    """Of a healthy chain: no more than its budget was asked for, and no less."""
    sent = Counter()
    send, opened = HttpWire.send, WebSocketWire.open

    def counted(of):
        def call(self, outgoing, *more):
            sent[place(*endpoint(outgoing.url))] += 1
            return of(self, outgoing, *more)

        return call

    monkeypatch.setattr(HttpWire, "send", counted(send))
    monkeypatch.setattr(WebSocketWire, "open", counted(opened))
    await real_world.change()
    prober = Prober(CONFIG, real_world.environment)
    chain = prober.plan.chains["validation"]
    try:
        await prober.turn(prober._errand(chain, Trigger.MANUAL))
    finally:
        await prober.aclose()
    reckoned = sum((asked(step) for step in chain.steps if not step.is_follow_up), Counter())

    assert sent == reckoned
