"""The vocabulary of the diagnosis."""

from dataclasses import replace

import pytest

from prober.judge.signals import (
    READINGS,
    accepts,
    asked_by,
    is_normal,
    issuer_role,
    mint,
    secrets,
    unsteady,
    verifier_role,
)
from prober.model.chain import Carrier, Shows
from prober.model.signal import Signal
from tests import builders as b

SUBPROTOCOL = b.websocket_step(carrier=Carrier.SUBPROTOCOL)
FROM_A_PAGE = b.websocket_step(headers={"Origin": "https://app.test"})
SECOND = replace(b.LOCAL, variant="second")

#: Each of their readings is found in healthy environments too.
DESCRIPTIVE = {"deploy", "uptime", "refusal", "pace", "rollout"}


@pytest.mark.parametrize(("name", "values"), READINGS.items(), ids=READINGS)
def test_the_first_reading_is_the_healthy_one(name, values):
    """Of each signal that accuses, exactly one value is normal; no value stands twice."""
    rest = [name in DESCRIPTIVE] * (len(values) - 1)

    assert [True, *rest] == [is_normal(Signal(name), value) for value in values]
    assert len(values) == len(set(values))


def test_secrets_are_one_signal_from_both_sides():
    """Whether auth equals backend does not depend on whom one asks first."""
    assert secrets("auth", "backend") == secrets("backend", "auth")


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [(b.LOCAL, "local"), (b.ROUTE, "auth"), (b.FORGED, "forged"), (b.NONE, "none"), (SECOND, "second")],
)
def test_what_the_diagnosis_calls_an_issuer(issuer, expected):
    """By who made the token, or by how it is bad; never by its configured name."""
    assert expected == issuer_role(issuer)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (b.http_step(), "backend"),
        (b.http_step(service=b.AUTH), "auth"),
        (b.stream_step(), "stream"),
        (b.validate_step(), "auth"),
        (b.credentials_step(), "auth_as_service"),
        (b.websocket_step(), "websocket"),
        (SUBPROTOCOL, "websocket_subprotocol"),
        (FROM_A_PAGE, "websocket_origin"),
    ],
)
def test_what_the_diagnosis_calls_a_verifier(step, expected):
    """By role and by kind of door; never by the service's configured name."""
    assert expected == verifier_role(step)


def test_what_comes_and_goes_is_marked_once():
    """Marking it twice changes nothing."""
    assert ("refused~", "refused~") == (unsteady("refused"), unsteady(unsteady("refused")))


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (b.http_step(token=SECOND), accepts("second", "backend")),
        (b.http_step(token=None, shows=Shows.BREAKER), Signal("breaker", ("backend",))),
        (b.http_step(token=b.FORGED, expect=b.REFUSED), None),
        (b.http_step(token=None), None),
        (b.mint_step(), mint()),
        (b.mint_step(expect=b.REFUSED), None),
    ],
)
def test_the_question_a_step_was_written_to_answer(step, expected):
    """Of a good token, whether it is accepted; of a mint, or a request that shows something, that; of others none."""
    assert expected == asked_by(step)
