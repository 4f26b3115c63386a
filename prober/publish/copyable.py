"""Lines to copy into a shell, that send what a step sent; secrets are variables there, and a line each to fill them."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from prober.publish.document import Document

_PLACEHOLDER = re.compile(r"\{(token:base64url|token|random|(?:secret|identity):[^{}]+)\}")

#: What needs no more than double quotes, in a header for example; everything else is quoted piece by piece.
_PLAIN = re.compile(r"[\w .,:;=/@+-]*")

#: Says whose run a request is of; what is sent by hand is of none.
_NOT_SENT = {"x-probe-run"}

#: What ends a message for `websocat -0`: by itself it takes each line for one, and sends the end of the line too.
_END = "\0"

_BASE64URL = "base64 | tr -d '=\\n' | tr '+/' '-_'"


def shell_lines(sent: Document, issuer: Document | None) -> Iterator[str]:
    """First the variables, then the one line that sends."""
    yield from _variables(sent, issuer)
    is_socket = sent["url"].startswith(("ws:", "wss:"))
    yield " ".join(_websocat(sent) if is_socket else _curl(sent))


def _curl(sent: Document) -> Iterator[str]:
    body = sent["body"]
    is_piped = body is not None and not body.isprintable()  # several lines are not to be copied into a shell
    if is_piped:
        yield f"{_printed(_PLACEHOLDER.split(body))} |"
    yield "curl -sS -i --globoff"
    if sent["method"] != ("GET" if sent["body"] is None else "POST"):
        yield f"-X {shlex.quote(sent['method'])}"
    yield from (f"-H {_quoted(header)}" for header in _headers(sent))
    if body is not None:
        yield "--data-binary @-" if is_piped else f"--data-raw {_quoted(body)}"
    yield _quoted(sent["url"])


def _websocat(sent: Document) -> Iterator[str]:
    """A second later it should be welcome: then its message goes, up to the NUL, and the answer is waited for."""
    if sent["message"]:
        yield f"{{ sleep 1; {_printed([sent['message'] + _END])}; }} |"
    yield "websocat -v -n -0" if sent["message"] else "websocat -v"
    if sent["subprotocols"]:
        yield f"--protocol {_quoted(', '.join(sent['subprotocols']))}"
    yield from (f"-H={_quoted(header)}" for header in _headers(sent))  # without `=` it would take what follows too
    yield _quoted(sent["url"])
    if sent["message"]:
        yield "| tr '\\000' '\\n'"  # what comes back ends with a NUL too


def _headers(sent: Document) -> Iterator[str]:
    yield from (f"{name}: {value}" for name, value in sent["headers"].items() if name.lower() not in _NOT_SENT)


# ── variables ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _variables(sent: Document, issuer: Document | None) -> Iterator[str]:
    texts = (sent["url"], *sent["headers"].values(), *sent["subprotocols"], sent["body"] or "")
    found = dict.fromkeys(found for text in texts for found in _PLACEHOLDER.findall(text))
    if any(name.startswith("token") for name in found):
        yield _token(issuer)
    yield from filter(None, map(_variable, found))


def _token(issuer: Document | None) -> str:
    if issuer is None or issuer["good"]:
        return f"TOKEN=$(prober mint {shlex.quote(issuer['name']) if issuer else ''})".replace(" )", ")")
    return f"read -rs TOKEN  # one that must be refused, {issuer['name']}; prober mint makes good ones only"


def _variable(name: str) -> str:
    """How to fill one; typed secrets are neither shown nor kept in the shell's history."""
    if name.startswith("secret:"):
        return f"read -rs {_named(name)}  # {name.removeprefix('secret:')} among the secrets of probes.yaml"
    if name.startswith("identity:"):
        audience = shlex.quote(name.removeprefix("identity:"))
        return f"{_named(name)}=$(gcloud auth print-identity-token --audiences={audience})  # as a service account"
    return _MADE.get(name, "")


_MADE: Mapping[str, str] = {
    "token:base64url": f'TOKEN_BASE64URL=$(printf %s "$TOKEN" | {_BASE64URL})',
    "random": f"NONCE=$(head -c 32 /dev/urandom | {_BASE64URL})",
}
_NAMES: Mapping[str, str] = {"token": "TOKEN", "token:base64url": "TOKEN_BASE64URL", "random": "NONCE"}


def _named(name: str) -> str:
    if name.startswith("identity:"):
        name = f"identity_token_{name.partition('://')[2] or name.removeprefix('identity:')}"
    return _NAMES.get(name) or re.sub(r"\W", "_", name.replace("secret:", "SECRET_", 1), flags=re.ASCII).upper()


# ── quoting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _quoted(text: str) -> str:
    """`text` as one word of a shell: placeholders become variables, nothing else is read by the shell."""
    parts = _PLACEHOLDER.split(text)  # texts at even places, names at odd ones
    if len(parts) == 1:
        return shlex.quote(text)
    if all(map(_PLAIN.fullmatch, parts[::2])):
        inner = "".join(f"${{{_named(part)}}}" if place % 2 else part for place, part in enumerate(parts))
        return f'"{inner}"'
    return "".join(
        f'"${_named(part)}"' if place % 2 else shlex.quote(part) if part else "" for place, part in enumerate(parts)
    )


def _printed(parts: Sequence[str]) -> str:
    """A command that writes texts, at even places, and variables, at odd ones; what moves a cursor as its code."""
    form = "".join("%s" if place % 2 else _form(part) for place, part in enumerate(parts))
    form = form.replace("-", "\\055", 1) if form.startswith("-") else form  # it would be an option
    return " ".join(["printf", shlex.quote(form), *(f'"${_named(part)}"' for part in parts[1::2])])


def _form(text: str) -> str:
    """`text` as printf reads it (POSIX, utilities, printf)."""
    text = text.replace("\\", "\\\\").replace("%", "%%")
    return "".join(each if each.isprintable() else _octal(each) for each in text)


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode())
