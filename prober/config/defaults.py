"""Defaults that hang on other parts of the file, written out: a document in, the same document complete.

Defaults that hang on nothing stand in schema.py. A name that leads nowhere gets no default; checks.py complains of it.
"""

from typing import TypeVar

from prober.config import schema
from prober.config.groups import spread
from prober.config.placeholders import sends_token
from prober.config.values import default_of
from prober.model.chain import Chain, Step
from prober.model.controls import SPOOFED

#: Ways to mint that make no token on purpose.
SENDS_NONE = frozenset({"none", *SPOOFED})

F = TypeVar("F", bound=schema.Form)

_STEP_SECONDS: float = default_of(Step, "deadline_seconds")
_CHAIN_SECONDS: float = default_of(Chain, "deadline_seconds")


def completed(document: schema.Document) -> schema.Document:
    """The document with every default written out."""
    return _with(
        document,
        services={name: _service(service) for name, service in document.services.items()},
        issuers={name: _issuer(issuer, document) for name, issuer in document.issuers.items()},
        chains={name: _chain(chain, document) for name, chain in document.chains.items()},
    )


def _with(form: F, **changes: object) -> F:
    return form.model_copy(update=changes)


def _service(service: schema.ServiceForm) -> schema.ServiceForm:
    """Sockets are at the same address: http becomes ws, https becomes wss."""
    socket = service.websocket_url or service.url.replace("http", "ws", 1)
    return _with(service, websocket_url=socket, platform=_platform(service.platform))


#: Where a pod finds the API of the cluster that it runs in, and whom it trusts there.
_CLUSTER = {
    "api": "https://kubernetes.default.svc",
    "ca_file": "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
}
_GOOGLE = "https://run.googleapis.com"


def _platform(platform: schema.PlatformForm) -> schema.PlatformForm:
    """Where its API is; who writes another address says whom to trust there."""
    if platform.api or not (platform.cloud_run or platform.kubernetes):
        return platform
    own = {name: getattr(platform, name) or usual for name, usual in _CLUSTER.items()}
    return _with(platform, **(own if platform.kubernetes else {"api": _GOOGLE}))


def _issuer(issuer: schema.IssuerForm, document: schema.Document) -> schema.IssuerForm:
    """An imitation is made for the same user as its model, anything else for the first user there is."""
    model = document.issuers.get(getattr(issuer, "like", ""))
    wanted = issuer.identity or (model.identity if model and model.identity in document.identities else None)
    return _with(issuer, identity=wanted or next(iter(document.identities), None))


def _chain(chain: schema.ChainForm, document: schema.Document) -> schema.ChainForm:
    deadline = chain.deadline or min(_CHAIN_SECONDS, chain.interval)
    steps = tuple(_step(step, deadline, document) for step in spread(chain.steps))
    return _with(chain, deadline=deadline, steps=steps)


def _step(step: schema.AnyStepForm, deadline: float, document: schema.Document) -> schema.AnyStepForm:
    step = _with(step, timeout=step.timeout or min(_STEP_SECONDS, deadline))
    match step:
        case schema.AskingForm():
            return _with(step, headers=_headers(step, document))
        case schema.WebSocketForm():
            return _greeted(step, document)
        case schema.SecretMatchForm():
            return _with(step, parties={name: _party(name, party) for name, party in step.parties.items()})
    return step


def _greeted(step: schema.WebSocketForm, document: schema.Document) -> schema.WebSocketForm:
    """A socket greets as its service says, unless the step says otherwise."""
    service = document.services.get(step.service)
    usual = service.socket if service else schema.SocketForm()
    return _with(
        step,
        welcome=usual.welcome if step.welcome is None else step.welcome,
        identity=usual.identity if step.identity is None else step.identity,
        ping=usual.ping if step.ping is None else step.ping,
        pong=usual.pong if step.pong is None else step.pong,
    )


def _headers(step: schema.AskingForm, document: schema.Document) -> dict[str, str]:
    """A token that the request gives no other place travels as the bearer."""
    issuer = document.issuers.get(step.token or "")
    has_place = sends_token([step.headers, step.body, step.form, step.asks[1]])
    if issuer is None or issuer.mint in SENDS_NONE or has_place or "authorization" in map(str.lower, step.headers):
        return step.headers
    return {**step.headers, "Authorization": "Bearer {token}"}


def _party(name: str, party: schema.PartyForm) -> schema.PartyForm:
    """Who can be asked is the service of the same name."""
    return _with(party, service=party.service or (name if party.ask else None))
