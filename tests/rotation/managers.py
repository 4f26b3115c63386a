"""Fake secret managers on real sockets that keep real state: Google Secret Manager's REST API, and Vault with KV v2."""

import base64
import json
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from uuid import uuid4

PROJECT_NUMBER = "482913006517"


class Manager:
    """A server whose temper can be changed while it runs."""

    def __init__(self):
        """Well, and asked nothing yet."""
        self.asked = []
        self.status = 0  # answered to everything, instead of the truth
        self.delay_seconds = 0.0
        self.hangs = threading.Event()
        self.redirect_to = ""
        self.padding = 0
        self.is_dead = False
        self._server = None

    @property
    def address(self):
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self):
        """Serve meanwhile."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.hangs.clear()
            self.die()
            thread.join()

    def die(self):
        """Nobody listens any more, and whoever is connected is hung up on."""
        self.is_dead = True
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method, path, query, headers, body):
        """Status and JSON; subclasses know."""
        raise NotImplementedError

    def complaint(self, status):
        """What an error looks like here."""
        raise NotImplementedError


def _handler(manager):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            """Say nothing."""

        def do_GET(self):
            """Answer as the manager does."""
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path, _, query = self.path.partition("?")
            if manager.is_dead:
                self.close_connection = True
                return
            manager.asked.append((self.command, path))
            time.sleep(manager.delay_seconds)
            while manager.hangs.is_set():
                time.sleep(0.01)
            if manager.redirect_to:
                self._say(307, {}, location=manager.redirect_to + self.path)
            elif manager.status:
                self._say(manager.status, manager.complaint(manager.status))
            else:
                self._say(*manager.answer(self.command, path, query, self.headers, body))

        do_POST = do_PUT = do_GET  # noqa: N815 - as http.server wants it

        def _say(self, status, document, **headers):
            raw = json.dumps(document).encode() + b" " * manager.padding
            self.send_response(status)
            for name, value in {"content-type": "application/json", "content-length": str(len(raw)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

    return Handler


class SecretManager(Manager):
    """Google Secret Manager, as far as reading goes: `:access`, states of versions, and its errors."""

    _PATH = re.compile(r"/v1/projects/([^/]+)/secrets/([^/]+)/versions/([^/:]+):access")
    _STATUS: ClassVar = {
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        429: "RESOURCE_EXHAUSTED",
        503: "UNAVAILABLE",
    }

    def __init__(self):
        """Without secrets."""
        super().__init__()
        self._versions = {}

    def add(self, name, value):
        """Another version, which is the newest from now on; its number."""
        versions = self._versions.setdefault(name, [])
        versions.append([value if isinstance(value, bytes) else value.encode(), "ENABLED"])
        return str(len(versions))

    def disable(self, name, version):
        """Keep a version from being read."""
        self._versions[name][int(version) - 1][1] = "DISABLED"

    def complaint(self, status, name="", message="no"):
        """As googleapis write it."""
        return {"error": {"code": status, "message": message, "status": name or self._STATUS.get(status, "INTERNAL")}}

    def answer(self, method, path, *_):
        """The version's value under its full name."""
        asked = self._PATH.fullmatch(path)
        versions = self._versions.get(asked[2], []) if asked and method == "GET" else []
        number = len(versions) if asked and asked[3] == "latest" else int(asked[3]) if asked else 0
        if not 0 < number <= len(versions):
            return 404, self.complaint(404, "NOT_FOUND")
        value, state = versions[number - 1]
        if state != "ENABLED":
            return 400, self.complaint(400, "FAILED_PRECONDITION", f"it is in {state} state")
        name = f"projects/{PROJECT_NUMBER}/secrets/{asked[2]}/versions/{number}"
        return 200, {"name": name, "payload": {"data": base64.b64encode(value).decode()}}


@dataclass
class _Token:
    ends: float
    policies: set = field(default_factory=set)


class Vault(Manager):
    """Vault with KV version 2 under `secret/`, AppRole, Kubernetes, and tokens that end."""

    def __init__(self):
        """Unsealed, with nobody known."""
        super().__init__()
        self.is_sealed = False
        self.life_seconds = 3600
        self.roles = {}
        self._tokens, self._versions = {}, {}

    def add(self, path, **data):
        """Another version of the secret at `path`; its number."""
        self._versions.setdefault(path, []).append({"data": data, "deleted": ""})
        return str(len(self._versions[path]))

    def delete(self, path, version):
        """As `vault kv delete`."""
        self._versions[path][int(version) - 1]["deleted"] = "2026-11-22T10:00:00Z"

    def token(self, *paths, life_seconds=None):
        """One whose policy lets it read these."""
        token = f"hvs.{uuid4().hex}"
        self._tokens[token] = _Token(time.monotonic() + (life_seconds or self.life_seconds), set(paths))
        return token

    def revoke_all(self):
        """Every token ends."""
        self._tokens.clear()

    def complaint(self, status):
        """As Vault writes it."""
        return {"errors": [{503: "Vault is sealed", 403: "permission denied"}.get(status, "no")]}

    def answer(self, method, path, query, headers, body):
        """A login, a renewal, or a secret."""
        if self.is_sealed:
            return 503, self.complaint(503)
        if method in {"POST", "PUT"} and path.endswith("/login"):
            return self._login(json.loads(body))
        shown = headers.get("x-vault-token", "")
        token = self._tokens.get(shown)
        if token is None or token.ends < time.monotonic():
            return 403, self.complaint(403)
        if path == "/v1/auth/token/renew-self":
            token.ends = time.monotonic() + self.life_seconds
            return 200, self._lent(shown)
        return self._read(path.removeprefix("/v1/secret/data/"), query, token)

    def _login(self, said):
        paths = self.roles.get((said.get("role_id") or said.get("role"), said.get("secret_id") or said.get("jwt")))
        return (200, self._lent(self.token(*paths))) if paths else (400, {"errors": ["invalid role or secret ID"]})

    def _lent(self, token):
        return {"auth": {"client_token": token, "lease_duration": self.life_seconds, "renewable": True}}

    def _read(self, path, query, token):
        if path not in token.policies:
            return 403, self.complaint(403)
        versions = self._versions.get(path, [])
        number = int(query.removeprefix("version=") or 0) or len(versions)
        if not 0 < number <= len(versions):
            return 404, {"errors": []}
        found = versions[number - 1]
        metadata = {"version": number, "created_time": "2026-11-22T09:00:00Z", "deletion_time": found["deleted"]}
        if found["deleted"]:
            return 404, {"data": {"data": None, "metadata": metadata}}
        return 200, {"data": {"data": found["data"], "metadata": {**metadata, "destroyed": False}}}
