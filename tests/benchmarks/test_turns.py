"""The benchmark of turns sees turns: all of them pass, against a target that refuses what it should."""

import httpx
import jwt

from tests.benchmarks import turns
from tests.benchmarks.target import HOST, targets


async def test_all_turns_pass_and_are_written_down():
    """A chain that fails would be another, cheaper or dearer, one."""
    found = await turns.measure(8, at_once=4, chains=2)

    assert (8, 8) == (found.turns, found.passed)
    assert 0 < found.microseconds


async def test_the_target_can_tell_tokens_apart():
    """A benchmark whose target lets everybody in measures something else."""
    good = {"sub": "a", "iat": 0, "exp": 2**40}
    async with targets(turns.KEY) as port, httpx.AsyncClient(base_url=f"http://{HOST}:{port}") as client:
        answers = [
            (await client.get("/api/chat/messages", headers={"Authorization": f"Bearer {token}"})).status_code
            for token in (
                jwt.encode(good, turns.KEY, "HS256"),
                jwt.encode(good, turns.KEY[::-1], "HS256"),
                jwt.encode({**good, "exp": 1}, turns.KEY, "HS256"),
            )
        ]

    assert [200, 401, 401] == answers
