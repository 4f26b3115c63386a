"""Stories of the evidence page: whatever is wrong, and whatever a target says, no secret and no token is on it."""

import asyncio
import base64
import hashlib
import json
import os
import re
import shutil
from urllib.parse import quote

import pytest

from prober.app import Prober, mint_token
from prober.demo import known_faults
from prober.publish.document import document
from prober.publish.evidence import evidence_of
from prober.publish.web.routes.evidence import Format, page
from tests.gather.peers import raw_peer
from tests.stories.conftest import CONFIG

pytestmark = pytest.mark.asyncio(loop_scope="module")

REPORTS = [name for name in known_faults() if name.startswith("reported_")]
HELD = ("JWT_SECRET_STAGING", "SERVICE_SECRET", "E2E_OAUTH_SIMULATION_KEY")

_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]+")


def shown(report):
    """The page in each of its forms."""
    return "\n".join(page(document(report), each).body.decode() for each in Format)


def forms(secret):
    """What a secret may look like when it leaks."""
    raw = secret.encode()
    yield from (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], raw.hex())
    yield from (base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("="))
    yield from (hashlib.new(name, raw).hexdigest() for name in ("md5", "sha1", "sha256", "sha512"))
    yield from (secret[at : at + 12] for at in range(len(secret) - 11))


def leaks(text, secrets):
    """Every form of every secret that is in it, and whatever is shaped like a token."""
    return [form for secret in secrets for form in forms(secret) if form in text] + _TOKEN.findall(text)


@pytest.mark.parametrize("fault", [None, *REPORTS])
async def test_no_secret_of_the_lab_is_shown(tell, reported_world, fault):
    """In none of its forms, with each of the reported faults and with none."""
    report = (await tell("reports", *([fault] if fault else []))).report
    secrets = [reported_world.environment[name] for name in HELD]

    assert leaks(shown(report), secrets) == []
    assert "payload.sub: " in shown(report)
    assert "TOKEN=$(prober mint " in shown(report)


async def test_a_leak_would_be_found():
    """A search that finds nothing proves something only if it can find."""
    secret = "Zk3-v9Qp_7Lw2Xs8Rt5Yb1Nc6Mf4Hd0Jg"

    assert all(leaks(f"…{form}…", [secret]) for form in forms(secret))
    assert leaks("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2ln", [])


#: In place of what a person does: `prober mint` gives a token minted before, and secrets are typed.
_BY_HAND = """
prober() {{ case "$2" in {minted} esac; }}
read() {{ case "$2" in SECRET_SERVICE) SECRET_SERVICE=$SERVICE_SECRET;;
                       SECRET_BYPASS) SECRET_BYPASS=$E2E_OAUTH_SIMULATION_KEY;;
                       *) eval "$2=no-token-that-is-good";; esac; }}
"""


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_whoever_copies_the_lines_sees_what_was_seen(tell, real_world):
    """Each of them, in a real shell with a real curl, gets the status that the step got."""
    evidence = evidence_of(document((await tell("real")).report))
    minted = {name: await mint_token(CONFIG, real_world.environment, name) for name in ("local", "auth")}
    by_hand = _BY_HAND.format(minted=" ".join(f"{name}) printf %s {token};;" for name, token in minted.items()))
    told = [look for look in evidence.looks if "curl " in "".join(look.try_it)]
    seen = [await _status("\n".join([by_hand, *look.try_it]), real_world.environment) for look in told]

    assert len(told) > 10
    assert seen == [look.answer.get("status", 200) for look in told]


async def _status(script, environment):
    """What curl is answered."""
    process = await asyncio.create_subprocess_exec(
        shutil.which("bash"),
        "-c",
        script,
        stdout=asyncio.subprocess.PIPE,
        env=environment | {"PATH": os.environ["PATH"]},
    )
    async with asyncio.timeout(30):
        said, _ = await process.communicate()
    return int(said.split()[1])


ECHO = """
version: 1
environment: staging
secrets: {jwt: env:JWT, service: env:SERVICE}
services:
  auth: {role: auth, url: "${URL}"}
  backend: {role: backend, url: "${URL}"}
identities:
  tester: {subject: staging-e2e-user-001, email: tester@staging.example}
issuers:
  local: {mint: local, identity: tester, secret: jwt}
  opaque: {mint: route, identity: tester, service: auth, post: /mint, json: {}, token_at: access_token}
chains:
  validation:
    steps:
      - name: plain
        probe: http
        service: backend
        get: /a
        token: local
        headers: {X-Own: "{secret:service}"}
      - {name: opaque, probe: http, service: backend, get: /b, token: opaque}
      - {name: asked, probe: validate, service: auth, post: /c, token: opaque, json: {token: "{token}"}}
      - {name: stream, probe: stream, service: backend, get: /d, token: opaque}
"""
OPAQUE = "s3ss10n/T0k3n+0f-a-r0ute_that.is.no.JWT~42"


class Echo:
    """Mints opaque tokens, and says back everything it is told, wherever an answer has room."""

    def __init__(self):
        """Nothing heard."""
        self.heard = []

    async def __call__(self, reader, writer):
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        said = head + (await reader.readexactly(int(length[1]))).decode() if length else head
        self.heard.append(said)
        if " /mint " in head:
            answer(writer, json.dumps({"access_token": OPAQUE}))
            return
        bearer = re.search(r"authorization: (.*)\r", head, re.IGNORECASE)
        server = bearer[1] if bearer else "none"
        body = f"data: {said.splitlines()}\n\n" if " /d " in head else json.dumps({"error": said})
        answer(writer, body, "401 X", f"Server: {server}", f"Location: /?next={quote(server)}")


def answer(writer, body, status="200 OK", *headers):
    """One answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", "Connection: close", *headers, "", ""]
    writer.write("\r\n".join(head).encode() + body.encode())


async def test_a_target_that_says_all_back_gets_nothing_shown(tmp_path):
    """Neither our secrets nor the tokens it was sent, JWT or not, nor the signature of one."""
    config, echo = tmp_path / "probes.yaml", Echo()
    config.write_text(ECHO, encoding="utf-8")
    held = {"JWT": "Zk3-v9Qp_7Lw2Xs8Rt5Yb1Nc6Mf4Hd0Jg", "SERVICE": "c4nary-Xq7-Jm2-Vz9-Wd5-Kp3"}
    async with raw_peer(echo) as port:
        prober = Prober(config, {**held, "URL": f"http://127.0.0.1:{port}"})
        (report,) = await prober.once(("validation",))
        await prober.aclose()
    text = shown(report)
    sent = [token for said in echo.heard for token in re.findall(r"eyJ[\w-]+\.[\w-]+\.([\w-]+)", said)]

    assert sent
    assert OPAQUE in "".join(echo.heard)
    assert leaks(text, [*held.values(), OPAQUE]) == []
    assert [signature for signature in sent if signature in text] == []
