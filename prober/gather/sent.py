"""What a step sends, as it may be shown: put together as it is for the wire, with placeholders where secrets go."""

from collections.abc import Callable, Mapping
from typing import Any

from prober.gather.evidence import Redact, sparing
from prober.gather.kit import Kit
from prober.gather.render import Blanks, handshake, outgoing, request_of
from prober.gather.wire.http import Outgoing
from prober.model.chain import (
    CredentialsStep,
    HttpStep,
    Issuer,
    MintStep,
    NoToken,
    RouteIssuer,
    SpoofedIssuer,
    Step,
    StreamStep,
    ValidateStep,
    WebSocketStep,
)
from prober.model.observation import Sent


def sent(step: Step, kit: Kit) -> Sent | None:
    """What `step` sends; None where there is nothing that one could send again by hand."""
    find = _BY_STEP.get(type(step))
    return find(step, kit.run_id, kit.keyring.redactor()) if find else None


def _blanks(issuer: Issuer | None) -> Blanks:
    has_token = issuer is not None and not isinstance(issuer, NoToken | SpoofedIssuer)
    return Blanks(issuer.identity if issuer else None, has_token=has_token)


def _request(step: HttpStep, run_id: str, redact: Redact) -> Sent:
    return _shown(request_of(step, _blanks(step.token), run_id=run_id), redact)


def _question(step: HttpStep, run_id: str, redact: Redact) -> Sent:
    """A verifier is asked about the token; it is no pass."""
    return _shown(request_of(step, _blanks(step.token), run_id=run_id, bearer=False), redact)


def _mint(step: MintStep, run_id: str, redact: Redact) -> Sent | None:
    if not isinstance(step.token, RouteIssuer):
        return None
    blanks = Blanks(step.token.identity, has_token=False)
    return _shown(outgoing(step.token.request, blanks, run_id=run_id, step=step.name), redact)


def _handshake(step: WebSocketStep, run_id: str, redact: Redact) -> Sent:
    call = handshake(step, _blanks(step.token), run_id=run_id)
    redact = sparing((call.url, *call.headers.values(), *call.subprotocols, step.ping), redact)
    return Sent(
        method="GET",
        url=redact(call.url),
        headers=_redacted(call.headers, redact),
        subprotocols=tuple(map(redact, call.subprotocols)),
        message=redact(step.ping) or None,
    )


def _redacted(headers: Mapping[str, str], redact: Redact) -> dict[str, str]:
    return {name: redact(value) for name, value in headers.items()}


def _shown(call: Outgoing, redact: Redact) -> Sent:
    """What the config itself says may hold a secret that somebody wrote there."""
    body = (call.body or b"").decode()
    redact = sparing((call.url, *call.headers.values(), body), redact)
    return Sent(
        method=call.method,
        url=redact(call.url),
        headers=_redacted(call.headers, redact),
        body=None if call.body is None else redact(body),
    )


_BY_STEP: Mapping[type[Step], Callable[[Any, str, Redact], Sent | None]] = {
    HttpStep: _request,
    StreamStep: _request,
    ValidateStep: _question,
    CredentialsStep: _question,
    MintStep: _mint,
    WebSocketStep: _handshake,
}
