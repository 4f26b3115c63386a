"""One exchange of a step over HTTP: mint what it sends, send it, bring back what was seen."""

from prober.gather.kit import Glance, Kit
from prober.gather.render import Fill, request_of
from prober.gather.token import Token
from prober.model.chain import HttpStep, Step
from prober.model.trouble import Trouble


async def exchange(step: HttpStep, kit: Kit, *, stream: bool = False, bearer: bool = True) -> Glance:
    """What `step`'s request is answered; without the token it wants nothing is sent."""
    token = await mint(step, kit)
    if isinstance(token, Trouble):
        return Glance(token)
    fill = Fill(kit.keyring, step.token.identity if step.token else None, token)
    request = request_of(step, fill, run_id=kit.run_id, bearer=bearer, stream=stream)
    answer = await kit.http.send(request, kit.watch)
    return Glance(answer.seen, token.traits if token else None)


async def mint(step: Step, kit: Kit) -> Token | Trouble | None:
    """The token `step` sends, None when it sends none, or why there is none to send."""
    if step.token is None:
        return None
    minted = await kit.mints.mint(step.token, kit.watch, kit.run_id, step.name)
    return minted.missing or minted.token
