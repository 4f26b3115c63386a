"""What a platform's front end says in the place of a service, which has heard nothing, told from what services say.

Google's front end answers with a page of HTML, in its own name; an application of this kind answers in JSON. The same
status means another thing: «you may not call this service» is not «this token is not good».
"""

from collections.abc import Mapping
from enum import StrEnum

from prober.model.observation import HttpSeen, Seen, WebSocketSeen
from prober.model.trouble import Trouble


class Refusal(StrEnum):
    """Why a platform lets a request not through."""

    NO_RIGHT = "no_right"  # whoever asks, or nobody, may not invoke the service
    DISTRUSTED = "distrusted"  # the identity token is for another audience, out of date, or not Google's
    HIDDEN = "hidden"  # there is no such service, or not for those who come this way


_NAME = "google frontend"

#: Cloud Run's pages, by status and by what each says in any case («Troubleshoot Cloud Run issues»).
_PAGES: Mapping[int, tuple[str, Refusal]] = {
    403: ("your client does not have permission to get url", Refusal.NO_RIGHT),
    401: ("your client does not have permission to the requested url", Refusal.DISTRUSTED),
    404: ("the requested url was not found on this server", Refusal.HIDDEN),
}


def refusal(seen: Seen | Trouble | None) -> Refusal | None:
    """Why the platform did not let it through; None where the service itself, or anybody else, answered."""
    if not isinstance(seen, HttpSeen | WebSocketSeen) or seen.headers.get("server", "").lower() != _NAME:
        return None
    words, why = _PAGES.get(seen.status, ("", None))
    is_its_page = bool(words) and seen.body.lstrip().startswith("<") and words in seen.body.lower()
    return why if is_its_page else None
