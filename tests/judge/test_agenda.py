from itertools import pairwise

from prober.judge.agenda import Agenda, Entry


def test_the_first_is_at_hand():
    """Whatever the order in which chains were laid."""
    agenda = Agenda([Entry(30.0, "late", 60.0), Entry(10.0, "soon", 60.0), Entry(20.0, "later", 60.0)])

    assert 10.0 == agenda.next_seconds
    assert ([], ["soon"], ["later", "late"]) == tuple(agenda.due(now) for now in (9.9, 10.0, 40.0))
    assert 70.0 == agenda.next_seconds


def test_what_was_passed_over_is_one_turn():
    """Who was away for long takes one turn, and the next where it would have been."""
    agenda = Agenda([Entry(10.0, "chain", 3.0)])

    assert (["chain"], 22.0) == (agenda.due(20.0), agenda.next_seconds)
    assert (["chain"], 25.0) == (agenda.due(22.0), agenda.next_seconds)


def test_turns_keep_to_their_grid():
    """However late each was asked for: lateness does not add up."""
    agenda, asked = Agenda([Entry(0.25, "chain", 0.5)]), []
    for number in range(1000):
        asked += agenda.due(number * 0.5 + 0.3)

    assert 1000 == len(asked)
    assert abs(agenda.next_seconds - 500.25) < 1e-6


def test_every_chain_comes_at_its_own_pace():
    """Side by side, for as long as there are any."""
    agenda = Agenda([Entry(float(number), f"every-{number}", float(number)) for number in (1, 2, 3)])
    came = [(now, name) for now in range(1, 13) for name in agenda.due(float(now))]

    assert (12, 6, 4) == tuple(sum(name == f"every-{number}" for _, name in came) for number in (1, 2, 3))
    assert all(sooner <= later for (sooner, _), (later, _) in pairwise(came))


def test_an_empty_agenda_has_nothing_due():
    """And no next turn."""
    agenda = Agenda()

    assert ([], None) == (agenda.due(1e9), agenda.next_seconds)
