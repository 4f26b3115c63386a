from dataclasses import replace

import pytest

from prober.publish.series import BESIDE, series_of
from tests.publish import builders as p


@pytest.mark.parametrize(
    ("names", "series"),
    [
        (("chain",), ("gone",)),
        (("chain", "step"), ("validation", "gone")),
        (("service",), ("gone",)),
        (("issuer", "outcome"), ("gone", "minted")),
        (("secret", "outcome"), ("gone", "match")),
        (("receiver", "outcome"), ("gone", "taken")),
        (("reference", "outcome"), ("gone", "fetched")),
    ],
)
def test_what_is_gone_has_no_series(names, series):
    """Whatever label names it."""
    assert not series_of(p.build_plan()).lives(names)(series)


def test_what_is_configured_has_its_series():
    """Those of its chain, its steps and its services."""
    lives = series_of(p.build_plan("one", "two")).lives(("chain", "step", "service"))

    assert lives(("two", "messages", "backend"))
    assert not lives(("two", "messages", "gone"))


def test_a_step_belongs_to_its_chain():
    """The same name in another chain keeps no series of it."""
    plan = p.build_plan("one", "two")
    fewer = replace(plan.chains["two"], steps=(p.HEALTH,))
    lives = series_of(replace(plan, chains={**plan.chains, "two": fewer})).lives(("chain", "step"))

    assert lives(("one", "messages"))
    assert not lives(("two", "messages"))


@pytest.mark.parametrize(
    ("names", "after", "expected"),
    [
        (("chain",), p.build_plan("one", "two"), False),
        (("chain",), p.build_plan("two"), True),
        (("chain", "step"), p.build_plan("two"), True),
        (("chain", "step"), p.build_plan("one", steps=(p.HEALTH,)), True),
        (("chain",), p.build_plan("one", steps=(p.HEALTH,)), False),
        (("service",), replace(p.build_plan("one"), services={}), True),
        (("receiver", "outcome"), replace(p.build_plan("one"), services={}), False),
    ],
)
def test_only_what_is_gone_takes_series_along(names, after, expected):
    """Whoever reloads need not look through the others, however many there are."""
    before = series_of(p.build_plan("one"))

    assert expected == series_of(after).lost_since(before)(names)


def test_what_is_counted_beside_reports_is_born_by_its_labels():
    """One value for each label."""
    series = series_of(p.build_plan())

    for name, beside in BESIDE.items():
        assert {len(beside.labels)} >= {len(each) for each in series.born[name]}


def test_steps_of_the_same_names_are_kept_once():
    """Most chains differ in nothing but their name."""
    series = series_of(p.build_plan("one", "two"))

    assert series.steps["one"] is series.steps["two"]
