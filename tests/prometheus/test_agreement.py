"""The built-in alarms and the generated rules are fed the same histories, and fire and clear at the same turns.

One evaluation interval of difference is allowed: Prometheus may scrape before or after a turn.
"""

import json
import random
from dataclasses import replace
from itertools import pairwise

import pytest

from prober.model.alarm import Alert, Alerting
from prober.publish.rules import document
from tests import builders as b
from tests.prometheus.histories import case, is_firing, promtool, series
from tests.publish.builders import build_plan

NAMES = {Alert.PAGE: "ProberSuccessRatioLow", Alert.TICKET: "ProberSuccessRatioDegraded"}


def letters(success, count, seed=1):
    """Turns that pass so often, each for itself."""
    chance = random.Random(seed)
    return "".join("P" if chance.random() < success else "F" for _ in range(count))


def blinded(turns, share, seed=2):
    """The same turns, of which we were blind in some and missed some."""
    chance = random.Random(seed)
    return "".join(chance.choice("B-") if chance.random() < share else each for each in turns)


GOOD = letters(0.99, 800)

#: Turns; when a deploy was told; when the prober was started anew; and which alerts fire at some time.
HISTORIES = {
    "62 % for two hours": (GOOD + letters(0.62, 240) + letters(0.99, 300), (), (), {Alert.PAGE, Alert.TICKET}),
    "a total outage": (GOOD + "F" * 60 + "P" * 200, (), (), {Alert.PAGE, Alert.TICKET}),
    "a short outage": (GOOD + "F" * 12 + "P" * 200, (), (), {Alert.PAGE}),
    "90 % for six hours": (GOOD + letters(0.90, 720) + "P" * 300, (), (), {Alert.PAGE, Alert.TICKET}),
    "62 %, coming and going": (
        GOOD + (letters(0.62, 40) + "P" * 25) * 6 + "P" * 60,
        (),
        (),
        {Alert.PAGE, Alert.TICKET},
    ),
    "a day at 99 %": (letters(0.99, 2880, seed=3), (), (), set()),
    "bad from the start": (letters(0.5, 150), (), (), {Alert.PAGE}),
    "blind now and then": (blinded(GOOD + letters(0.62, 120) + "P" * 200, 0.1), (), (), {Alert.PAGE}),
    "blind through an outage": (GOOD + "F" * 20 + "B" * 60 + "P" * 100, (), (), {Alert.PAGE}),
    "no data": (GOOD + "-" * 100, (), (), set()),
    "counter reset": (GOOD + letters(0.62, 100) + "P" * 100, (), (820, 845, 870), {Alert.PAGE}),
    "restart while firing": (GOOD + "F" * 20 + "P" * 80, (), (815,), {Alert.PAGE}),
    "a deploy that stumbles": (GOOD + "F" * 8 + "P" * 100, (808,), (), set()),
    "a deploy that breaks it": (GOOD + "F" * 40 + "P" * 100, (806,), (), {Alert.PAGE}),
}


def looked_at(firing):
    """How many fire at the turns before and after each change, with one between, and at every fiftieth turn."""
    turns = {number for change in changes(firing) for number in (change - 2, change + 1)}
    turns |= {*range(50, len(firing), 50)} - {number for change in changes(firing) for number in (change - 1, change)}
    return {number: int(firing[number]) for number in sorted(turns) if 0 < number < len(firing) - 1}


def changes(firing):
    """The turns at which an alarm began to fire, or ceased."""
    return [number for number, (before, now) in enumerate(pairwise(firing), start=1) if before != now]


def as_often(alert, firing, interval):
    """True where it fired at as many turns, give or take one at each change: so that it does not flap between looks."""
    span = f"{len(firing) * interval:g}s"
    fired = f'count_over_time(ALERTS{{alertname="{NAMES[alert]}",alertstate="firing"}}[{span}])'
    expr = f"abs((sum({fired}) or vector(0)) - {sum(firing)}) <= bool {len(changes(firing))}"
    at = f"{(len(firing) - 1) * interval:g}s"
    return {"expr": expr, "eval_time": at, "exp_samples": [{"labels": "{}", "value": 1}]}


def one_chain(threshold=0.95, interval=30.0):
    """A plan whose only chain is looked at so often; a deploy is given ten turns."""
    chain = b.chain(b.health_step(), threshold=threshold, interval_seconds=interval)
    alerting = Alerting(deploy_grace_seconds=10 * interval)
    return replace(build_plan(steps=chain.steps), chains={chain.name: chain}, alerting=alerting)


def page_and_ticket(plan):
    """The generated rules, but for those that have nothing to do with either: they take time."""
    _, group = document(plan, ())["groups"]
    kept = [rule for rule in group["rules"] if rule.get("alert") in {None, *NAMES.values()}]
    return json.dumps({"groups": [{**group, "rules": kept}]})


async def agrees(folder, plan, history):
    """What promtool has against the built-in alarms' account of a history, and which of them fired."""
    turns, deploys, resets, _ = history
    (chain,) = plan.chains.values()
    interval, built_in = chain.interval_seconds, is_firing(plan, turns, deploys)
    expected = {
        NAMES[alert]: {number * interval: count for number, count in looked_at(firing).items()}
        for alert, firing in built_in.items()
    }
    tried = case("agreement", interval, series(plan, turns, deploys, resets), expected)
    tried["promql_expr_test"] += [as_often(alert, firing, interval) for alert, firing in built_in.items()]
    code, said = await promtool(folder, page_and_ticket(plan), [tried], interval)
    return said[:5000] if code else "", {alert for alert, firing in built_in.items() if any(firing)}


@pytest.mark.parametrize("name", HISTORIES)
async def test_both_fire_and_clear_at_the_same_turns(tmp_path, name):
    """Page and ticket, through every history; the process of the built-in ones is restarted in its middle."""
    complaints, fired = await agrees(tmp_path, one_chain(), HISTORIES[name])

    assert "" == complaints
    assert HISTORIES[name][-1] == fired


@pytest.mark.parametrize(("threshold", "interval"), [(0.9, 300.0), (0.99, 5.0), (0.5, 30.0), (1.0, 30.0)])
@pytest.mark.parametrize("name", ["blind now and then"])
async def test_both_agree_at_any_threshold_and_interval(tmp_path, name, threshold, interval):
    """The counts of an outage are computed, and every duration follows the interval."""
    complaints, _ = await agrees(tmp_path, one_chain(threshold, interval), HISTORIES[name])

    assert "" == complaints


async def test_a_disagreement_would_be_seen(tmp_path):
    """The rules of another threshold do not tell the same story."""
    turns, deploys, resets, _ = HISTORIES["a short outage"]
    plan, firing = one_chain(), is_firing(one_chain(), turns, deploys)[Alert.PAGE]
    expected = {NAMES[Alert.PAGE]: {number * 30.0: count for number, count in looked_at(firing).items()}}
    tried = case("disagreement", 30.0, series(plan, turns, deploys, resets), expected)

    code, _ = await promtool(tmp_path, page_and_ticket(one_chain(0.5)), [tried], 30.0)

    assert 0 != code
