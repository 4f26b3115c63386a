"""`env:NAME`: a secret from an environment variable, exactly as it stands there."""

from collections.abc import Mapping

from prober.gather.secret_source import Found, Unusable
from prober.model.copies import Fetched


def from_env(place: str, environ: Mapping[str, str]) -> Found:
    """The variable called `place`; nothing is stripped, the services may not strip it either."""
    if place not in environ:
        message = f"the environment variable {place} is not set"
        raise Unusable(message, Fetched.MISSING)
    return Found(value=environ[place])


def exposure_in_environment(place: str, environ: Mapping[str, str]) -> str:
    """What is to be said against keeping a secret there, whichever it is; empty: it is not there."""
    told = f"{place} stands in the environment, which child processes inherit and crash reports quote: use file:PATH"
    return told if place in environ else ""
