from dataclasses import replace

import pytest
from starlette.requests import Request

from prober.model.caller import Admission, Scope
from prober.publish.web import desk
from prober.publish.web.problems import Problem
from tests.publish.web.conftest import CALLERS


def request(world, headers=()):
    """A request as the routes get it."""
    return Request({"type": "http", "app": world.app, "headers": list(headers)})


async def test_routes_are_handed_the_desk_of_their_app(world):
    """Two apps in one process do not share a desk."""
    assert await desk._desk(request(world)) is world.app.state.desk


async def test_the_door_stands_before_what_makes_us_act(world):
    """Without a token the dependency raises, before anything else of the route is looked at."""
    with pytest.raises(Problem, match="401"):
        await desk.may(Scope.RUN)(request(world), world.app.state.desk)


async def test_reading_asks_for_nothing(world):
    """Unless the config says otherwise."""
    await desk.may_read(request(world), world.app.state.desk)
    world.operator.plan = replace(world.operator.plan, admission=Admission(reads_are_open=False, callers=CALLERS))

    with pytest.raises(Problem, match="401"):
        await desk.may_read(request(world), world.app.state.desk)
