"""What can be judged of a document of which parts are broken."""

import pytest

from prober.config.tree import grow
from prober.config.view import view


@pytest.fixture
def tree(good):
    """The good file as plain values."""
    return grow(good(), "good.yaml").value


def test_what_is_whole_is_seen_whole(tree):
    """Nothing is cut where nothing is broken."""
    seen = view(tree)

    assert (4, True) == (len(list(seen.every_step())), seen.is_whole("chains"))


def test_steps_keep_their_places_when_others_are_cut(tree):
    """Or a complaint would point at a neighbour."""
    seen = view(tree, [("chains", "main", "steps", 1, "http", "get")])

    assert [0, 2, 3] == [at[-1] for at, _ in seen.every_step()]


def test_names_of_what_is_cut_are_still_known(tree):
    """Or every mention of them would be blamed."""
    seen = view(tree, [("services", "auth", "url"), ("chains", "main", "steps", 1)])

    assert (("auth", "backend"), True) == (seen.names["services"], "mint" in seen.step_names["main"])


@pytest.mark.parametrize(
    "location",
    [
        ("version",),
        ("environment",),
        ("services",),
        ("services", "auth", "[key]"),
        ("secrets", "jwt"),
        ("chains", "main", "interval"),
        ("chains", "main", "steps"),
        ("chains", "main", "[key]"),
        ("colour",),
    ],
)
def test_a_cut_never_hurts_the_document_it_is_made_in(tree, location):
    """The caller goes on to use it."""
    before = repr(tree)

    view(tree, [location])

    assert before == repr(tree)


@pytest.mark.parametrize(("value", "locations"), [(None, [()]), ([], []), ({}, []), ("text", [()])])
def test_nothing_is_seen_of_nothing(value, locations):
    """The complaint about its shape is enough."""
    assert view(value, locations) is None


def test_a_chain_that_is_no_mapping_hides_only_itself(tree):
    """The other chain is judged."""
    tree["chains"]["other"] = 5

    assert ["main"] == list(view(tree, [("chains", "other")]).steps)
