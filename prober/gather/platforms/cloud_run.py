"""Cloud Run: what the revisions that serve a service are started with (Cloud Run Admin API v2).

`version: latest` is resolved when an instance starts, and nobody tells when that was. It is a number only where the
newest version of the secret is older than the revision: then every instance has it. Else it is unknown.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from prober.gather.platforms.asking import Asking, Unread, mapping, moment, number, objects, text
from prober.gather.platforms.literals import Literals
from prober.model.platform import Configuration, Platform, Source, Variable

_Document = Mapping[str, Any]

_LATEST = "latest"
_BY_LATEST = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"

#: Where a container that names no port is sent its requests.
_USUAL_PORT = 8080

#: A service whose traffic is split in more parts is not looked at part by part.
_MOST_REVISIONS = 4


async def ask_cloud_run(service: str, platform: Platform, asking: Asking, literals: Literals) -> Configuration:
    """How `service` is configured; raises Unread."""
    told = await asking.get(f"{platform.api}/v2/{platform.place}")
    serving = _serving(told)
    specs = [await _spec(name, told, platform, asking) for name in serving[:_MOST_REVISIONS]]
    read = [_Reader(platform, literals).configuration(service, spec) for spec in specs]
    settled = [await _settled(each, spec, platform, asking) for each, spec in zip(read, specs, strict=True)]
    return replace(_common(settled), revisions=serving)


def _serving(told: _Document) -> tuple[str, ...]:
    """The short names of the revisions that get traffic."""
    latest = _short(text(told, "latestReadyRevision"))
    parts = [each for each in objects(told, "trafficStatuses") if number(each, "percent")]
    named = [latest if each.get("type") == _BY_LATEST else _short(text(each, "revision")) for each in parts]
    found = tuple(dict.fromkeys(filter(None, named or [latest])))
    if not found:
        message = "no revision of the service has ever been ready"
        raise Unread(message)
    return found


def _short(name: str) -> str:
    return name.rpartition("/")[2]


async def _spec(revision: str, told: _Document, platform: Platform, asking: Asking) -> _Document:
    """What a revision is started with; the service's own template says the same while it is the newest revision's."""
    try:
        return await asking.get(f"{platform.api}/v2/{platform.place}/revisions/{revision}")
    except Unread:
        if _short(text(told, "latestCreatedRevision")) != revision:
            raise
        return mapping(told, "template")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one revision; values go no further."""

    platform: Platform
    literals: Literals

    def configuration(self, service: str, spec: _Document) -> Configuration:
        """What is there under the names that we ask about."""
        container = _container(spec)
        entries = [each for each in objects(container, "env") if text(each, "name") in self.platform.asked_names]
        return Configuration(
            service=service,
            variables=tuple(variable for each in entries if (variable := self._variable(each))),
            is_complete=not any("secret" in volume for volume in objects(spec, "volumes")),
            port=next((number(each, "containerPort") for each in objects(container, "ports")), _USUAL_PORT),
        )

    def _variable(self, entry: _Document) -> Variable | None:
        """The setting, or None for one that is empty."""
        name, reference = text(entry, "name"), mapping(entry, "valueSource", "secretKeyRef")
        if reference:
            secret, version = self._full(text(reference, "secret")), text(reference, "version") or _LATEST
            return Variable(name=name, source=Source.SECRET, secret=secret, version=version)
        value = text(entry, "value")
        return Variable(name=name, source=Source.LITERAL, alike=self.literals.alike(value)) if value.strip() else None

    def _full(self, secret: str) -> str:
        """A secret without a project is one of the service's own."""
        project = "/".join(self.platform.place.split("/")[:2])
        return secret if "/" in secret else f"{project}/secrets/{secret}"


def _container(spec: _Document) -> _Document:
    """The one that requests are sent to: beside sidecars it is the one with a port."""
    containers = objects(spec, "containers")
    return next((each for each in containers if objects(each, "ports")), containers[0] if containers else {})


async def _settled(read: Configuration, spec: _Document, platform: Platform, asking: Asking) -> Configuration:
    variables = [await _with_number(each, spec, platform, asking) for each in read.variables]
    return replace(read, variables=tuple(variables))


async def _with_number(variable: Variable, spec: _Document, platform: Platform, asking: Asking) -> Variable:
    """Its version by number; empty where nobody can say, as with `latest` or an alias."""
    if variable.source is not Source.SECRET or variable.version.isdecimal():
        return variable
    is_latest = variable.version == _LATEST and platform.asks_versions
    return replace(variable, version=await _newest(variable.secret, spec, platform, asking) if is_latest else "")


async def _newest(secret: str, spec: _Document, platform: Platform, asking: Asking) -> str:
    """The newest version of a secret, if it is older than the revision; its metadata alone is asked for."""
    try:
        told = await asking.get(f"{platform.secrets_api}/v1/{secret}/versions/{_LATEST}")
    except Unread:
        return ""
    made, began = moment(text(told, "createTime")), moment(text(spec, "createTime"))
    return _short(text(told, "name")) if made and began and made < began else ""


def _common(read: Sequence[Configuration]) -> Configuration:
    """What all of them have; where they differ nobody knows which of them answers next."""
    first, *others = read
    same = tuple(each for each in first.variables if all(each in other.variables for other in others))
    known = {each.name for each in same}
    return replace(
        first,
        variables=same,
        unsure=tuple(dict.fromkeys(name for name in _names(read) if name not in known)),
        is_complete=all(each.is_complete for each in read),
        port=first.port if all(each.port == first.port for each in others) else None,
    )


def _names(read: Sequence[Configuration]) -> Iterator[str]:
    return (variable.name for each in read for variable in each.variables)
