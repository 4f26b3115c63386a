"""As whom Vault is asked: a token that was given, or one that a login gave, and for how long it is good."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from prober.gather.secret_source import Translation, Unusable, translated
from prober.model.copies import Fetched

V = TypeVar("V")

#: Where Kubernetes puts the token of a pod's account.
KUBERNETES_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path

#: The share of a token's life after which it is renewed, or another one is asked for.
_RENEWED_AFTER = 0.5

#: One that cannot be renewed (a root token, or a policy without renew-self) is not tried again for so long.
_NOT_RENEWED_SECONDS = 600.0

_LONGEST_TOKEN_BYTES = 16 * 1024

_NOT_INSTALLED = 'hvac is not installed: pip install "post-deploy-prober[vault]"'
_NOWHERE = "VAULT_ADDR is not set to an address such as https://vault.example:8200"
_READABLE = "VAULT_ADDR is not https: token and secret could be read on the way"
_NOBODY = "as whom? none of VAULT_TOKEN, VAULT_TOKEN_FILE, VAULT_ROLE_ID and VAULT_KUBERNETES_ROLE is set"

#: What hvac and requests raise, by its name or that of a parent, as what it is to us.
_TRANSLATED: Mapping[str, Translation] = {
    "Unauthorized": (Fetched.REFUSED, "Vault does not know us (HTTP 401)"),
    "Forbidden": (Fetched.REFUSED, "Vault refuses us (HTTP 403): the token ended, or its policy lacks `read` there"),
    "InvalidPath": (Fetched.MISSING, "Vault has no such secret, or its version was deleted (HTTP 404)"),
    "InvalidRequest": (Fetched.REFUSED, "Vault does not take what we say (HTTP 400)"),
    "RateLimitExceeded": (Fetched.AWAY, "Vault is asked too often (HTTP 429)"),
    "VaultDown": (Fetched.AWAY, "Vault is sealed, or in maintenance (HTTP 503)"),
    "VaultNotInitialized": (Fetched.AWAY, "Vault is not initialised (HTTP 501)"),
    "VaultError": (Fetched.AWAY, "Vault is out of order"),
    "Timeout": (Fetched.AWAY, "Vault did not answer in time"),
    "RequestException": (Fetched.AWAY, "Vault cannot be reached"),
    "TooLarge": (Fetched.UNUSABLE, "the answer is too long for a secret"),
}
_UNKNOWN = (Fetched.AWAY, "Vault did not answer as agreed")


@dataclass(frozen=True, slots=True, repr=False)
class Pass:
    """A client with a token that Vault takes."""

    client: Any  # hvac.Client
    given: str  # the token that was given; empty: we logged in for one
    until_seconds: float  # by the stopwatch, when something is to be done about the token

    @property
    def is_lent(self) -> bool:
        """Whether we logged in for it, and may do so again."""
        return not self.given

    @property
    def token(self) -> str:
        """What is shown to Vault."""
        return str(self.client.token)

    def is_good(self, environ: Mapping[str, str], seconds: float) -> bool:
        """Whether it may be used as it is: nobody gave us another, and it is young enough."""
        return seconds < self.until_seconds and self.given == _given(environ)


def told(ask: Callable[[], V]) -> V:
    """What Vault answers; raises Unusable for whatever keeps it from that."""
    return translated(ask, _TRANSLATED, _UNKNOWN)


def let_in(environ: Mapping[str, str], seconds: float) -> Pass:
    """With the token that is given, renewed where that can be done; without one, by logging in."""
    client, given = _client(environ), _given(environ)
    if given:
        client.token = given
        life = _renewed(client)
    else:
        life = _logged_in(client, environ)
    return Pass(client, given, seconds + life * _RENEWED_AFTER)


def _client(environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - known once it is imported
    address = environ.get("VAULT_ADDR", "")
    _must_be_safe(address)
    try:
        import hvac  # noqa: PLC0415 - optional

        from prober.gather.secret_session import bounded  # noqa: PLC0415 - it is made of what hvac brings
    except ImportError as error:
        raise Unusable(_NOT_INSTALLED) from error
    session = bounded()
    session.verify = environ.get("VAULT_CACERT") or True
    namespace = environ.get("VAULT_NAMESPACE") or None
    return hvac.Client(address, token="", session=session, allow_redirects=False, namespace=namespace)


def _must_be_safe(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Unusable(_NOWHERE)
    if parts.scheme == "http" and not _is_this_machine(parts.hostname):
        raise Unusable(_READABLE)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _given(environ: Mapping[str, str]) -> str:
    """A file is read each time: whoever keeps it writes another token there."""
    file = environ.get("VAULT_TOKEN_FILE", "")
    return _in_file(file) if file else environ.get("VAULT_TOKEN", "")


def _in_file(place: str) -> str:
    try:
        with Path(place).open(encoding="ascii") as file:
            return file.read(_LONGEST_TOKEN_BYTES).strip()
    except (OSError, ValueError):
        message = f"{place} cannot be read"
        raise Unusable(message, Fetched.REFUSED) from None


def _renewed(client: Any) -> float:  # noqa: ANN401 - as above
    """For how many seconds the token is good from now on; one that cannot be renewed is used as it is."""
    try:
        return float(told(lambda: client.auth.token.renew_self()["auth"]["lease_duration"])) or _NOT_RENEWED_SECONDS
    except Unusable:
        return _NOT_RENEWED_SECONDS


def _logged_in(client: Any, environ: Mapping[str, str]) -> float:  # noqa: ANN401 - as above
    """For how many seconds the token is good that the login gave, which the client has from now on."""
    answer = told(lambda: _LOGINS[_way(environ)](client, environ))
    client.token = told(lambda: answer["auth"]["client_token"])
    return float(told(lambda: answer["auth"]["lease_duration"])) or _NOT_RENEWED_SECONDS


def _way(environ: Mapping[str, str]) -> str:
    ways = [name for name in _LOGINS if environ.get(name)]
    if not ways:
        raise Unusable(_NOBODY)
    return ways[0]


def _by_role(client: Any, environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - as above
    file = environ.get("VAULT_SECRET_ID_FILE", "")
    secret_id = _in_file(file) if file else environ.get("VAULT_SECRET_ID")
    mount = environ.get("VAULT_APPROLE_MOUNT") or "approle"
    return client.auth.approle.login(environ["VAULT_ROLE_ID"], secret_id, use_token=False, mount_point=mount)


def _by_pod(client: Any, environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - as above
    account = _in_file(environ.get("VAULT_KUBERNETES_TOKEN_FILE") or KUBERNETES_TOKEN)
    mount = environ.get("VAULT_KUBERNETES_MOUNT") or "kubernetes"
    role = environ["VAULT_KUBERNETES_ROLE"]
    return client.auth.kubernetes.login(role, account, use_token=False, mount_point=mount)


#: By the variable that says so, in the order in which they are looked for.
_LOGINS: Mapping[str, Callable[[Any, Mapping[str, str]], Any]] = {
    "VAULT_ROLE_ID": _by_role,
    "VAULT_KUBERNETES_ROLE": _by_pod,
}
