"""Steps know whether they are controls, and at which door they knock."""

import re
from pathlib import Path

import pytest

from prober.model.chain import Carrier, TcpStep, Trigger
from tests import builders as b


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (b.http_step(token=b.FORGED, expect=b.REFUSED), True),
        (b.http_step(), False),
        (b.health_step(), False),
    ],
)
def test_a_control_is_a_step_that_must_be_refused(step, expected):
    """Nothing else makes a step a control."""
    assert expected is step.is_control


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (b.http_step("good"), b.http_step("bad", token=b.FORGED, expect=b.REFUSED), True),
        (b.http_step(), b.http_step(request=b.request(path="/api/other")), False),
        (b.http_step(), b.http_step(request=b.request(method="POST")), False),
        (b.http_step(request=b.request(path="/x")), b.stream_step(request=b.request(path="/x")), False),
        (b.websocket_step(), b.websocket_step(carrier=Carrier.SUBPROTOCOL), True),
        (b.websocket_step(), b.websocket_step(path="/ws/other"), False),
        (b.validate_step(), b.credentials_step(), False),
        (TcpStep(name="a", service=b.AUTH), TcpStep(name="b", service=b.AUTH), True),
        (TcpStep(name="a", service=b.AUTH), TcpStep(name="b", service=b.BACKEND), False),
    ],
)
def test_steps_knock_at_the_same_door(one, other, same):
    """The same method and path of the same service, or the same socket, whichever way the token travels."""
    assert same is (one.door == other.door)


def test_a_step_is_found_by_its_name():
    """A name that the config would have refused is our own bug."""
    chain = b.chain(b.http_step("one"), b.http_step("two"))

    assert "two" == chain.step("two").name
    with pytest.raises(StopIteration):
        chain.step("three")


def test_what_can_start_a_run_is_documented():
    """Whoever filters metrics or reports by their trigger finds each value."""
    page = (Path(__file__).parents[2] / "docs/http.md").read_text()
    told = page.partition("## What started a run")[2].partition("\n## ")[0]

    assert {each.value for each in Trigger} == set(re.findall(r"^\| `(\w+)`", told, re.MULTILINE))
