"""Budget: how much load each host gets from us, whatever asks for it: schedule, bursts, gates or people."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from aiolimiter import AsyncLimiter

from prober.gather.wire.resolve import endpoint, place
from prober.model.chain import (
    Chain,
    Issuer,
    Load,
    MintStep,
    PlatformStep,
    ResignedIssuer,
    RouteIssuer,
    SecretMatchStep,
    Service,
    Step,
    WebSocketStep,
)
from prober.model.platform import Platform, PlatformKind

#: Whose places are remembered, so that they need not be read at each look.
_MOST_SERVICES = 1024

#: Whatever is not on schedule shares this much of a host's budget: turns are on time however much is asked for.
UNSCHEDULED_SHARE = 0.7


class Budget:
    """Lets requests go as each host's bucket allows; in any t seconds a host gets at most `burst + rate × t`."""

    def __init__(self, load: Load) -> None:
        """One bucket a host, made when it is first asked."""
        self._load = load
        self._all: dict[str, AsyncLimiter] = {}
        self._unscheduled: dict[str, AsyncLimiter] = {}

    def adopt(self, load: Load) -> None:
        """Go by `load` from now on; what was spent of an unchanged one stays spent."""
        if load != self._load:
            self._load = load
            self._all.clear()
            self._unscheduled.clear()

    async def spend(self, asked: Mapping[str, int], *, scheduled: bool) -> None:
        """Wait until so many requests may go to each host."""
        for host, requests in asked.items():
            for _ in range(requests):
                if not scheduled:
                    await self._bucket(self._unscheduled, host, UNSCHEDULED_SHARE).acquire()
                await self._bucket(self._all, host, 1.0).acquire()

    def _bucket(self, buckets: dict[str, AsyncLimiter], host: str, share: float) -> AsyncLimiter:
        if host not in buckets:
            share *= self._load.share(host)
            burst = max(1.0, share * self._load.burst)
            buckets[host] = AsyncLimiter(burst, burst / (share * self._load.requests_per_second))
        return buckets[host]


# ── what a step asks ─────────────────────────────────────────────────────────────────────────────────────────────────


def asked(step: Step) -> Counter[str]:
    """How many requests one look at `step` sends, by host."""
    urls = (*(_address(step, service) for service in _by_itself(step)), *(each.url for each in _for_its_token(step)))
    return Counter(map(_host, (*urls, *_of_platforms(step))))


def services_asked(step: Step) -> tuple[Service, ...]:
    """Whom one look at `step` asks."""
    return (*_by_itself(step), *_for_its_token(step))


def hosts(chain: Chain) -> frozenset[str]:
    """All places that a turn of `chain` may ask, its follow-ups included."""
    return frozenset(host for step in chain.steps for host in asked(step))


def sharing(chains: Iterable[Chain], whose: Callable[[str], Hashable]) -> Mapping[str, int]:
    """By host, how many of those who share `chains` ask it, `whose` each is by its name: they divide its budget."""
    asking: defaultdict[str, set[Hashable]] = defaultdict(set)
    for chain in chains:
        for host in hosts(chain):
            asking[host].add(whose(chain.name))
    return {host: len(shards) for host, shards in asking.items() if len(shards) > 1}


def hosts_of(service: Service) -> frozenset[str]:
    """Where a service is."""
    return frozenset({_host(service.url), _host(service.websocket_url)})


@lru_cache(_MOST_SERVICES)
def _host(url: str) -> str:
    return place(*endpoint(url))


def _address(step: Step, service: Service) -> str:
    return service.websocket_url if isinstance(step, WebSocketStep) else service.url


def _by_itself(step: Step) -> Iterator[Service]:
    match step:
        case MintStep():
            return  # its token is what it asks for
        case SecretMatchStep(parties=parties):
            yield from (party.request.service for party in parties if party.request)
        case PlatformStep():
            return  # of the services themselves nothing is asked
        case _:
            yield step.service


def _of_platforms(step: Step) -> Iterator[str]:
    if isinstance(step, PlatformStep):
        yield from (url for service in step.services if service.platform for url in platform_requests(service.platform))


def platform_requests(platform: Platform) -> Iterator[str]:
    """The most that one look asks of a service's platform: its description, that of what runs, and each secret's.

    A metadata server is a part of the machine we run on, and no host that we could burden.
    """
    secrets = len(platform.names) if platform.asks_versions else 0
    yield from (platform.api,) * (2 + (secrets if platform.kind is PlatformKind.KUBERNETES else 0))
    yield from (platform.secrets_api,) * (secrets if platform.kind is PlatformKind.CLOUD_RUN else 0)


def _for_its_token(step: Step) -> Iterator[Service]:
    """Tokens are fresh for each look, and some are asked for."""
    if step.token is not None:
        yield from services_of(step.token)


def services_of(issuer: Issuer) -> tuple[Service, ...]:
    """Whom an issuer asks for a token."""
    return _ROUTES.get(type(issuer), lambda _: ())(issuer)


_ROUTES: Mapping[type[Issuer], Callable[[Any], tuple[Service, ...]]] = {
    RouteIssuer: lambda issuer: (issuer.request.service,),
    ResignedIssuer: lambda issuer: (issuer.route.request.service,),
}
