"""Every query of the Grafana dashboard, asked of a real Prometheus that scrapes real probers: well, then broken."""

import asyncio
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio

from prober.judge.window import wilson
from tests.prometheus.boards import ALL, asked, document, filled

BOARD = document()
QUERIES = {query.key: query for query in asked(BOARD)}

#: The causes of what was broken. What cannot be told from them in a dialect stands beside them.
CAUSES = {"jwt_secret_drift", "service_credentials_missing"}

#: Empty on purpose while all is well; each is seen not to be while it is not.
EMPTY_WHEN_WELL: Mapping[str, str] = {
    "102A": "no cause is named",
    "201A": "no cause was named",
    "202A": "no cause was named",
    "402A": "no step has failed",
    "404B": "no step met 403",
    "405B": "no step met 1008",
    "603A": "every control was refused",
    "802A": "no revision has changed",
    "annotation 0": "no revision has changed",
}

#: Empty even while broken. Whoever makes one of them come to life takes it out here.
EMPTY_ALWAYS: Mapping[str, str] = {
    "804A": "the lab speaks plain HTTP: there is no certificate to end",
}

#: Empty exactly as long as no prober tells of the metric: not every prober notifies, keeps gates, or tests itself.
EMPTY_WITHOUT: Mapping[str, str] = {
    "108B": "prober_selftest_up",
    "1002A": "prober_selftest_up",
    "1006A": "prober_history_bytes",
    "1007A": "prober_notifications_total",
    "1009A": "prober_gate_verdicts_total",
}

Answer = Mapping[str, float]


@dataclass(frozen=True)
class Seen:
    """What every query answered, by its key, in a state of the two stagings; and the metrics nobody told of then."""

    well: Mapping[str, Answer]
    broken: Mapping[str, Answer]
    untold_when_well: frozenset[str]
    untold_when_broken: frozenset[str]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seen(outfit):
    """All answers as they were while all was well, and while both were broken."""
    moments = outfit.well_at, outfit.broken_at
    answered = [await answers(outfit.prometheus, at) for at in moments]
    untold = [await untold_of(outfit.prometheus, at) for at in moments]
    return Seen(*answered, *untold)


async def answers(prometheus, at):
    """What every query answers, by its key; all as of one moment, so that they agree with each other."""
    found = await asyncio.gather(*(prometheus.query(each.filled(ALL), at) for each in QUERIES.values()))
    return dict(zip(QUERIES, found, strict=True))


async def untold_of(prometheus, at):
    """The keys of EMPTY_WITHOUT whose metric no prober exports."""
    found = {key: await prometheus.query(metric, at) for key, metric in EMPTY_WITHOUT.items()}
    return frozenset(empties(found))


def empties(answers):
    """The queries that answered nothing."""
    return {key for key, answer in answers.items() if not answer}


def of(answer, **labels):
    """The values of the series that have these labels."""
    return [value for series, value in answer.items() if labels.items() <= json.loads(series).items()]


def verdicts(answers):
    """What the dashboard says of the chains that were broken."""
    return {*of(answers["101A"], chain="validation")}


def causes(answers):
    """The causes the dashboard names."""
    return {json.loads(series)["cause"] for series in answers["102A"]}


def told(keys):
    """Keys with the panels they are of, for whoever reads a failure."""
    return {key: QUERIES[key].title for key in sorted(keys)}


async def test_while_all_is_well_only_those_are_empty_that_should_be(seen):
    """Each query answers but those listed; one that is listed and answers has to leave the list."""
    assert told(EMPTY_WHEN_WELL.keys() | EMPTY_ALWAYS.keys() | seen.untold_when_well) == told(empties(seen.well))


async def test_while_broken_every_query_answers(seen):
    """What was empty for good reasons is not any more."""
    assert told(EMPTY_ALWAYS.keys() | seen.untold_when_broken) == told(empties(seen.broken))


@pytest.mark.parametrize("state", ["well", "broken"])
async def test_every_value_is_a_number(seen, state):
    """No division by nothing, no quantile of nothing."""
    answers = getattr(seen, state)

    assert {} == told(key for key, answer in answers.items() if not all(map(math.isfinite, answer.values())))


async def test_the_first_row_tells_what_broke(seen):
    """Verdict, cause, secret, 403 and 1008: who opens it reads it there, and before that reads that all is well."""
    first = {
        state: {
            "verdict": verdicts(answers),
            "causes": causes(answers) & CAUSES,
            "open": {*answers["103A"].values()},
            "secrets": {*of(answers["104A"], secret="jwt", left="auth", right="backend")},
            "403": answers["106A"]["{}"] > 0,
            "1008": answers["107A"]["{}"] > 0,
        }
        for state, answers in (("well", seen.well), ("broken", seen.broken))
    }

    well = {"verdict": {1}, "causes": set(), "open": {0}, "secrets": {1}, "403": False, "1008": False}
    broken = {"verdict": {0}, "causes": CAUSES, "open": {0}, "secrets": {0}, "403": True, "1008": True}
    assert {"well": well, "broken": broken} == first


@pytest.mark.parametrize("state", ["well", "broken"])
async def test_its_bounds_are_those_of_the_reports(seen, state):
    """PromQL and judge/window.py compute the same interval from the same counts; the threshold is the config's."""
    ratio, samples, lower, upper, threshold, says = (getattr(seen, state)[f"105{letter}"] for letter in "ABCDEF")
    chains = [series for series in ratio if json.loads(series)["chain"] == "validation"]
    bounds = {each: wilson(round(ratio[each] * samples[each]), int(samples[each])) for each in chains}

    assert len(chains) == 2
    assert {each: pytest.approx(bound, abs=1e-4) for each, bound in bounds.items()} == {
        each: (lower[each], upper[each]) for each in chains
    }
    assert {0.95} == {threshold[each] for each in chains}
    assert {(upper[each] < 0.95) - (lower[each] >= 0.95) for each in chains} == {says[each] for each in chains}


async def test_a_new_revision_is_marked_when_it_came(outfit, seen):
    """The annotation's value is its time in milliseconds, and it names service and revision."""
    ((series, at),) = seen.broken["annotation 0"].items()

    assert {"service": "backend", "revision": "fff0000"} == json.loads(series)
    assert outfit.well_at < at / 1000 < outfit.broken_at


async def test_an_exemplar_names_a_run_that_can_be_read(outfit, seen):
    """A click on a point of a duration leads to the report of that run."""
    exemplars = await outfit.prometheus.exemplars('prober_chain_duration_seconds_bucket{dialect="real"}')
    address = f"{outfit.probers['real'].url}/api/v1/runs/{exemplars[-1]['run_id']}"
    report = await outfit.prometheus.client.get(address)

    assert (200, exemplars[-1]["run_id"]) == (report.status_code, report.json()["run"]["id"])
    assert exemplars[-1]["trace_id"] == exemplars[-1]["run_id"]


async def test_one_chain_and_one_step_can_be_chosen(outfit, seen):
    """The variables narrow what is asked: nothing of another chain or step is left."""
    chosen = ALL | {"chain": "validation", "step": "messages-with-our-token"}
    narrowed = [each for each in QUERIES.values() if "$chain" in each.expr or "$step" in each.expr]
    queries = (outfit.prometheus.query(each.filled(chosen), outfit.broken_at) for each in narrowed)
    found = await asyncio.gather(*queries)
    labels = [json.loads(series) for answer in found for series in answer]

    assert {"validation"} == {each["chain"] for each in labels if "chain" in each}
    assert {"messages-with-our-token"} == {each["step"] for each in labels if "step" in each}


async def test_its_variables_have_values(outfit, seen):
    """What stands at the top can be chosen from."""
    offered = {}
    for variable in BOARD["templating"]["list"]:
        if variable["type"] == "query":
            series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
            found = await outfit.prometheus.query(f"count by ({label}) ({filled(series, ALL)})", outfit.broken_at)
            offered[variable["name"]] = {json.loads(each).get(label) for each in found}

    assert {"validation", "controls"} <= offered["chain"]
    assert "messages-with-our-token" in offered["step"]
    assert ({"prober"}, {"lab"}, 2) == (offered["job"], offered["environment"], len(offered["instance"]))
