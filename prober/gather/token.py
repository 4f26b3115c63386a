"""Token: a minted token in our hand, beside the shape of it that may be shown.

It lives beside `tokens/` and not in it: `render.py` fills it into requests, and `tokens/route.py` renders requests.
"""

from dataclasses import dataclass

from prober.model.secret import Secret
from prober.model.token import TokenTraits


@dataclass(frozen=True, slots=True)
class Token:
    """The token itself, which cannot print itself, and its traits, which may be shown."""

    secret: Secret
    traits: TokenTraits
