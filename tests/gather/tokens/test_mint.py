"""What minting came to."""

import pytest

from prober.gather.tokens import Minted
from prober.model.observation import HttpSeen
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose

REFUSAL = HttpSeen(status=401, headers={}, body="", body_bytes=0)
DOWN = Trouble(TroubleKind.CONNECTION_REFUSED, Whose.TARGET, "connection refused by auth:80", Phase.CONNECT)
OURS = Trouble(TroubleKind.OWN_FAULT, Whose.PROBER, "no sockets left")


@pytest.mark.parametrize(
    ("minted", "expected"),
    [
        (Minted(), None),
        (Minted(trouble=OURS), OURS),
        (
            Minted(trouble=DOWN),
            Trouble(
                TroubleKind.NO_TOKEN,
                Whose.TARGET,
                "the issuer gave no token, no bytes were sent: connection refused by auth:80",
            ),
        ),
        (
            Minted(answer=REFUSAL),
            Trouble(
                TroubleKind.NO_TOKEN,
                Whose.TARGET,
                "the issuer gave no token, no bytes were sent: it answered HTTP 401 without one",
            ),
        ),
    ],
)
def test_a_step_without_its_token_knows_why(minted, expected):
    """A target's failure to mint is NO_TOKEN for the next step; trouble of ours stays ours."""
    assert minted.missing == expected
