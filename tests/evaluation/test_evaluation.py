import sys
from collections import Counter

import pytest

from prober.lab.faults import FAULTS
from tests.evaluation import __main__ as command
from tests.evaluation import workers
from tests.evaluation.alike import ALIKE, alike
from tests.evaluation.baselines import by_code, majority, nearest
from tests.evaluation.cases import SHORT, Case, Kind, Plan, planned, touched, variation
from tests.evaluation.page import About, aims, found, page
from tests.evaluation.records import Record, append, load, still_to_do
from tests.evaluation.scoring import (
    Answer,
    Scored,
    Share,
    blamed,
    coincide,
    confusion,
    counting,
    engine,
    mean_set_size,
    without_effect,
)
from tests.evaluation.varied import write_config

OURS = frozenset({"prober_secret_wrong"})
ABOUT = About(command="python -m tests.evaluation", date="2030-01-01", cores=2, causes=frozenset({"a"}), ours=OURS)


def case(*faults, kind=Kind.SINGLE, **more):
    """A case in the real dialect, as shipped."""
    return Case(**{"kind": kind, "faults": faults, "dialect": "real", **more})


def record(*faults, said=None, reads=None, kind=Kind.SINGLE, case_of=None, **more):
    """What came of a case: `said` with its confidences, `reads` with what is abnormal in it."""
    reads = {"health(backend)": "unreachable"} if reads is None else reads
    abnormal = tuple(signal for signal, value in reads.items() if value != "ok")
    state = "diagnosed" if said else "unknown"
    return Record(
        **{
            "case": case(*faults, kind=kind, **(case_of or {})),
            "state": state,
            "verdict": "fail",
            "causes": said or {},
            "readings": reads,
            "abnormal": abnormal,
            **more,
        }
    )


def healthy(**more):
    """A run in which nothing was broken."""
    return record(kind=Kind.CONTROL, **{"reads": {"health(backend)": "ok"}, "state": "healthy", **more})


def scored(*faults, said=None, **more):
    """A record and what the engine said to it."""
    return Scored(made := record(*faults, said=said, **more), engine(made))


# ── what is right ────────────────────────────────────────────────────────────────────────────────────────────────────

DRIFT, MISSING = "service_secret_drift_at_backend", "service_credentials_missing"


@pytest.mark.parametrize(
    ("truth", "said", "expected"),
    [
        (["a"], {"a": "high"}, (True, True, True, False)),
        (["a"], {"a": "medium", "b": "medium"}, (False, False, True, False)),
        (["a"], {"a": "high", "b": "high"}, (False, False, True, True)),
        (["a"], {"b": "high"}, (False, False, False, True)),
        (["a"], {"b": "medium"}, (False, False, False, False)),
        (["a"], {}, (False, False, False, False)),
        ([DRIFT], {DRIFT: "medium", MISSING: "medium"}, (False, True, True, False)),
        ([MISSING], {DRIFT: "medium", MISSING: "medium"}, (False, False, True, False)),
        ([DRIFT], {MISSING: "medium"}, (False, False, False, False)),
        (["a", "b"], {"b": "high"}, (True, True, True, False)),
        (["a", "b"], {"a": "high", "b": "high"}, (True, True, True, False)),
        (["a", "b"], {"a": "high", "c": "high"}, (False, False, True, True)),
        (["a", DRIFT], {"a": "high", DRIFT: "medium", MISSING: "medium"}, (False, True, True, False)),
    ],
)
def test_an_answer_is_right_if_it_names_the_truth_and_nothing_that_can_be_told_from_it(truth, said, expected):
    """Alone, or in a set that nothing readable splits; what is surely named must be broken, whatever stands beside."""
    it = scored(*truth, said=said, kind=Kind.PAIR if len(truth) == 2 else Kind.SINGLE)

    assert expected == (it.is_top1, it.is_right, it.is_hit, it.is_high_and_wrong)


def test_of_two_faults_both_may_be_named():
    """That is counted apart, for one fault may hide another."""
    assert scored("a", "b", said={"b": "high", "a": "high"}).is_whole
    assert not scored("a", "b", said={"b": "high"}).is_whole


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer({}), True),
        (Answer({"a": "medium", "b": "medium"}), True),
        (Answer({"a": "high"}), False),
        (Answer({}, says_all_is_well=True), False),
    ],
)
def test_outside_the_catalogue_nothing_may_be_sure(answer, expected):
    """Neither that something known is broken, nor that all is well."""
    it = Scored(record("flood", kind=Kind.OUTSIDE), answer)

    assert (expected, frozenset()) == (it.is_modest, it.truth)


def test_what_is_alike_depends_on_what_can_be_read():
    """Where the backend's words cannot be read, more faults look alike; where time cannot, still more."""

    def most(fault, dialect, *, reworded=False, latency=0.0):
        return max(alike(fault, dialect, reworded=reworded, latency=latency), key=len)

    assert {"service_header_illegal"} == most("service_header_illegal", "real")
    assert {MISSING, DRIFT, "service_header_illegal"} == most("service_header_illegal", "real", reworded=True)
    assert {"backend_cannot_reach_auth"} == most("backend_cannot_reach_auth", "reports", latency=0.1)
    assert len(most("backend_cannot_reach_auth", "reports", latency=2.0)) == 4


def test_what_is_alike_are_faults_of_the_lab():
    """Each with its reason; a fault that was renamed is found here."""
    assert {name for each in ALIKE for name in each.members} <= {fault.name for fault in FAULTS}
    assert all(each.why and each.only_for <= each.members for each in ALIKE)


# ── which cases count ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_fault_that_shows_nowhere_does_not_count():
    """It is told apart from those that count, and so is what went wrong; healthy runs are no faults."""
    seen, unseen = record("a"), record("b", reads={"health(backend)": "ok"})
    records = [healthy(), seen, unseen, record("c", trouble="its process died")]

    assert ([seen], [unseen]) == (counting(records), without_effect(records))


def test_what_healthy_runs_read_too_shows_no_fault():
    """Of the same group only: other words or names may read otherwise."""
    odd = {"revision(backend)": "other"}
    same, other = record("a", reads=odd), record("a", reads=odd, case_of={"seed": 1})

    assert [other] == counting([healthy(reads=odd), same, other])


def test_random_failures_show_no_fault():
    """Among them a fault counts if it shows without them, however it flickers; else only what is steady shows it."""
    noise = {"failures": 0.03, "case_of": {"noise": True}}
    flickers, steady = record("a", reads={"health(backend)": "error~"}, **noise), record("a", **noise)
    quiet, silent = record("a"), record("a", reads={"health(backend)": "ok"})

    assert [] == counting([flickers])
    assert [steady] == counting([steady])
    assert [quiet, flickers] == counting([quiet, flickers])
    assert [] == counting([silent, steady])


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_share_is_told_with_its_counts_and_bounds():
    """Of nothing there is no share."""
    assert ("0.500 (1/2; 0.095–0.905)", "–") == (str(Share(1, 2)), str(Share(0, 0)))


def test_the_mean_set_is_of_those_who_say_something():
    """Silence is counted as coverage, not as a small set."""
    told = [scored("a", said={"a": "medium", "b": "medium"}), scored("a", said={"a": "high"}), scored("a")]

    assert mean_set_size(told) == 1.5
    assert mean_set_size([]) is None


def test_only_confusions_are_shown():
    """By what was broken, most confused first."""
    told = [scored("a", said={"a": "high"}), scored("a"), scored("b"), scored("b", said={"c": "high"})]

    assert {"b": Counter({"UNKNOWN": 1, "c (high)": 1}), "a": Counter({"UNKNOWN": 1})} == confusion(told)
    assert ["b", "a"] == list(confusion(told))


@pytest.mark.parametrize(
    ("verdict", "said", "failures", "expected"),
    [
        ("blind", "prober_secret_wrong", 0.0, 0),
        ("fail", "prober_secret_wrong", 0.0, 1),
        ("fail", "prober_secret_wrong", 0.03, 0),
        ("fail", "jwt_secret_drift", 0.03, 1),
    ],
)
def test_our_own_faults_are_never_booked_on_the_target(verdict, said, failures, expected):
    """A run is BLIND, unless requests fail at random beside; then no cause of the target's may be named."""
    own = scored("prober_secret_wrong", said={said: "high"}, verdict=verdict, failures=failures)

    assert Share(expected, 1) == blamed([own, scored("a")], OURS)


def test_the_table_of_what_is_alike_is_held_against_what_was_read():
    """Two faults that read otherwise in a run are not alike in it."""
    both = [record(name, case_of={"dialect": "reports"}) for name in (DRIFT, MISSING)]
    apart = [record(DRIFT, case_of={"dialect": "reports", "seed": 1})]
    apart += [record(MISSING, reads={"health(backend)": "tls"}, case_of={"dialect": "reports", "seed": 1})]

    assert {(MISSING, DRIFT): Share(1, 2)} == {each.pair: each.share for each in coincide([*both, *apart])}


# ── simpler minds ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_commonest_fault_is_always_named():
    """Surely, whatever is asked."""
    assert {"a": "high"} == majority([record("b"), record("a"), record("a")])(record("b")).causes


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["rest 403", "mint 503"], "bypass_key_absent"),
        (["rest 403", "socket 1008"], "jwt_secret_drift"),
        (["socket 1008"], "upgrade_header_stripped"),
        (["socket lets none in"], "ws_open_to_anyone"),
        (["rest 418"], None),
    ],
)
def test_codes_are_looked_up(codes, expected):
    """The first line of the table that fits counts; what it does not list is unknown."""
    assert ([expected] if expected else []) == list(by_code(record("a", codes=tuple(codes))).causes)


def test_the_nearest_case_is_of_another_seed():
    """With one seed there is none to learn from."""
    one, other = record("a"), record("b", reads={"health(auth)": "tls"})
    asked = record("c", reads={"health(auth)": "tls", "pace(auth)": "ok"}, case_of={"seed": 1})

    assert {"b": "high"} == nearest([one, other, asked])(asked).causes
    assert {} == nearest([one, other])(one).causes


# ── the plan ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_is_planned_once():
    """Each fault in each dialect, seed and noise, healthy runs of each of these first, and as many pairs as asked."""
    cases = planned(Plan(outside=("flood",), seeds=2, pairs=7, controls=2))
    groups = 2 * 2 * 2

    assert len(cases) == len({each.id for each in cases})
    assert {
        Kind.CONTROL: 2 * groups, Kind.SINGLE: len(FAULTS) * groups, Kind.OUTSIDE: groups, Kind.PAIR: 7,
    } == Counter(each.kind for each in cases)  # fmt: skip
    assert {Kind.CONTROL} == {each.kind for each in cases[: 2 * groups]}


def test_a_last_word_is_spoken_on_worlds_that_nobody_has_seen():
    """All seeds are others then, but for the lab as shipped."""
    before, after = (planned(Plan(seeds=2, first_seed=first, pairs=9)) for first in (0, 100))

    assert {True} == {each.is_as_shipped for each in {*before} & {*after}}
    assert {0, 100, 101} == {each.seed for each in after}


def test_two_faults_at_once_touch_different_settings():
    """Else one would simply overwrite the other."""
    faults = {fault.name: touched(fault) for fault in FAULTS}
    pairs = [each.faults for each in planned(Plan(pairs=50, seeds=1)) if each.kind is Kind.PAIR]

    assert len(pairs) == 50
    assert [] == [pair for pair in pairs if faults[pair[0]] & faults[pair[1]]]


def test_a_plan_is_the_same_every_time():
    """What chance decides follows from names, so that a run can be taken up again and told by others."""
    assert planned(Plan(pairs=9)) == planned(Plan(pairs=9))
    assert variation(case("a", seed=3, noise=True)) == variation(case("a", seed=3, noise=True))


def test_the_first_seed_is_the_lab_as_shipped():
    """Every other has other names and another order; only with noise do requests fail."""
    shipped, quiet, noisy = (variation(case("a", seed=seed, noise=noise)) for seed, noise in ((0, 0), (1, 0), (1, 1)))

    assert (("auth", "backend"), None, (0.0, 0.0), 0.0) == (
        shipped.services, shipped.order, shipped.latency, shipped.failures,
    )  # fmt: skip
    assert quiet.order == noisy.order is not None
    assert "auth" not in quiet.services
    assert 0.0 == quiet.failures < 0.01 <= noisy.failures <= 0.05


# ── long runs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_interrupted_run_is_taken_up(tmp_path):
    """What was looked at with this very program and went well is not looked at again; a torn line is left out."""
    file, good, bad = tmp_path / "run.jsonl", record("a").of("this"), record("b", trouble="died").of("this")
    for each in (good, bad, record("c").of("another")):
        append(file, each)
    file.write_text(file.read_text() + '{"case": {"kind"')
    done = load(file)
    cases = [each.case for each in done.values()]

    assert good == done[good.case.id]
    assert ["b", "c"] == [each.faults[0] for each in still_to_do(cases, done, "this")]


#: A worker that answers, dies, babbles or hangs as the fault's name says.
SCRIPTED = """
import json, sys, time
for line in sys.stdin:
    case = json.loads(line)
    what = case["faults"][0]
    if what == "dies": sys.exit(3)
    if what == "hangs": time.sleep(60)
    said = "babble" if what == "babbles" else json.dumps({"case": case, "abnormal": [], "codes": []})
    print(said, flush=True)
"""


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("answers", ""),
        ("dies", "its process died"),
        ("babbles", "its process answered with something else"),
        ("hangs", "took longer than 1 s"),
    ],
)
async def test_a_case_that_goes_wrong_is_told_and_the_next_one_is_looked_at(what, expected):
    """By a new process where the old one was lost."""
    worker = workers.Worker([sys.executable, "-c", SCRIPTED], lambda _case: 1.0)
    try:
        told = [await worker.look(case(name)) for name in (what, "answers")]
    finally:
        await worker.retire()

    assert [expected, ""] == [each.trouble for each in told]


async def test_a_config_may_be_written_otherwise(tmp_path):
    """Services under other names and steps in another order are the same config."""
    shipped = write_config(tmp_path / "shipped.yaml", variation(case()))
    varied = write_config(tmp_path / "varied.yaml", variation(case(seed=1)))

    assert "gateway" not in shipped.read_text()
    assert Counter(varied.read_text().count(name) > 0 for name in ("gateway", "identity")) == {True: 2}


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_tells_everything():
    """What was missed and what stands in the way, every wrong case, what does not count and what ended in trouble."""
    told = page(
        [
            healthy(),
            record("a", said={"a": "high"}),
            record("b", said={"c": "high"}),
            record("d", reads={"health(backend)": "ok"}),
            record("e", trouble="its process died"),
        ],
        ABOUT,
    )

    assert "| 0.500 (1/2; 0.095–0.905) | **missed** |" in told
    assert "- `b`: 1 of 1 missed. The diagnosis has no such cause. Said instead: c (high) × 1." in told
    assert "- Surely named and wrong: c for b × 1." in told
    assert "| `b` | real | 0 | c (high) |" in told
    assert "| `d` | real | 0 |" in told
    assert "| single/e/real/0 | its process died |" in told


def test_an_aim_without_cases_is_neither_met_nor_missed():
    """Nothing was looked at."""
    assert {None} == {aim.is_met for aim in aims(found([]), ABOUT)}


def test_the_command_tells_what_a_file_holds(tmp_path, monkeypatch, capsys):
    """Also while the run goes on: `--render` looks at nothing."""
    file, written = tmp_path / "run.jsonl", tmp_path / "page.md"
    append(file, record("backend_down", said={"backend_down": "high"}))
    monkeypatch.setattr(command, "look_at_all", None)

    code = command.main(["--render", "--save", str(file), "--write", str(written), "--date", "2030-01-01"])

    assert code == 0
    assert "1.000 (1/1; 0.207–1.000) | met" in capsys.readouterr().out
    assert str(tmp_path) not in written.read_text()
    assert "Run on 2030-01-01" in written.read_text()


# ── for real ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_six_faults_for_real():
    """Each is among what is named, nothing is surely named that is not broken, and where all is well nothing is."""
    cases, records = planned(Plan(faults=SHORT, dialects=("real",), seeds=1, noise=(False,), pairs=0, controls=1)), []

    await workers.look_at_all(cases, 2, records.append)

    told = [Scored(each, engine(each)) for each in counting(records)]
    assert [] == [each.trouble for each in records if each.trouble]
    assert sorted(SHORT) == sorted(each.case.faults[0] for each in told)
    assert [] == [(each.case.id, str(each.answer)) for each in told if not each.is_hit or each.is_high_and_wrong]
    assert ["healthy"] == [each.state for each in records if each.case.kind is Kind.CONTROL]
