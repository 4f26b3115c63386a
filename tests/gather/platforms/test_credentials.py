"""Tokens are borrowed by the real protocol, kept as long as they last, and shown to nobody."""

import asyncio

import pytest

from prober.gather.platforms.asking import Unread
from prober.gather.platforms.credentials import Credentials
from tests.gather.peers import StillClock, answers, keyring, raw_peer
from tests.gather.platforms.apis import TOKEN

PATH = b"GET /computeMetadata/v1/instance/service-accounts/default/token HTTP/1.1"
LENT = b'{"access_token": "%s", "expires_in": 3599, "token_type": "Bearer"}'


class Stopwatch(StillClock):
    """A clock that is moved by hand."""

    at = 0.0

    def seconds(self):
        """Where it was put."""
        return self.at


def asking(port, keys=None, clock=None):
    """Whoever asks the metadata server on this port."""
    return Credentials(keys or keyring(), clock or StillClock(), {"GCE_METADATA_HOST": f"127.0.0.1:{port}"})


async def test_the_metadata_server_is_asked_as_it_wants_to_be():
    """It answers only who says where the request comes from."""
    asked = []
    async with raw_peer(answers(200, LENT % TOKEN.encode(), seen=asked)) as port:
        credentials = asking(port)
        assert TOKEN == (await credentials.borrowed()).reveal()
        await credentials.aclose()

    assert asked[0].startswith(PATH)
    assert b"metadata-flavor: google" in asked[0].lower()


async def test_a_token_is_borrowed_anew_a_minute_before_it_ends():
    """Many looks at once, and all within its hour, ask once."""
    asked, clock = [], Stopwatch()
    async with raw_peer(answers(200, LENT % TOKEN.encode(), seen=asked)) as port:
        credentials = asking(port, clock=clock)
        await asyncio.gather(*(credentials.borrowed() for _ in range(5)))
        clock.at = 3538.0
        await credentials.borrowed()
        once = len(asked)
        clock.at = 3540.0
        await credentials.borrowed()
        twice = len(asked)
        credentials.forget()
        await credentials.borrowed()
        await credentials.aclose()

    assert (1, 2, 3) == (once, twice, len(asked))


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [(403, b"", "HTTP 403"), (200, b"{}", "gave no access token"), (200, b"no", "gave no access token")],
)
async def test_without_a_token_nobody_is_asked(status, body, why):
    """It says so, and keeps nothing."""
    async with raw_peer(answers(status, body)) as port:
        credentials = asking(port)
        with pytest.raises(Unread, match=why):
            await credentials.borrowed()
        await credentials.aclose()


async def test_a_borrowed_token_is_blotted_out_everywhere():
    """A platform that quotes what it was shown puts it into no evidence."""
    keys = keyring()
    async with raw_peer(answers(200, LENT % TOKEN.encode())) as port:
        credentials = asking(port, keys)
        await credentials.borrowed()
        await credentials.aclose()

    assert TOKEN not in keys.redactor()(f"you showed {TOKEN}")


def test_a_mounted_token_is_read_each_time(tmp_path):
    """The cluster writes another into the file while we run."""
    keys = keyring()
    credentials, path = Credentials(keys, StillClock(), {}), tmp_path / "token"
    told = []
    for value in ("first-token-of-the-pod", "first-token-of-the-pod", "second-token-of-the-pod"):
        path.write_text(f"{value}\n")
        told.append(credentials.mounted(str(path)).reveal())

    assert ["first-token-of-the-pod", "first-token-of-the-pod", "second-token-of-the-pod"] == told
    assert "second-token-of-the-pod" not in keys.redactor()("second-token-of-the-pod")


def test_a_token_that_is_not_mounted_is_ours(tmp_path):
    """No account is mounted into our pod."""
    with pytest.raises(Unread, match=r"our service account's token cannot be read"):
        Credentials(keyring(), StillClock(), {}).mounted(str(tmp_path / "none"))
