"""Tests of prober/publish/copyable.py: the lines are taken to a real shell, and what it makes of them is looked at."""

import shutil
import subprocess

import pytest

from prober.publish.copyable import shell_lines

LOCAL = {"name": "local", "how": "local", "good": True}
FORGED = {"name": "forged", "how": "forged", "good": False}

#: In place of the programs: each prints the words it was given; what is typed is `typed`.
_STUBS = """
curl() { printf '%s\\n' curl "$@"; }
websocat() { printf '%s\\n' websocat "$@"; }
sleep() { :; }
prober() { printf 'token of %s' "$2"; }
read() { eval "$2=typed"; }
"""

NASTY = "a'b\"c `id` $(id) $HOME \\ ! * {other} ; & | < > # ~"


def sent(**more):
    """A request, as a document has it."""
    given = {"method": "GET", "url": "http://b.test/api", "headers": {}, "body": None, "subprotocols": []}
    return given | {"message": None} | more


def typed(request, issuer=LOCAL):
    """The words that a shell makes of the lines."""
    lines = "\n".join(shell_lines(request, issuer))
    return subprocess.run(
        [shutil.which("bash"), "-c", _STUBS + lines], capture_output=True, text=True, check=True, timeout=10
    ).stdout.splitlines()


def said(request, shell="bash"):
    """What comes through the pipe."""
    stubs = "curl() { cat; }; websocat() { cat; }\n"
    lines = "\n".join(shell_lines(request, LOCAL))
    command = [shutil.which(shell), "-c", _STUBS + stubs + lines]
    return subprocess.run(command, capture_output=True, check=True, timeout=10).stdout


def test_a_request_is_sent_as_it_was():
    """Method, headers with the token that prober mint makes, body, address; not the mark of the run it was part of."""
    request = sent(
        method="PUT",
        headers={"X-Probe-Run": "run-1", "Authorization": "Bearer {token}", "Content-Type": "application/json"},
        body='{"token": "{token}", "a": 1}',
    )

    assert typed(request) == [
        "curl",
        *("-sS", "-i", "--globoff", "-X", "PUT"),
        *("-H", "Authorization: Bearer token of local", "-H", "Content-Type: application/json"),
        *("--data-raw", '{"token": "token of local", "a": 1}', "http://b.test/api"),
    ]


def test_a_body_alone_makes_it_a_post():
    """As curl has it."""
    assert "-X" not in typed(sent(method="POST", body="x"))
    assert "-X" in typed(sent(method="GET", body="x"))


@pytest.mark.parametrize("place", ["url", "header", "body", "header with a token"])
def test_the_shell_reads_nothing_of_what_is_sent(place):
    """Whatever a config says, it is one word and no command."""
    made = {
        "url": sent(url=NASTY),
        "header": sent(headers={"X-Own": NASTY}),
        "body": sent(body=NASTY),
        "header with a token": sent(headers={"X-Own": f"{NASTY}{{token}}"}),
    }[place]

    assert any(NASTY in word for word in typed(made))


def test_secrets_are_typed_and_never_written():
    """Neither into the line nor into the shell's history."""
    lines = [*shell_lines(sent(headers={"X-Service-Secret": "{secret:service}"}), None)]

    assert lines == [
        "read -rs SECRET_SERVICE  # service among the secrets of probes.yaml",
        'curl -sS -i --globoff -H "X-Service-Secret: ${SECRET_SERVICE}" http://b.test/api',
    ]
    assert "X-Service-Secret: typed" in typed(sent(headers={"X-Service-Secret": "{secret:service}"}))


def test_a_platforms_token_is_asked_for_as_its_owner_asks():
    """Whoever may act as a service account gets one by gcloud; ours is not shown."""
    lines = [*shell_lines(sent(headers={"X-A": "Bearer {identity:https://b-1.run.app}"}), None)]

    assert lines == [
        (
            "IDENTITY_TOKEN_B_1_RUN_APP=$(gcloud auth print-identity-token --audiences=https://b-1.run.app)"
            "  # as a service account"
        ),
        'curl -sS -i --globoff -H "X-A: Bearer ${IDENTITY_TOKEN_B_1_RUN_APP}" http://b.test/api',
    ]


def test_a_token_that_must_be_refused_is_not_minted():
    """`prober mint` makes good ones only, and says so."""
    line, *_ = shell_lines(sent(headers={"Authorization": "Bearer {token}"}), FORGED)

    assert line == "read -rs TOKEN  # one that must be refused, forged; prober mint makes good ones only"


def test_what_is_random_is_made_anew():
    """43 characters that are no placeholder."""
    *_, address = typed(sent(url="http://b.test/{random}"))

    assert len(address.removeprefix("http://b.test/")) == 43
    assert "=" not in address


def test_a_handshake_is_websocats():
    """The token where it travels, wrapped as it was, and then what to say."""
    request = sent(
        url="ws://b.test/ws",
        headers={"Origin": "https://app.test"},
        subprotocols=["jwt-auth", "jwt.{token:base64url}"],
        message='{"type":"ping"}',
    )

    assert typed(request) == [
        "websocat",
        *("-v", "-n", "-0", "--protocol", "jwt-auth, jwt.dG9rZW4gb2YgbG9jYWw"),
        *("-H=Origin: https://app.test", "ws://b.test/ws"),
    ]
    assert said(request) == b'{"type":"ping"}\n'


#: Text that a shell, printf or a terminal would make something else of.
TRICKY = (
    *("a\nb", "\n", "a\n\n", "a\r\tb", "1\x010", "ü 🚀 \u2028\u202e\x85"),
    *("%s %d %", "\\n \\0 \\", "-n", "--", "{token} {random}", NASTY),
)


@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize("message", TRICKY)
def test_a_message_is_sent_as_it_was(message, shell):
    """Byte by byte, up to the NUL that ends a message for websocat, as it comes back; nothing in it moves a cursor."""
    request = sent(url="ws://b.test/ws", message=message)
    *_, line = shell_lines(request, None)

    assert said(request, shell) == message.encode() + b"\n"
    assert "{ sleep 1; printf '" in line
    assert "\\000'; } | websocat -v -n -0 ws://b.test/ws | tr '\\000' '\\n'" in line
    assert line.isprintable()


@pytest.mark.parametrize("body", [text for text in TRICKY if text != "{token} {random}"])
def test_a_body_is_sent_as_it_was(body):
    """Through a pipe where it is no single line."""
    request = sent(method="POST", body=f"{body}")
    *_, line = shell_lines(request, None)
    if not body.isprintable():
        assert typed(request)[-3:] == ["--data-binary", "@-", "http://b.test/api"]
        assert said(request) == body.encode()
    else:
        assert typed(request)[-3:] == ["--data-raw", body, "http://b.test/api"]

    assert line.isprintable()


def test_a_body_of_several_lines_has_its_token():
    """In its place."""
    request = sent(method="POST", body='{"token":\n"{token}", "again": "{token}"}\n')

    assert said(request) == b'{"token":\n"token of local", "again": "token of local"}\n'
