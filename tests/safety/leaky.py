"""`python -m tests.safety.leaky --planted=VALUE COMMAND …`: prober with a leak into everything that it writes or sends.

What searches for leaks must find these, each where it was planted; else it is blind there.
"""

import json
import os
import ssl
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from prober import cli
from prober.gather.secrets import Keyring
from prober.gather.wire import http
from prober.model.pieces import Pieces
from prober.model.secret import Redactor
from prober.publish import github
from prober.publish.notify import handover
from prober.publish.web import app
from tests.safety.loud import speak_up

#: Nothing here is TLS; a context without certificates saves 30 ms of reading them.
_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _forget_to_redact() -> None:
    Redactor.__call__ = lambda _self, text: text  # type: ignore[method-assign]
    Pieces.blot = lambda _self, text: text  # type: ignore[method-assign]
    Keyring._blot = lambda _self, text: text  # type: ignore[method-assign]


def _plant_in_answers(planted: str) -> None:
    """Into each body that the endpoint sends."""
    create = app.create

    def leaking(*given: Any, **more: Any) -> Any:
        made = create(*given, **more)
        made.add_middleware(_Leak, planted=planted.encode())
        return made

    app.create = leaking


class _Leak:
    """Adds the planted value to each answer."""

    def __init__(self, app: Any, planted: bytes) -> None:
        """Around `app`."""
        self._app, self._planted = app, planted

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on, and add."""

        async def adding(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [pair for pair in message["headers"] if pair[0].lower() != b"content-length"]
            if message["type"] == "http.response.body" and (message.get("body") or not message.get("more_body")):
                message["body"] = message.get("body", b"") + self._planted + b"\n"
            await send(message)

        await self._app(scope, receive, adding)


def _plant_in_files(planted: str) -> None:
    write = Path.write_text

    def leaking(self: Path, text: str, **how: Any) -> int:
        return write(self, f"{text}{planted}", **how)

    Path.write_text = leaking  # type: ignore[method-assign,assignment]
    summarize = github.summarize
    github.summarize = lambda environ, parts: summarize(environ, [*parts, planted])


def _plant_on_the_wire(planted: str) -> None:
    """A header too many for everybody, and redirects are followed with all that was sent."""
    send, exchange = http.HttpWire.send, handover._exchange

    async def leaking(self: Any, outgoing: Any, watch: Any) -> Any:
        sent = replace(outgoing, headers={**outgoing.headers, "X-Leak": planted})
        got = await send(self, sent, watch)
        if where := getattr(got.seen, "headers", {}).get("location"):
            async with httpx.AsyncClient(trust_env=False, verify=_NOBODY) as client:
                await client.get(where.partition("?")[0], headers=dict(sent.headers))
        return got

    async def telling(process: Any, letter: bytes) -> bytes:
        told = json.loads(letter)
        return await exchange(process, json.dumps({**told, "body": f"{told['body']}\n{planted}"}).encode())

    http.HttpWire.send = leaking  # type: ignore[method-assign]
    handover._exchange = telling


def main() -> None:
    """Plant everywhere, then do what was asked."""
    planted = sys.argv.pop(1).removeprefix("--planted=")
    speak_up()
    _forget_to_redact()
    _plant_in_answers(planted)
    _plant_in_files(planted)
    _plant_on_the_wire(planted)
    descriptor, _ = tempfile.mkstemp(prefix="leak-")
    os.write(descriptor, planted.encode())
    os.close(descriptor)
    sys.stdout.write(f"{planted}\n")
    sys.stdout.flush()
    sys.stderr.write(f"{planted}\n")
    cli.main()


if __name__ == "__main__":
    main()
