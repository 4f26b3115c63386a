"""Tokens that a route of a service mints: a bypass, a dev login, or any other."""

import json
import re
from dataclasses import replace

from prober.gather.render import Fill, outgoing
from prober.gather.token import Token
from prober.gather.tokens.mint import Bench, Minted
from prober.gather.tokens.traits import traits
from prober.judge.dig import dig
from prober.model.chain import RouteIssuer
from prober.model.observation import HttpSeen
from prober.model.secret import Secret
from prober.model.trouble import Trouble

_SUCCESSES = range(200, 300)
#: What a header may carry (RFC 9110 §5.5): a target must not be able to write headers of ours by way of its token.
_SENDABLE = re.compile(r"[\x20-\x7e]+")


async def mint_by_route(issuer: RouteIssuer, bench: Bench) -> Minted:
    """Ask the route; a refusal is an answer without a token, and trouble is what kept us from asking."""
    fill = Fill(bench.keyring, issuer.identity)
    exchange = await bench.http.send(outgoing(issuer.request, fill, run_id=bench.run_id, step=bench.step), bench.watch)
    if isinstance(exchange.seen, Trouble):
        return Minted(trouble=exchange.seen)
    value = _token_in(exchange.raw, issuer.token_at) if exchange.seen.status in _SUCCESSES else None
    if value is None:
        return Minted(answer=exchange.seen)
    token = Token(Secret("token", value), traits(value, issuer.name, bench.keyring.redactor()))
    return Minted(token, _without_tokens(exchange.seen))


def _without_tokens(seen: HttpSeen) -> HttpSeen:
    """The answer without its body: a redactor knows JWTs by their shape, but not an opaque or a refresh token."""
    return replace(seen, body="", json=None, first_event=None)


def _token_in(raw: bytes, path: str) -> str | None:
    try:
        found = dig(path, json.loads(raw))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, str) and _SENDABLE.fullmatch(found) else None
