"""Tokens with the claims that a route minted, signed anew by us: whether keys or claims are to blame."""

import jwt

from prober.gather.tokens.local import current_claims, signed
from prober.gather.tokens.mint import Bench, Minted
from prober.gather.tokens.route import mint_by_route
from prober.model.chain import ResignedIssuer
from prober.model.trouble import Trouble, TroubleKind, Whose

#: Made anew for every token: a `jti` used twice would be answered from a memory.
_FRESH = ("jti",)


async def mint_resigned(issuer: ResignedIssuer, bench: Bench) -> Minted:
    """The route's own claims under our key; what kept the route from minting keeps this from being made."""
    minted = await mint_by_route(issuer.route, bench)
    if minted.token is None:
        return minted
    key = bench.keyring.get(issuer.like.secret)
    try:
        claims = jwt.decode(minted.token.secret.reveal(), options={"verify_signature": False})
    except jwt.PyJWTError:
        detail = "the issuer's token is opaque: it has no claims to sign anew"
        return Minted(trouble=Trouble(TroubleKind.NO_TOKEN, Whose.TARGET, detail))
    fresh = current_claims(issuer.like, issuer.identity, bench.clock.now())
    claims |= {name: fresh[name] for name in _FRESH}
    return Minted(signed(claims, key, issuer.like, issuer.name, bench.keyring.redactor()))
