"""What is the matter with the configured secrets, here and now: they cannot be had, or others may come by them."""

from collections.abc import Iterable, Mapping

from prober.gather.secrets import Exposure, Keyring, is_remote
from prober.model.chain import Plan
from prober.model.errors import SecretUnavailable


def unavailable_secrets(plan: Plan, environ: Mapping[str, str]) -> list[SecretUnavailable]:
    """The configured secrets that cannot be had here and now; of a manager nobody is asked."""
    here = [name for name, reference in plan.references.items() if not is_remote(reference)]
    return unavailable(Keyring(plan.references, environ), here)


def exposed_secrets(plan: Plan, environ: Mapping[str, str]) -> list[Exposure]:
    """The configured secrets that others on this machine may come by."""
    return Keyring(plan.references, environ).exposures()


def unavailable(keyring: Keyring, names: Iterable[str]) -> list[SecretUnavailable]:
    """Those of a keyring that cannot be had."""
    return [error for name in names if (error := why_unavailable(keyring, name))]


def why_unavailable(keyring: Keyring, name: str) -> SecretUnavailable | None:
    """Why one cannot be had; None: it can."""
    try:
        keyring.get(name)
    except SecretUnavailable as error:
        return error
    return None
