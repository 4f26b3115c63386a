"""TOKENS. Mints: a fresh token from any issuer, good or made to be refused."""

from collections.abc import Mapping

from prober.gather.clock import Clock, PhaseWatch
from prober.gather.keys import Keys
from prober.gather.tokens.local import mint_local
from prober.gather.tokens.mint import Bench, Mint, Minted
from prober.gather.tokens.resigned import mint_resigned
from prober.gather.tokens.route import mint_by_route
from prober.gather.tokens.tampered import mint_tampered
from prober.gather.tokens.wrong import mint_expired, mint_forged, mint_nothing
from prober.gather.wire.http import HttpWire
from prober.model.chain import (
    ExpiredIssuer,
    ForgedIssuer,
    Issuer,
    LocalIssuer,
    NoToken,
    ResignedIssuer,
    RouteIssuer,
    SpoofedIssuer,
    TamperedIssuer,
)

__all__ = ["MINTS", "Minted", "Mints"]

#: A new way to mint is one file and one line here.
MINTS: Mapping[type[Issuer], Mint] = {
    LocalIssuer: mint_local,
    RouteIssuer: mint_by_route,
    ResignedIssuer: mint_resigned,
    ForgedIssuer: mint_forged,
    ExpiredIssuer: mint_expired,
    TamperedIssuer: mint_tampered,
    SpoofedIssuer: mint_nothing,
    NoToken: mint_nothing,
}


class Mints:
    """Makes tokens, and has the keyring know what to blot out of answers for a while."""

    def __init__(self, http: HttpWire, keyring: Keys, clock: Clock) -> None:
        """Ask routes through `http`, sign with what `keyring` holds, date by `clock`."""
        self._http, self._keyring, self._clock = http, keyring, clock

    async def mint(self, issuer: Issuer, watch: PhaseWatch, run_id: str, step: str = "") -> Minted:
        """A fresh token from `issuer`, never one minted before; raises SecretUnavailable when ours is missing."""
        bench = Bench(http=self._http, keyring=self._keyring, clock=self._clock, watch=watch, run_id=run_id, step=step)
        minted = await MINTS[type(issuer)](issuer, bench)
        if minted.token is not None:
            self._keyring.heed(minted.token.secret)
        return minted
