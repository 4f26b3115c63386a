"""Which of n shards a chain falls to, and what is left of a plan for one of them; pure.

By rendezvous: each shard draws a number for each name, and the highest has the chain. So one shard more takes its share
of the chains, 1/n of them, and moves no other; nobody has to know of anybody, and the order of names does not matter.
"""

from dataclasses import replace
from hashlib import blake2b

from prober.model.chain import Plan
from prober.model.shard import Shard


def falls_to(chain: str, of: int) -> int:
    """The number of the shard that has `chain`, from 1 to `of`: the same on every machine and in every release."""
    return max(range(1, of + 1), key=lambda number: _draw(number, chain))


def _draw(number: int, chain: str) -> bytes:
    return blake2b(f"{number}/{chain}".encode(), digest_size=8).digest()


def narrowed(plan: Plan, shard: Shard) -> Plan:
    """What `shard` has of `plan`: its chains; of the others it knows who has them.

    With a database in common each shard keeps books of its own there, as locations do: whoever shares a shard shares
    its turns, and nobody closes the books of another's chains.
    """
    shards = {number: Shard(number, shard.of) for number in range(1, shard.of + 1)}
    whose = {name: shards[falls_to(name, shard.of)] for name in plan.chains}
    return replace(
        plan,
        shard=shard,
        chains={name: chain for name, chain in plan.chains.items() if whose[name] == shard},
        elsewhere={name: where for name, where in whose.items() if where != shard},
        location=f"{plan.location}/{shard.number}" if plan.history.database_secret else plan.location,
    )
