"""The platform that services run on, as Cloud Run is: it says who a caller is, and lets through who may call a service.

Tokens are signed as Google signs them, with RS256, and checked by published keys: signature, issuer, audience, end.
"""

import json
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

import jwt

from prober.lab.settings import EdgeAnswer, SideSettings

#: Whom the metadata server speaks for: the account of whoever asks it.
CALLER = "prober@staging.iam.example"

_ISSUER = "https://accounts.google.com"
_LIFETIME_SECONDS = 3600
_KEY_ID = "lab-1"
_IDENTITY_PATH = "/computeMetadata/v1/instance/service-accounts/default/identity"

_PAGE = """
<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>{title}</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: {error}</h1>
<h2>{words}</h2>
<h2></h2>
</body></html>
"""
_INVALID = 'Bearer error="invalid_token" error_description="The access token could not be verified"'


class Platform:
    """Makes identity tokens for whoever asks its metadata server, and checks them before a service."""

    @cached_property
    def _key(self) -> Any:  # noqa: ANN401 - of a library that only this file meets, and late: most worlds need no key
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def keys(self) -> Mapping[str, Any]:
        """What is published to check tokens by (RFC 7517 §5)."""
        key: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**key, "kid": _KEY_ID, "alg": "RS256", "use": "sig"}]}

    def metadata(self, path: str, query: str, flavor: str) -> EdgeAnswer:
        """What the metadata server answers."""
        if flavor != "Google":
            return EdgeAnswer(path="", status=403, body="Missing Metadata-Flavor:Google header.")
        audience = parse_qs(query).get("audience", [""])[0]
        if path != _IDENTITY_PATH or not audience:
            return EdgeAnswer(path="", status=404, body="Not Found")
        return EdgeAnswer(path="", status=200, body=self._token(audience), headers={"Metadata-Flavor": "Google"})

    def refusal(self, shown: str, path: str, settings: SideSettings) -> EdgeAnswer | None:
        """What whoever may not call the service is told; `shown` is the header in which an identity token travels."""
        if not settings.platform_audience:
            return None
        if not shown:
            return _forbidden(path)
        caller = self._caller(shown.removeprefix("Bearer "), settings.platform_audience)
        if caller is None:
            return _unauthorized(path)
        return None if caller in settings.platform_invokers else _forbidden(path)

    def _token(self, audience: str) -> str:
        now = int(time.time())
        claims = {
            "aud": audience,
            "azp": "100000000000000000001",
            "email": CALLER,
            "email_verified": True,
            "exp": now + _LIFETIME_SECONDS,
            "iat": now,
            "iss": _ISSUER,
            "sub": "100000000000000000001",
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})

    def _caller(self, token: str, audience: str) -> str | None:
        """Whom a good token names."""
        try:
            key = jwt.PyJWKSet.from_dict(dict(self.keys))[str(jwt.get_unverified_header(token).get("kid"))]
            claims = jwt.decode(
                token, key, ["RS256"], audience=audience, issuer=_ISSUER, options={"require": ["exp", "iat", "email"]}
            )
        except (jwt.PyJWTError, KeyError):
            return None
        return str(claims["email"])


def _forbidden(path: str) -> EdgeAnswer:
    words = f"Your client does not have permission to get URL <code>{path}</code> from this server."
    return _page(403, "403 Forbidden", "Forbidden", words)


def _unauthorized(path: str) -> EdgeAnswer:
    words = f"Your client does not have permission to the requested URL <code>{path}</code>."
    return _page(401, "401 Unauthorized", "Unauthorized", words, {"WWW-Authenticate": _INVALID})


def _page(status: int, title: str, error: str, words: str, headers: Mapping[str, str] | None = None) -> EdgeAnswer:
    body = _PAGE.format(title=title, error=error, words=words)
    return EdgeAnswer(
        path="", status=status, content_type="text/html; charset=UTF-8", body=body, headers=dict(headers or {})
    )


#: What whoever asks for a service that is not there, or not for them, is told.
NOT_THERE = _page(404, "404 Page not found", "Page not found", "The requested URL was not found on this server.")
