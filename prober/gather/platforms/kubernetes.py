"""Kubernetes: what a Deployment's pods are started with (apps/v1), and how old their copy of a Secret may be.

A Secret has no versions that pods could name, and its GET would bring its values. So of a Secret only its metadata is
asked for (PartialObjectMetadata), and only where the config allows it: when its data was last written, held against
when the containers started. A container that started later has what is there now.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from prober.gather.platforms.asking import Asking, Unread, mapping, moment, number, objects, text
from prober.gather.platforms.literals import Literals
from prober.model.platform import Configuration, Platform, Source, Variable

_Document = Mapping[str, Any]

#: The object without what it holds (Kubernetes API concepts, «Metadata-only fetches»).
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_PARTIAL = "PartialObjectMetadata"

_REVISION = "deployment.kubernetes.io/revision"
_MOST_PODS = 50

#: Where managed fields list the keys of an object's data, by the kind of reference that leads there.
_HOLDERS: Mapping[str, tuple[str, Source]] = {
    "secretRef": ("secrets", Source.SECRET),
    "configMapRef": ("configmaps", Source.OTHER),
}


async def ask_kubernetes(service: str, platform: Platform, asking: Asking, literals: Literals) -> Configuration:
    """How `service` is configured; raises Unread."""
    namespace, deployment, *named = platform.place.split("/")
    told = await asking.get(f"{platform.api}/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}")
    pod = mapping(told, "spec", "template", "spec")
    container = _container(pod, named)
    if not container:
        message = "the deployment has no such container"
        raise Unread(message)
    revisions = _revisions(told)
    if len(revisions) > 1:  # the description is the newer one's
        return Configuration(service=service, is_complete=False, revisions=revisions)
    reader = _Reader(platform, literals, namespace, asking)
    read = await reader.configuration(service, pod, container)
    starts = await _starts(told, text(container, "name"), namespace, platform, asking) if read.variables else ()
    return replace(await reader.dated(read, starts), revisions=revisions)


def _container(pod: _Document, named: Sequence[str]) -> _Document:
    containers = objects(pod, "containers")
    fitting = [each for each in containers if not named or text(each, "name") == named[0]]
    return fitting[0] if fitting else {}


def _revisions(told: _Document) -> tuple[str, ...]:
    """The revision that runs, and `earlier` beside it while a rollout is under way."""
    status = mapping(told, "status")
    is_observed = number(status, "observedGeneration") == number(mapping(told, "metadata"), "generation")
    replicas, updated = number(status, "replicas") or 0, number(status, "updatedReplicas") or 0
    newest = text(mapping(told, "metadata", "annotations"), _REVISION) or "newest"
    return (newest,) if is_observed and updated >= replicas else (newest, "earlier")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one pod's description; values go no further."""

    platform: Platform
    literals: Literals
    namespace: str
    asking: Asking

    async def configuration(self, service: str, pod: _Document, container: _Document) -> Configuration:
        """What is there under the names that we ask about; what stands in `env` outranks what `envFrom` brings."""
        brought, is_complete = await self._brought(container)
        entries = [each for each in objects(container, "env") if text(each, "name") in self.platform.asked_names]
        own = {text(each, "name"): self._variable(each) for each in entries}
        found = {**{each.name: each for each in brought}, **own}
        return Configuration(
            service=service,
            variables=tuple(each for each in found.values() if each),
            unsure=tuple(name for each, name in zip(entries, own, strict=False) if _is_optional(each)),
            is_complete=is_complete and not any("secret" in volume for volume in objects(pod, "volumes")),
            port=next((number(each, "containerPort") for each in objects(container, "ports")), None),
        )

    def _variable(self, entry: _Document) -> Variable | None:
        """The setting, or None for one that is empty or may be missing."""
        name, source = text(entry, "name"), mapping(entry, "valueFrom")
        if _is_optional(entry):
            return None
        if reference := mapping(source, "secretKeyRef"):
            return self._secret(name, text(reference, "name"), text(reference, "key"))
        if source:
            return Variable(name=name, source=Source.OTHER)
        value = text(entry, "value")
        return Variable(name=name, source=Source.LITERAL, alike=self.literals.alike(value)) if value.strip() else None

    def _secret(self, name: str, secret: str, key: str) -> Variable:
        return Variable(name=name, source=Source.SECRET, secret=f"{self.namespace}/{secret}/{key}")

    async def _brought(self, container: _Document) -> tuple[list[Variable], bool]:
        """What `envFrom` brings, and whether all that it brings is known."""
        found, is_complete = list[Variable](), True
        for each in objects(container, "envFrom"):
            keys = await self._keys(each)
            is_complete = is_complete and keys is not None
            found += keys or []
        return found, is_complete

    async def _keys(self, entry: _Document) -> list[Variable] | None:
        """The settings that one entry of `envFrom` brings; None where that is not known."""
        for reference, (kind, source) in _HOLDERS.items():
            holder = text(mapping(entry, reference), "name")
            if holder and (told := await self._metadata(kind, holder)) is not None:
                names = {f"{text(entry, 'prefix')}{key}": key for key in _keys_of(told)}
                asked = [(name, key) for name, key in names.items() if name in self.platform.asked_names]
                if source is Source.SECRET:
                    return [self._secret(name, holder, key) for name, key in asked]
                return [Variable(name=name, source=source) for name, _ in asked]
        return None

    async def dated(self, read: Configuration, starts: Sequence[datetime]) -> Configuration:
        """With the version of each Secret that the containers of these `starts` have."""
        secrets = {each.secret.split("/")[1] for each in read.variables if each.secret}
        told = dict(
            zip(secrets, await asyncio.gather(*(self._metadata("secrets", each) for each in secrets)), strict=True)
        )
        variables = [
            replace(each, version=_version(told[each.secret.split("/")[1]], starts)) if each.secret else each
            for each in read.variables
        ]
        return replace(read, variables=tuple(variables))

    async def _metadata(self, kind: str, name: str) -> _Document | None:
        """What is said of an object without what it holds; None where that may not be asked."""
        if not self.platform.asks_versions:
            return None
        url = f"{self.platform.api}/api/v1/namespaces/{self.namespace}/{kind}/{quote(name, safe='')}"
        try:
            told = await self.asking.get(url, accept=_METADATA_ONLY)
        except Unread:
            return None
        return mapping(told, "metadata") if told.get("kind") == _PARTIAL else None


def _is_optional(entry: _Document) -> bool:
    references = ("secretKeyRef", "configMapKeyRef")
    return any(mapping(entry, "valueFrom", each).get("optional") is True for each in references)


def _keys_of(metadata: _Document) -> Iterator[str]:
    """The keys of an object's data, as its managed fields list them."""
    for entry in objects(metadata, "managedFields"):
        yield from (key.removeprefix("f:") for key in mapping(entry, "fieldsV1", "f:data") if key.startswith("f:"))


def _version(metadata: _Document | None, starts: Sequence[datetime]) -> str:
    """The version of a resource whose data all containers have; `before …` where all started before it was written."""
    told, written = metadata or {}, _written(metadata or {})
    version = text(told, "resourceVersion")
    if not (version and written and starts):
        return ""
    later = [start > written for start in starts]
    return version if all(later) else "" if any(later) else f"before {version}"


def _written(metadata: _Document) -> datetime | None:
    """When the data was last written: labels and annotations are managed by entries of their own."""
    entries = [entry for entry in objects(metadata, "managedFields") if mapping(entry, "fieldsV1", "f:data")]
    times = [moment(text(entry, "time")) for entry in entries] or [moment(text(metadata, "creationTimestamp"))]
    known = [each for each in times if each is not None]
    return max(known) if len(known) == len(times) else None


async def _starts(
    told: _Document, container: str, namespace: str, platform: Platform, asking: Asking
) -> tuple[datetime, ...]:
    """When the containers that run now were started; none where that is not known of all of them."""
    labels = mapping(told, "spec", "selector", "matchLabels")
    if not (platform.asks_versions and labels):
        return ()
    selector = quote(",".join(f"{name}={value}" for name, value in labels.items()), safe="")
    url = f"{platform.api}/api/v1/namespaces/{namespace}/pods?labelSelector={selector}&limit={_MOST_PODS}"
    try:
        pods = await asking.get(url)
    except Unread:
        return ()
    return () if text(mapping(pods, "metadata"), "continue") else _started(objects(pods, "items"), container)


def _started(pods: Iterable[_Document], container: str) -> tuple[datetime, ...]:
    living = [pod for pod in pods if not text(mapping(pod, "metadata"), "deletionTimestamp")]
    statuses = [each for pod in living for each in objects(mapping(pod, "status"), "containerStatuses")]
    running = [mapping(each, "state", "running") for each in statuses if text(each, "name") == container]
    times = [moment(text(each, "startedAt")) for each in running]
    return tuple(filter(None, times)) if all(times) else ()
