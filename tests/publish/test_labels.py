import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.model.verdict import Reason
from prober.publish import labels
from tests import builders as b


@pytest.mark.parametrize(
    ("status", "expected"),
    [(403, "403"), (418, "4xx"), (599, "5xx"), (101, "1xx"), (None, "none"), (999, "none"), (0, "none")],
)
def test_a_status_becomes_a_label(status, expected):
    """Common statuses keep their number, others become their class, nonsense becomes none."""
    label = labels.http_code(status)

    assert label == expected


@given(st.one_of(st.none(), st.integers(-10, 100_000)))
def test_codes_stay_within_their_closed_sets(code):
    """Whatever a target sends, no new label value comes of it."""
    assert labels.http_code(code) in labels.HTTP_CODES
    assert labels.handshake_code(code) in labels.HANDSHAKE_CODES
    assert labels.close_code(code) in labels.CLOSE_CODES


@pytest.mark.parametrize(("code", "expected"), [(1008, "1008"), (4400, "other"), (4403, "4403"), (None, "none")])
def test_a_close_code_becomes_a_label(code, expected):
    """Named close codes keep their number, others are `other`, a socket that never closed is `none`."""
    label = labels.close_code(code)

    assert label == expected


@pytest.mark.parametrize(
    ("step", "status", "expected"),
    [
        (b.http_step(), 200, True),
        (b.http_step(), 403, False),
        (b.http_step(expect=b.REFUSED), 403, True),
        (b.http_step(expect=b.REFUSED), 200, False),
        (b.http_step(expect=b.Expectation(statuses=(404,))), 404, True),
        (b.http_step(expect=b.Expectation(statuses=(404,))), 200, False),
        (b.http_step(), None, False),
        (b.validate_step(expect=b.REFUSED), 200, True),
        (b.validate_step(expect=b.REFUSED), 401, True),
        (b.validate_step(expect=b.REFUSED), 500, False),
    ],
)
def test_a_status_is_expected_as_the_step_was_set_up(step, status, expected):
    """A 403 is expected of a control, a 200 of everyone else, unless the config names statuses."""
    found = labels.expects_status(step, status)

    assert found is expected


@pytest.mark.parametrize(
    ("step", "code", "expected"),
    [
        (b.websocket_step(), 1000, True),
        (b.websocket_step(), 1008, False),
        (b.websocket_step(expect=b.REFUSED), 1008, True),
        (b.websocket_step(expect=b.REFUSED), 1000, False),
        (b.websocket_step(), None, False),
    ],
)
def test_a_close_is_expected_as_the_step_was_set_up(step, code, expected):
    """1008 is expected of a control, 1000 of everyone else."""
    found = labels.expects_close(step, code)

    assert found is expected


@pytest.mark.parametrize(
    ("step", "status", "expected"),
    [
        (b.websocket_step(), 101, True),
        (b.websocket_step(), 403, False),
        (b.websocket_step(expect=b.REFUSED), 101, True),
        (b.websocket_step(expect=b.REFUSED), 403, True),
        (b.websocket_step(), None, False),
    ],
)
def test_a_handshake_is_expected_as_the_step_was_set_up(step, status, expected):
    """101 surprises no one, a refusal in the handshake is expected of a control only."""
    found = labels.expects_handshake(step, status)

    assert found is expected


@pytest.mark.parametrize(("code", "expected"), [(1008, True), (3000, True), (3003, True), (4401, True), (4499, True)])
def test_refusals_after_accept(code, expected):
    """1008, 3000, 3003 and 44xx say «not you»."""
    assert labels.refuses(code) is expected


@pytest.mark.parametrize("code", [1000, 1006, 1011, 4399, 4500, None])
def test_other_closes_refuse_nobody(code):
    """A crash, a cut or a normal closure is no refusal."""
    assert not labels.refuses(code)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("abc1234", "abc1234"), ("v1.2.3+g1a2b", "v1.2.3+g1a2b"), ('x"} 1', "other"), ("a" * 65, "other"), ("", "other")],
)
def test_a_revision_is_checked(text, expected):
    """The one label value a target chooses cannot break out of its quotes or grow without bound."""
    label = labels.revision(text)

    assert label == expected


def test_every_failure_reason_has_a_series():
    """The reasons of failures are those that are neither ok, nor moot, nor ours."""
    others = {"ok", "needs", "no_token", "unpaired", "unclear", "unavailable", "chain_deadline"}
    ours = {"own_secret", "own_fault", "own_pause", "own_cause", "maybe_own", "own_stall", "own_clock", "own_access"}

    assert {str(reason) for reason in Reason} - others - ours - {"own_selftest"} == {
        str(reason) for reason in labels.FAILURES
    }
