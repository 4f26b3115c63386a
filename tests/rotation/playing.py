"""Rotations as people do them, played to a prober under load: the source first, and the services at their own pace."""

import asyncio
from dataclasses import dataclass

SERVICES = ("auth", "backend")


@dataclass(frozen=True)
class Move:
    """One rotation: which secrets, which service follows first, how, after how long, and whether the source is away."""

    secrets: tuple
    order: tuple = SERVICES
    by_restart: bool = False
    pause_seconds: float = 0.0
    source_away: bool = False

    def __str__(self):
        how = " by restarts" if self.by_restart else ""
        away = ", the source away meanwhile" if self.source_away else ""
        return f"{' + '.join(self.secrets)}: {' then '.join(self.order)}{how}{away}"


async def rotate(rig, move):
    """The source first, then each service in its turn; who has to take the new one before it is used does so first."""
    rig.rotate(*move.secrets)
    if move.source_away:
        await rig.seen(*move.secrets)  # who knows of no other version has none to fall back on
        rig.away(is_away=True)
    if move.order[0] == "backend" or move.by_restart:  # or auth would be shown what not every process of it takes yet
        await rig.expect("auth", *move.secrets)
    for service in move.order:
        await asyncio.sleep(move.pause_seconds)
        await rig.follow(service, *move.secrets, by_restart=move.by_restart)
        await rig.turns()
    for service in move.order:
        await rig.let_go(service, *move.secrets)
    await rig.turns()
    if move.source_away:
        rig.away(is_away=False)


def failures(before, after):
    """What was counted in between that should not be, by reason; that a busy machine made us stand still is none."""
    counted = after["reasons"] - before["reasons"] + (after["blinds"] - before["blinds"])
    del counted["own_stall"]
    return counted
