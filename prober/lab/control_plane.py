"""The API of the platform that the lab runs on: it tells how the processes were started, to whoever has the rights.

Cloud Run Admin API v2, Secret Manager v1 and the metadata server; or Kubernetes (apps/v1, v1). It answers as they do:
a Secret comes with its data unless only its metadata is asked for, and literal values stand in the descriptions.
"""

import base64
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from prober.lab import process
from prober.lab.service import Service, bearer
from prober.lab.settings import CLOUD_RUN_PLACE, NAMESPACE, PROJECT, REGION, PlatformSettings

TOKEN_SECONDS = 3599
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

Document = dict[str, Any]
Container = Mapping[str, Any]


class Denied(Exception):
    """This request is not answered; how it is said depends on the API."""

    def __init__(self, status: int) -> None:
        """With which status."""
        super().__init__(status)
        self.status = status


class ControlPlane(Service[PlatformSettings]):
    """The routes of both APIs."""

    name = "platform"

    async def lend(self, request: Request) -> Response:
        """An access token for whoever is on this machine and says so."""
        if request.headers.get("metadata-flavor") != "Google":
            return Response("Missing required header: Metadata-Flavor", 403)
        told = {"access_token": self.settings.token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}
        return JSONResponse(told, headers={"metadata-flavor": "Google"})

    # Cloud Run

    async def get_service(self, request: Request) -> Response:
        """`run.services.get`."""
        self._admit(request, "run.services.get")
        return JSONResponse(_service(request.path_params["service"], self._container(request)))

    async def get_revision(self, request: Request) -> Response:
        """`run.revisions.get`."""
        self._admit(request, "run.revisions.get")
        service, revision = request.path_params["service"], request.path_params["revision"]
        container = self._container(request)
        found = [each for each in container["processes"] if each["revision"] == revision]
        if not found:
            raise Denied(404)
        return JSONResponse(_revision(service, container, found[0]))

    async def get_version(self, request: Request) -> Response:
        """`secretmanager.versions.get`: of the newest version, without what it holds."""
        self._admit(request, "secretmanager.versions.get")
        secret = self._secret(request)
        name = f"projects/{PROJECT}/secrets/{request.path_params['secret']}/versions/{secret['version']}"
        return JSONResponse({"name": name, "createTime": secret["written"], "state": "ENABLED"})

    # Kubernetes

    async def get_deployment(self, request: Request) -> Response:
        """`get` of `deployments`."""
        self._admit(request, "deployments")
        return JSONResponse(_deployment(request.path_params["service"], self._container(request)))

    async def get_pods(self, request: Request) -> Response:
        """`list` of `pods`, by a label."""
        self._admit(request, "pods")
        service = request.query_params.get("labelSelector", "").removeprefix("app=")
        container = self.settings.containers.get(service, {"processes": []})
        items = [_pod(service, container, each) for each in container["processes"]]
        return JSONResponse({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})

    async def get_secret(self, request: Request) -> Response:
        """`get` of `secrets`: all of it, or its metadata alone where that is asked for."""
        self._admit(request, "secrets")
        name, secret = request.path_params["secret"], self._secret(request)
        metadata = _metadata(name, secret)
        if request.headers.get("accept") == PARTIAL:
            kind = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
            return JSONResponse({**kind, "metadata": metadata})
        data = {"value": base64.b64encode(secret["value"].encode()).decode()}
        return JSONResponse({"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": data})

    # Who may ask

    def _admit(self, request: Request, right: str) -> None:
        shown = bearer(request.headers.get("authorization")) or ""
        if not hmac.compare_digest(shown.encode(), self.settings.token.encode()):
            raise Denied(401)
        if right not in self.settings.rights:
            raise Denied(403)

    def _container(self, request: Request) -> Container:
        found: Container | None = self.settings.containers.get(request.path_params["service"])
        if found is None:
            raise Denied(404)
        return found

    def _secret(self, request: Request) -> Mapping[str, Any]:
        found: Mapping[str, Any] | None = self.settings.secrets.get(request.path_params["secret"])
        if found is None:
            raise Denied(404)
        return found


# ── as Cloud Run writes it ───────────────────────────────────────────────────────────────────────────────────────────


def _service(service: str, container: Container) -> Document:
    name = CLOUD_RUN_PLACE.format(service=service)
    revisions = [each["revision"] for each in container["processes"]]
    newest = f"{name}/revisions/{revisions[-1]}"
    by_latest = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    by_name = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    split = [{"type": by_name, "revision": each, "percent": 100 // len(revisions)} for each in revisions]
    traffic = split if len(revisions) > 1 else [{"type": by_latest, "percent": 100}]
    return {
        "name": name,
        "generation": "7",
        "observedGeneration": "7",
        "template": _template(container, container["processes"][-1]),
        "traffic": traffic,
        "trafficStatuses": traffic,
        "latestReadyRevision": newest,
        "latestCreatedRevision": newest,
    }


def _revision(service: str, container: Container, process_: Mapping[str, Any]) -> Document:
    name = f"{CLOUD_RUN_PLACE.format(service=service)}/revisions/{process_['revision']}"
    return {"name": name, "createTime": process_["started"], **_template(container, process_)}


def _template(container: Container, process_: Mapping[str, Any]) -> Document:
    env = [
        {"name": each["name"], "valueSource": {"secretKeyRef": {"secret": each["secret"], "version": each["version"]}}}
        if "secret" in each
        else each
        for each in process_["env"]
    ]
    ports = [{"name": "http1", "containerPort": container["port"]}]
    return {"containers": [{"image": "lab", "env": env, "ports": ports}], "timeout": "300s"}


def _google_error(status: int) -> Document:
    words = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
    return {"error": {"code": status, "message": "The caller may not.", "status": words[status]}}


# ── as Kubernetes writes it ──────────────────────────────────────────────────────────────────────────────────────────


def _deployment(service: str, container: Container) -> Document:
    processes = container["processes"]
    return {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": service,
            "namespace": NAMESPACE,
            "generation": 7,
            "annotations": {"deployment.kubernetes.io/revision": processes[-1]["revision"]},
        },
        "spec": {
            "replicas": len(processes),
            "selector": {"matchLabels": {"app": service}},
            "template": {
                "metadata": {"labels": {"app": service}},
                "spec": _pod_spec(service, container, processes[-1]),
            },
        },
        "status": {"observedGeneration": 7, "replicas": len(processes), "updatedReplicas": 1, "readyReplicas": 1},
    }


def _pod_spec(service: str, container: Container, process_: Mapping[str, Any]) -> Document:
    env = [
        {"name": each["name"], "valueFrom": {"secretKeyRef": {"name": each["secret"], "key": "value"}}}
        if "secret" in each
        else each
        for each in process_["env"]
    ]
    ports = [{"name": "http", "containerPort": container["port"]}]
    return {"containers": [{"name": service, "image": "lab", "env": env, "ports": ports}]}


def _pod(service: str, container: Container, process_: Mapping[str, Any]) -> Document:
    running = {"name": service, "ready": True, "state": {"running": {"startedAt": process_["started"]}}}
    return {
        "metadata": {"name": f"{service}-0", "namespace": NAMESPACE, "labels": {"app": service}},
        "spec": _pod_spec(service, container, process_),
        "status": {"phase": "Running", "startTime": process_["started"], "containerStatuses": [running]},
    }


def _metadata(name: str, secret: Mapping[str, Any]) -> Document:
    """With its managed fields, which name the keys of the data and say when they were written."""
    fields: Document = {"f:data": {".": {}, "f:value": {}}, "f:type": {}}
    by = {"manager": "kubectl-create", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1"}
    return {
        "name": name,
        "namespace": NAMESPACE,
        "resourceVersion": f"100{secret['version']}",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{**by, "time": secret["written"], "fieldsV1": fields}],
    }


def _kubernetes_error(status: int) -> Document:
    reasons = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound"}
    told = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**told, "message": "the caller may not", "reason": reasons[status], "code": status}


# ── together ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _denied(request: Request, trouble: Exception) -> Response:
    assert isinstance(trouble, Denied)  # noqa: S101 - registered for nothing else
    is_google = request.url.path.startswith(("/v2/", "/v1/"))
    told = _google_error(trouble.status) if is_google else _kubernetes_error(trouble.status)
    return JSONResponse(told, trouble.status)


def application(service: ControlPlane) -> Starlette:
    """Both APIs as an ASGI application."""
    run = f"/v2/projects/{PROJECT}/locations/{REGION}/services/{{service}}"
    answers: dict[str, Callable[..., Any]] = {
        "/computeMetadata/v1/instance/service-accounts/default/token": service.lend,
        run: service.get_service,
        f"{run}/revisions/{{revision}}": service.get_revision,
        f"/v1/projects/{PROJECT}/secrets/{{secret}}/versions/latest": service.get_version,
        f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{{service}}": service.get_deployment,
        f"/api/v1/namespaces/{NAMESPACE}/pods": service.get_pods,
        f"/api/v1/namespaces/{NAMESPACE}/secrets/{{secret}}": service.get_secret,
    }
    routes = [Route(path, answer, methods=["GET"]) for path, answer in answers.items()]
    return Starlette(routes=routes, exception_handlers={**process.ANSWERS_TO_EXCEPTIONS, Denied: _denied})


if __name__ == "__main__":
    process.run(lambda document: ControlPlane(PlatformSettings.from_document(document)), application)
