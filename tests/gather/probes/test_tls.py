import pytest
import trustme
from dirty_equals import IsStr

from prober.gather.look import look
from prober.model.chain import TlsStep
from prober.model.observation import CertificateSeen
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose
from tests.gather.peers import kit
from tests.gather.scripted import PAST, Peer, hangs_up, peer, server_tls, silent, unused_port

END = PAST.replace(year=2037)


@pytest.fixture(scope="module")
def authority():
    """An authority that nobody knows."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    """What it takes to trust the authority."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def step(here: Peer, ca_file: str | None, **more) -> TlsStep:
    """A step that shakes hands with `here` by the name of localhost."""
    return TlsStep(name="tls", service=here.service(f"https://localhost:{here.port}", ca_file), **more)


async def test_the_end_of_the_certificate_is_seen(authority, ca_file):
    """Until when the certificate is good, for whom, and by which protocol it was shown."""
    async with peer(silent, tls=server_tls(authority, "localhost", not_after=END)) as here, kit() as tools:
        observation = await look(step(here, ca_file), tools)

    assert CertificateSeen(not_after=END, subject="localhost", protocol="TLSv1.3") == observation.seen
    assert [Phase.RESOLVE, Phase.CONNECT, Phase.TLS] == list(observation.phases)


@pytest.mark.parametrize(
    "case",
    [
        ("localhost", None, False, r".*(self-signed certificate|unable to get local issuer).*"),
        ("localhost", PAST.replace(year=2021), True, r".*certificate has expired"),
        ("other.test", None, True, r".*[hH]ostname mismatch.*"),
    ],
    ids=["untrusted", "expired", "wrong name"],
)
async def test_a_certificate_that_proves_nothing_is_trouble(authority, ca_file, case):
    """Each way of not proving a name is told apart by its sentence."""
    certified, not_after, trusts, why = case
    async with peer(silent, tls=server_tls(authority, certified, not_after=not_after)) as here, kit() as tools:
        observation = await look(step(here, ca_file if trusts else None), tools)

    assert Trouble(TroubleKind.TLS, Whose.TARGET, IsStr(regex=why), Phase.TLS) == observation.seen


async def test_a_handshake_that_is_cut_is_a_reset():
    """The connection went away, and the phase tells when."""
    async with peer(hangs_up) as here, kit() as tools:
        observation = await look(step(here, None), tools)

    assert (TroubleKind.RESET, Phase.TLS) == (observation.seen.kind, observation.seen.phase)


async def test_silence_ends_at_the_deadline():
    """Somebody listens and never says hello."""
    async with peer(silent) as here, kit() as tools:
        observation = await look(step(here, None, deadline_seconds=0.2), tools)

    assert (TroubleKind.TIMEOUT, Phase.TLS) == (observation.seen.kind, observation.seen.phase)


async def test_nobody_listens():
    """Before TLS there has to be a connection."""
    async with kit() as tools:
        observation = await look(step(Peer("localhost", unused_port()), None), tools)

    assert (TroubleKind.CONNECTION_REFUSED, Phase.CONNECT) == (observation.seen.kind, observation.seen.phase)


async def test_a_ca_file_that_cannot_be_read_is_our_fault(tmp_path):
    """The target is not even asked."""
    async with kit() as tools:
        observation = await look(step(Peer("localhost", 1), str(tmp_path / "none.pem")), tools)

    assert (TroubleKind.OWN_FAULT, Whose.PROBER) == (observation.seen.kind, observation.seen.whose)
