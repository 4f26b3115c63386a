"""What a platform says of a service that it runs: which settings it is started with, never their values.

Rule 1: no value of a setting is ever in here, nor anything made of one that outlives the look it was made in.
Rule 2: what was not told is unknown, and not absent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class PlatformKind(StrEnum):
    """Whose API is asked."""

    CLOUD_RUN = "cloud_run"
    KUBERNETES = "kubernetes"


class Thing(StrEnum):
    """What a setting is for, whatever its name: the diagnosis reasons with things, never with names."""

    JWT_SECRET = "jwt_secret"
    SERVICE_ID = "service_id"
    SERVICE_SECRET = "service_secret"
    BYPASS_KEY = "bypass_key"


#: The names under which the services of the incident reports read each thing; the first that is set is the one in use.
USUAL_NAMES: Mapping[Thing, tuple[str, ...]] = {
    Thing.JWT_SECRET: ("JWT_SECRET_STAGING", "JWT_SECRET_KEY", "JWT_SECRET"),
    Thing.SERVICE_ID: ("SERVICE_ID",),
    Thing.SERVICE_SECRET: ("SERVICE_SECRET",),
    Thing.BYPASS_KEY: ("E2E_OAUTH_SIMULATION_KEY",),
}

#: What the service of a role cannot do without, and what it must not have: there it switches WebSocket auth off.
REQUIRED: Mapping[str, tuple[Thing, ...]] = {
    "auth": (Thing.JWT_SECRET, Thing.SERVICE_ID, Thing.SERVICE_SECRET, Thing.BYPASS_KEY),
    "backend": (Thing.JWT_SECRET, Thing.SERVICE_ID, Thing.SERVICE_SECRET),
}
FORBIDDEN: Mapping[str, tuple[Thing, ...]] = {"backend": (Thing.BYPASS_KEY,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Where one service's platform is asked about it, and what it should say."""

    kind: PlatformKind
    place: str  # projects/P/locations/L/services/S, or NAMESPACE/DEPLOYMENT/CONTAINER
    api: str  # without a trailing slash
    secrets_api: str = ""  # Cloud Run: where versions of secrets are asked about
    token_file: str = ""  # Kubernetes: read anew for each look, since it rotates
    ca_file: str | None = None
    asks_versions: bool = False  # whether the secrets' own metadata may be asked for
    names: Mapping[Thing, tuple[str, ...]] = field(default_factory=lambda: dict(USUAL_NAMES))
    required: tuple[Thing, ...] = ()
    forbidden: tuple[Thing, ...] = ()
    requires: tuple[str, ...] = ()  # further names
    forbids: tuple[str, ...] = ()
    port: int | None = None  # the port that the service listens at; None: nobody said

    @property
    def asked_names(self) -> frozenset[str]:
        """The only names that anything is kept of."""
        return frozenset((*(name for names in self.names.values() for name in names), *self.requires, *self.forbids))


class Source(StrEnum):
    """Where a setting's value comes from."""

    LITERAL = "literal"  # it stands in the description itself
    SECRET = "secret"
    OTHER = "other"  # a config map, a field of the pod, a mounted file


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One setting that is there."""

    name: str
    source: Source
    secret: str = ""  # which one, in full
    version: str = ""  # of that secret; empty: unknown
    alike: int | None = None  # literals: within one look those of equal value have the same number


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What one service runs with, as far as it was asked about."""

    service: str
    variables: tuple[Variable, ...] = ()
    unsure: tuple[str, ...] = ()  # names that may be there or not
    is_complete: bool = True  # False: there may be names that we cannot see
    port: int | None = None
    revisions: tuple[str, ...] = ()  # those that serve now

    def variable(self, names: tuple[str, ...]) -> Variable | None:
        """The first of `names` that is set."""
        known = {variable.name: variable for variable in self.variables}
        return next((known[name] for name in names if name in known), None)

    def lacks(self, name: str) -> bool:
        """Whether it is sure that nothing is set under `name`."""
        return self.is_complete and name not in self.unsure and self.variable((name,)) is None
