"""A pause as other programs read it."""

from prober.model.pause import Pause, Stopped
from prober.publish.document import Document, moment


def pause_document(pause: Pause) -> Document:
    """Who has stopped what, since when, until when, and why."""
    return {
        "service": pause.service,
        "since": moment(pause.since),
        "until": moment(pause.until) if pause.until else None,
        "by": pause.by,
        "reason": pause.reason,
    }


def stopped_document(stopped: Stopped) -> Document:
    """All pauses, and the services and chains that stand still for them: those at the same host and port too."""
    return {
        "pauses": [pause_document(each) for each in stopped.pauses],
        "services": sorted(stopped.services),
        "chains": sorted(stopped.chains),
    }
