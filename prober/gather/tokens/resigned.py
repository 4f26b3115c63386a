"""Tokens with the claims that a route minted, signed anew by us: whether keys or claims are to blame.

Rule 1: whoever answers the route is a stranger, and must not have us sign what we would not sign ourselves: another
subject, a longer life, or permissions beyond those of our own tokens. Rule 2: `jti` is made anew, since a verifier
would answer a known one from its memory.
"""

import jwt

from prober.gather.tokens.local import Claims, current_claims, signed
from prober.gather.tokens.mint import Bench, Minted
from prober.gather.tokens.route import mint_by_route
from prober.model.chain import ResignedIssuer
from prober.model.trouble import Trouble, TroubleKind, Whose


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
    fresh = current_claims(issuer.like, issuer.route.identity, bench.clock.now())
    if flaw := _flaw(claims, fresh):
        return Minted(trouble=Trouble(TroubleKind.NO_TOKEN, Whose.TARGET, f"{flaw}: not to be signed by us"))
    claims |= {"jti": fresh["jti"], "exp": min(claims["exp"], fresh["exp"])}
    return Minted(signed(claims, key, issuer.like, issuer.name, bench.keyring.redactor()))


def _flaw(unverified_claims: Claims, ours: Claims) -> str | None:
    """Why a token with these claims is not one that we would make."""
    if unverified_claims.get("sub") != ours["sub"]:
        return "the issuer's token is for another subject"
    expires = unverified_claims.get("exp")
    if not isinstance(expires, int | float) or isinstance(expires, bool):
        return "the issuer's token has no end"
    granted = [name for name in _GRANTS if unverified_claims.get(name, ours.get(name)) != ours.get(name)]
    return f"the issuer's token grants other {' and '.join(granted)} than ours" if granted else None


#: Claims by which tokens hand out power; only those that our own tokens carry too are signed.
_GRANTS = ("permissions", "roles", "role", "admin", "is_admin", "scope", "scopes", "groups")
