"""What is special about an outbox in memory; what all outboxes keep to is in test_outbox.py."""

from datetime import timedelta

from prober.publish.notify.outbox_memory import MemoryOutbox
from tests.publish.notify.webhook import NOON, letter


async def test_two_outboxes_have_nothing_in_common():
    """Another process knows of no letter; this is why there is one in a database."""
    one, other = MemoryOutbox(), MemoryOutbox()
    await one.put(letter())

    assert [] == list(await other.due(NOON, NOON + timedelta(minutes=1), 9))
