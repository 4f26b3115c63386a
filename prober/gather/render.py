"""Filling in: `{token}`, `{subject}`, `{email}`, `{random}` and `{secret:NAME}` in what the config says, when sent.

`Blanks` leave what nobody may see unfilled, so that what was sent can be shown as it was put together.
"""

import base64
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import quote, urlencode

from prober.gather.keys import Keys
from prober.gather.token import Token
from prober.gather.wire.http import Outgoing
from prober.gather.wire.websocket_call import Call
from prober.model.chain import (
    Carrier,
    HttpStep,
    Identity,
    IdentityToken,
    Issuer,
    Request,
    Service,
    SpoofedIssuer,
    WebSocketStep,
)
from prober.model.trace import traceparent

_PLACEHOLDER = re.compile(r"\{(token:base64url|token|subject|email|random|secret:[^{}]+)\}")
_TOKEN = re.compile(r"\{token(?::base64url)?\}")

_BY_NAME, _WRAPPED = "secret:", "token:base64url"
_RANDOM_BYTES = 32  # 43 characters in base64url
_BEARER = "Bearer {token}"


class Fill:
    """Puts values in the place of placeholders, once: what a value holds is never filled in again."""

    #: What stays as it is where values are percent-encoded.
    safe = ""

    def __init__(self, keyring: Keys, identity: Identity | None = None, token: Token | None = None) -> None:
        """Fill in from these; without a token or an identity theirs come out empty."""
        self._keyring = keyring
        self.has_token = token is not None
        self.sent = token.secret if token else None  # to be blotted out of the answer
        self._values = {
            "token": token.secret.reveal() if token else "",
            "subject": identity.subject if identity else "",
            "email": identity.email if identity else "",
        }

    def text(self, template: str) -> str:
        """`template` filled in; raises SecretUnavailable."""
        return self._filled(template, str)

    def path(self, template: str) -> str:
        """A path and query filled in, the values percent-encoded (RFC 3986 §2.1): `+` in an address is not a space."""
        return self._filled(template, lambda value: quote(value, safe=self.safe))

    def tree(self, value: object) -> object:
        """A JSON value with every string in it filled in, but for names."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.tree(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(inner) for inner in value]
        return value

    def headers(self, templates: Mapping[str, str]) -> dict[str, str]:
        """Headers filled in; without a token, one that was to carry it is left out: `Bearer` alone is a third case."""
        return {
            name: self.text(value) for name, value in templates.items() if self.has_token or not _TOKEN.search(value)
        }

    def shown_to(self, service: Service) -> dict[str, str]:
        """The header that the platform before `service` wants to see; raises IdentityUnavailable."""
        wanted = service.identity_token
        return {wanted.header: f"Bearer {self._identity_token(wanted)}"} if wanted else {}

    def _identity_token(self, wanted: IdentityToken) -> str:
        return self._keyring.lent(wanted).reveal()

    def _filled(self, template: str, written: Callable[[str], str]) -> str:
        if "{" not in template:
            return template
        return _PLACEHOLDER.sub(lambda found: written(self._value(found[1])), template)

    def _value(self, name: str) -> str:
        if name.startswith(_BY_NAME):
            return self._keyring.get(name.removeprefix(_BY_NAME)).reveal()
        if name == _WRAPPED:
            return base64.urlsafe_b64encode(self._values["token"].encode()).decode().rstrip("=")
        return secrets.token_urlsafe(_RANDOM_BYTES) if name == "random" else self._values[name]


class Blanks(Fill):
    """Fills in who we are and nothing else: tokens, secrets and random values stay placeholders."""

    safe = "{}:"

    def __init__(self, identity: Identity | None = None, *, has_token: bool) -> None:
        """Without a token its place comes out empty, as it does in what is sent."""
        self.has_token, self.sent = has_token, None  # no answer is to be expected
        self._values = {
            "subject": identity.subject if identity else "",
            "email": identity.email if identity else "",
        } | ({} if has_token else {"token": "", _WRAPPED: ""})

    def _value(self, name: str) -> str:
        return self._values.get(name, f"{{{name}}}")

    def _identity_token(self, wanted: IdentityToken) -> str:
        return f"{{identity:{wanted.audience}}}"


def request_of(step: HttpStep, fill: Fill, *, run_id: str, bearer: bool = True, stream: bool = False) -> Outgoing:
    """The request of `step`, filled in, with the headers by which its issuer wants to be let in."""
    request = outgoing(step.request, fill, run_id=run_id, step=step.name, bearer=bearer, stream=stream)
    spoofed = spoofed_headers(step.token, fill)
    return replace(request, headers=replaced(request.headers, spoofed)) if spoofed else request


def handshake(step: WebSocketStep, fill: Fill, *, run_id: str) -> Call:
    """The handshake of `step`, filled in; its token travels as the step says."""
    headers = {name: fill.text(value).strip() for name, value in step.headers.items()}
    bearer = {"Authorization": fill.text(_BEARER)} if fill.has_token and step.carrier is Carrier.HEADER else {}
    subprotocols = step.subprotocols if step.carrier is Carrier.SUBPROTOCOL and fill.has_token else ()
    return Call(
        url=step.service.websocket_url + fill.path(step.path),
        headers=replaced(
            own_headers(run_id, step.name) | bearer | headers,
            spoofed_headers(step.token, fill) | fill.shown_to(step.service),
        ),
        subprotocols=tuple(map(fill.text, subprotocols)),
        ca_file=step.service.ca_file,
    )


def outgoing(  # noqa: PLR0913 - by name
    request: Request, fill: Fill, *, run_id: str, step: str = "", bearer: bool = False, stream: bool = False
) -> Outgoing:
    """`request`, filled in. As a `bearer` the token travels unless the request says itself where it wants it."""
    return Outgoing(
        method=request.method,
        url=request.service.url + fill.path(request.path),
        headers=_headers(
            request, fill, own_headers(run_id, step), bearer=bearer and fill.has_token and not mentions_token(request)
        ),
        body=_body(request, fill),
        ca_file=request.service.ca_file,
        stream=stream,
        token=fill.sent,
        keep=request.keeps_connection,
    )


def _body(request: Request, fill: Fill) -> bytes | None:
    if request.form is not None:
        return urlencode({name: fill.text(value) for name, value in request.form.items()}, safe=fill.safe).encode()
    return None if request.json is None else json.dumps(fill.tree(request.json)).encode()


def _content_type(request: Request) -> dict[str, str]:
    if request.form is not None:
        return {"Content-Type": "application/x-www-form-urlencoded"}
    return {} if request.json is None else {"Content-Type": "application/json"}


def spoofed_headers(issuer: Issuer | None, fill: Fill) -> dict[str, str]:
    """The headers by which an issuer wants to be let in without a token; none of any other issuer."""
    if not isinstance(issuer, SpoofedIssuer):
        return {}
    return {name: fill.text(value) for name, value in issuer.headers.items()}


def replaced(headers: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """`headers` and `others`; where both have a name, in whatever case, the value of `others`."""
    if not others:
        return dict(headers)
    names = {name.lower() for name in others}
    return {name: value for name, value in headers.items() if name.lower() not in names} | dict(others)


def own_headers(run_id: str, step: str = "") -> dict[str, str]:
    """What we say of ourselves: which run it is, that its id is the trace's too, and which span of it the step is.

    No name in here may hold `test` or `e2e`: some backends switch auth off for those.
    """
    traced = traceparent(run_id, step)
    return {"X-Probe-Run": run_id} | ({"traceparent": traced} if traced else {})


def mentions_token(request: Request) -> bool:
    """Whether the request says itself where the token goes."""
    return any(
        map(_TOKEN.search, [request.path, *request.headers.values(), *_leaves(request.json), *_leaves(request.form)])
    )


def _headers(request: Request, fill: Fill, own: Mapping[str, str], *, bearer: bool) -> dict[str, str]:
    """Ours, those the request needs, then its own, which win."""
    bearers = {"Authorization": fill.text(_BEARER)} if bearer else {}
    ours = {**own, **_content_type(request), **bearers}
    names = {name.lower() for name in request.headers}
    theirs = {name: value for name, value in ours.items() if name.lower() not in names} | fill.headers(request.headers)
    return replaced(theirs, fill.shown_to(request.service))


def _leaves(value: object) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    for part in inner:
        yield from _leaves(part)
