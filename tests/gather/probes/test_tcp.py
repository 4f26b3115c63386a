from prober.gather.look import look
from prober.model.chain import TcpStep
from prober.model.observation import TcpSeen
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose
from tests.gather.peers import kit
from tests.gather.scripted import Peer, hangs_up, peer, unused_port


async def test_somebody_listens():
    """A connection was made, and to which address."""
    async with peer(hangs_up) as here, kit() as tools:
        service = here.service(f"http://localhost:{here.port}")
        observation = await look(TcpStep(name="tcp", service=service), tools)

    assert TcpSeen(address=here.place) == observation.seen
    assert [Phase.RESOLVE, Phase.CONNECT] == list(observation.phases)


async def test_nobody_listens():
    """Refused, and by whom."""
    nowhere = Peer("127.0.0.1", unused_port())
    async with kit() as tools:
        observation = await look(TcpStep(name="tcp", service=nowhere.service()), tools)

    detail = f"connection refused by {nowhere.place}"
    assert Trouble(TroubleKind.CONNECTION_REFUSED, Whose.TARGET, detail, Phase.CONNECT) == observation.seen
