import pytest
from starlette.requests import Request

from prober.publish.web import desk
from prober.publish.web.problems import Problem


def request(world, headers=()):
    """A request as the routes get it."""
    return Request({"type": "http", "app": world.app, "headers": list(headers)})


async def test_routes_are_handed_the_desk_of_their_app(world):
    """Two apps in one process do not share a desk."""
    assert await desk._desk(request(world)) is world.app.state.desk


async def test_the_door_stands_before_what_makes_us_act(world):
    """Without a token the dependency raises, before anything else of the route is looked at."""
    with pytest.raises(Problem, match="401"):
        await desk.past_the_door(request(world), world.app.state.desk)
