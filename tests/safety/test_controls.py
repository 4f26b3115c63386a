"""Rules about secrets that concern no single file: what the program cannot be told, and what no line of it does."""

import ast
import base64
import hmac
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from prober.cli import app
from prober.config.schema import json_schema
from prober.gather.tokens import MINTS
from prober.gather.wire.http import HttpWire, Outgoing
from prober.model.chain import LocalIssuer, TamperedIssuer
from prober.model.controls import NOBODY, TAMPERED
from prober.model.secret import Redactor, Secret
from tests.gather.peers import NOON, SECRET, USER, StillClock, answers, kit, raw_peer

PROBER = Path(__file__).parents[2] / "prober"
SOURCES = sorted(path for path in PROBER.rglob("*.py") if "lab" not in path.parts)

#: Tokens of the test user without a time at which they end: verifiers that go by the standard refuse them for that.
_NO_END = {"exp-text", "exp-nan"}


def options():
    """Every option and argument of every command."""
    commands = typer.main.get_command(app).commands.values()
    return {name for command in commands for option in command.params for name in option.opts}


def keys(schema):
    """Every key that may stand anywhere in the config."""
    forms = [schema, *schema["$defs"].values()]
    return {key for form in forms for key in form.get("properties", {})}


def test_a_secret_cannot_be_written_as_json():
    """Neither by itself nor in something that holds it."""
    for held in (Secret("jwt", SECRET), {"key": Secret("jwt", SECRET)}, [Secret("jwt", SECRET)]):
        with pytest.raises(TypeError, match="not JSON serializable"):
            json.dumps(held)


def test_no_command_is_told_a_secret():
    """Everybody on the machine reads what stands on a command line; a file's name may stand there."""
    told = {name for name in options() if re.search(r"secret|token|key|password|bearer|auth", name)}

    assert {"--token-file"} == told


def test_nobody_can_turn_verification_off():
    """There is no key of the config and no option for it, and no line that does it."""
    spellings = re.compile(r"verif|insecure|unsafe|skip.*tls|check.?host|cert.?none", re.IGNORECASE)
    lines = [line for path in SOURCES for line in path.read_text("utf-8").splitlines()]

    assert [] == [name for name in keys(json_schema()) | options() if spellings.search(name)]
    assert [] == [line for line in lines if re.search(r"verify\s*=\s*False|CERT_NONE|check_hostname\s*=", line)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PROBER).as_posix())
def test_what_a_secret_reveals_is_compared_in_constant_time(path):
    """No `==` beside a `reveal()`: how long it takes would tell how much of a guess is right."""
    comparisons = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Compare))

    assert [] == [ast.unparse(each) for each in comparisons if re.search(r"\.reveal\(\) (==|!=|in)", ast.unparse(each))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PROBER).as_posix())
def test_nobody_writes_past_the_log(path):
    """A bare `print`, or a traceback on standard error, would go by the redactor."""
    calls = [
        ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
    ]

    assert [] == [call for call in calls if call in {"print", "traceback.print_exc", "traceback.print_exception"}]


async def test_no_password_is_taken_from_a_netrc(monkeypatch, tmp_path):
    """What somebody keeps there for a host is no business of ours."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password correct-horse\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    seen, wire = [], HttpWire(Redactor())
    async with raw_peer(answers(200, seen=seen)) as port, kit() as here:
        await wire.send(Outgoing(method="GET", url=f"http://127.0.0.1:{port}/", headers={}), here.watch)
        await wire.aclose()

    assert b"authorization" not in seen[0].lower()


@pytest.mark.parametrize("control", TAMPERED)
async def test_no_good_signature_outlives_five_minutes(control):
    """A bad token under our key ends within five minutes, if it ever began; or is for nobody, or has no such end."""
    like = LocalIssuer(
        name="local", identity=USER, secret="jwt", claims={"iss": "a", "aud": "b", "token_type": "access"}
    )
    issuer = TamperedIssuer(name=control, identity=USER, control=control, like=like)
    async with kit(StillClock()) as here:
        minted = await here.mints.mint(issuer, here.watch, "run-1")
    claims = signed(minted.token.secret.reveal())
    ends = claims.get("exp", float("inf")) if claims else 0
    is_short = not isinstance(ends, int | float) or ends <= (NOON + timedelta(minutes=5)).timestamp()

    assert is_short or claims.get("sub") == NOBODY or control in _NO_END


def signed(token):
    """What a token says, if our key signed it by any algorithm, in whatever form; nothing otherwise."""
    told = json.loads(token) if token.startswith("{") else None
    parts = [told["protected"], told["payload"], told["signature"]] if told else token.split(".")
    header, payload, signature = [*parts, "", ""][:3]
    made = [
        hmac.digest(SECRET.encode(), f"{header}.{payload}".encode(), name) for name in ("sha256", "sha384", "sha512")
    ]
    return json.loads(decoded(payload)) if decoded(signature) in made else {}


def decoded(part):
    """A part of a token, as bytes; leniently."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_most_bad_tokens_are_signed_by_our_key():
    """So that the test before this one is about something: claims are tampered with, not keys."""
    like = LocalIssuer(
        name="local", identity=USER, secret="jwt", claims={"iss": "a", "aud": "b", "token_type": "access"}
    )
    async with kit(StillClock()) as here:
        issuers = [TamperedIssuer(name=control, identity=USER, control=control, like=like) for control in TAMPERED]
        minted = [await here.mints.mint(issuer, here.watch, "run-1") for issuer in issuers]

    assert 20 < len([token for token in minted if signed(token.token.secret.reveal())])


def test_every_way_to_mint_is_known_here():
    """Whoever adds one looks at how long its tokens live."""
    assert 8 == len(MINTS)
