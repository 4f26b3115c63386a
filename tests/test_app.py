"""Everything joined: turns, runs that are asked for, reload, and an end that lets what is running finish."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
import structlog

from prober.app import Listening, Prober, mint_token, read_plan, send_samples
from prober.gather import hands
from prober.gather.secret_check import unavailable_secrets
from prober.gather.wire.http import HttpWire
from prober.judge.recall import recall_of
from prober.judge.sharding import falls_to
from prober.judge.verdict import judge
from prober.model.aims import Aims
from prober.model.alarm import AlarmState, Alert
from prober.model.chain import Trigger
from prober.model.errors import (
    CannotListen,
    ChainElsewhere,
    ChainPaused,
    ConfigError,
    NotATestSubject,
    NothingMatched,
    StoreNotOurs,
)
from prober.model.gate import GateVerdict
from prober.model.notice import Kind
from prober.model.order import Aborted, Asker, Order, OrderState
from prober.model.order import Kind as OrderKind
from prober.model.selftest import SelfTest
from prober.model.shard import Shard
from prober.model.trend import Recall
from prober.model.verdict import Reason, RunVerdict, Verdict
from prober.publish.history.entries import Closed
from prober.publish.metrics import render
from prober.publish.notify.handover import Handed
from tests.gather.peers import NOON, SECRET, SUBJECT, answers, raw_peer
from tests.live import serving, total
from tests.publish.notify.webhook import notice, webhook
from tests.publish.test_traces import receiver
from tests.test_pausing import Books

CONFIG = """
version: 1
environment: staging
secrets: {jwt: env:JWT, trigger: env:TRIGGER}
trigger: {secret: trigger}
services:
  backend: {role: backend, url: "${BACKEND_URL}"}
identities:
  tester: {subject: staging-e2e-user-001, email: tester@staging.example}
issuers:
  local: {mint: local, secret: jwt}
  forged: {mint: forged, like: local}
chains:
  validation:
    interval: 5s
    steps:
      - {name: health, probe: http, service: backend, get: /health, shows: health}
"""
SECOND = """
  second:
    interval: 5s
    steps:
      - {name: health, probe: http, service: backend, get: /health, shows: health}
"""
TRIGGER = "trigger-token-of-this-test"

#: Of a gate where nothing is being started.
AT_ONCE = Aims(warm_up_seconds=0.0)


class Backend:
    """A backend whose health takes as long as the test wants."""

    def __init__(self):
        """Answer at once."""
        self.asked, self.free = 0, asyncio.Event()
        self.free.set()

    async def __call__(self, reader, writer):
        """Tell that all is well, once we may."""
        self.asked += 1
        await self.free.wait()
        await answers(200, b"{}")(reader, writer)


class Collected:
    """A sink that keeps what it is told."""

    name = "collected"

    def __init__(self):
        """Nothing yet."""
        self.reports = []

    async def write(self, report):
        """Keep it."""
        self.reports.append(report)


class Broken:
    """A sink that fails."""

    name = "broken"

    async def write(self, _report):
        """Fail."""
        raise ZeroDivisionError


@pytest.fixture
async def backend():
    """The backend, and its address as `url`."""
    here = Backend()
    async with raw_peer(here) as port:
        here.url = f"http://127.0.0.1:{port}"
        yield here
        here.free.set()


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Whoever serves keeps history in the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config(tmp_path):
    """The config file."""
    path = tmp_path / "probes.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def environ(backend):
    """The environment that the config needs."""
    return {"BACKEND_URL": backend.url, "JWT": SECRET, "TRIGGER": TRIGGER}


@pytest.fixture
async def prober(config, environ):
    """A prober that is closed at the end."""
    made = Prober(config, environ)
    yield made
    await made.aclose()


def counted(prober, line):
    """The value of a line of the metrics page."""
    page = render(prober.board, "")[0].decode()
    return float(re.search(rf"^{re.escape(line)} (\S+)$", page, flags=re.MULTILINE)[1])


async def take_a_turn(prober):
    """The turn of a slot that is due; the one before is long over."""
    chain = prober.plan.chains["validation"]
    prober.history._last.clear()
    await prober._scheduled(chain, await prober.history.due(chain))


async def ask(prober, chain="validation", trigger=Trigger.MANUAL):
    """Ask for a run."""
    if not prober.history.is_open:
        await prober._open_history()
    order = Order(chain=chain, trigger=trigger, reason="because", revision="backend-00097")
    return (await prober.ask(order, Asker("ci"))).id


# ── turns ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_one_round(prober):
    """A turn of each chain, told to the board and to history, and returned."""
    (report,) = await prober.once(())

    assert (RunVerdict.PASS, Trigger.MANUAL) == (report.run.verdict, report.run.trigger)
    assert report is prober.board.latest["validation"]
    assert report.run.id == (await prober.history.get(report.run.id))["run"]["id"]


async def test_a_round_of_chains_by_name(prober, config):
    """Only those, in the order they were named."""
    config.write_text(CONFIG + SECOND)
    await prober.reload()

    assert ["second", "validation"] == [r.run.chain.name for r in await prober.once(["second", "validation"])]
    assert ["validation", "second"] == [r.run.chain.name for r in await prober.once(())]


async def test_nothing_runs_where_one_name_is_unknown(prober, backend):
    """A typing mistake is told before anything is asked of anybody."""
    with pytest.raises(NothingMatched, match=r"no chain is called 'valuation'; did you mean validation\?"):
        await prober.once(["validation", "valuation"])

    assert 0 == backend.asked


async def test_steps_are_told_as_they_end(config, environ):
    """To whoever wants to hear of each."""
    heard = []
    prober = Prober(config, environ, told=lambda result: heard.append(result.step.name))

    await prober.once(())
    await prober.aclose()

    assert ["health"] == heard


async def test_every_sink_is_told_though_one_fails(config, environ):
    """The failure is counted as ours."""
    collected = Collected()
    prober = Prober(config, environ, extra=[Broken(), collected])

    (report,) = await prober.once(())
    await prober.aclose()

    assert [report] == collected.reports
    assert 1 == counted(prober, 'prober_internal_errors_total{component="publish"}')


async def test_a_turn_that_breaks_is_our_own_fault(config, environ):
    """It is counted as that, is never booked on the target, and does not stay as a run that goes on for ever."""

    def break_down(_result):
        """Whoever is told falls over."""
        raise ZeroDivisionError

    prober = Prober(config, environ, told=break_down)
    run_id = await ask(prober)

    assert await prober.wait(run_id, 5) is None
    assert not prober.is_running(run_id)
    assert 1 == counted(prober, 'prober_internal_errors_total{component="cycle"}')
    assert 0 == counted(prober, 'prober_chain_runs_total{chain="validation",trigger="manual",verdict="fail"}')
    await prober.aclose()


@pytest.mark.parametrize("kind", OrderKind)
async def test_an_order_whose_turn_is_cancelled_comes_to_nothing(prober, backend, kind):
    """As by a reload that has waited for long enough: nobody would ever end it."""
    await prober._open_history()
    backend.free.clear()
    aims = AT_ONCE if kind is OrderKind.GATE else None
    taken = await prober.ask(Order(kind=kind, chain="validation", aims=aims), Asker("ci"))
    await until(lambda: backend.asked)
    for turn in list(prober._turns.values()):
        turn.cancel()
    found = await prober.followed(taken.id, 5)

    assert (OrderState.ABORTED, Aborted.BROKE) == (found.state, found.why)


# ── what an operator has stopped ─────────────────────────────────────────────────────────────────────────────────────


async def pulled(prober):
    """The switch of the backend, pulled; without a history slots are ours at once."""
    if not prober.history.is_open:
        await prober._pausing.open(Books(), prober._paused_file(), prober.history.time)
    return await prober.pause("backend", reason=f"it leaks {SECRET}", by="ops", seconds=None)


async def test_what_is_under_way_when_a_switch_is_pulled_is_cut_off_and_nobodys_fault(prober, backend):
    """BLIND by our own doing: its slot is recorded, nothing fails, and no duration is counted."""
    chain = prober.plan.chains["validation"]
    backend.free.clear()
    turn = asyncio.create_task(prober._scheduled(chain, await prober.history.due(chain)))
    await until(lambda: backend.asked)
    await pulled(prober)
    await asyncio.wait_for(turn, 5)
    (result,) = prober.board.latest["validation"].run.results

    assert (Verdict.BLIND, Reason.OWN_PAUSE) == (result.verdict, result.reason)
    assert RunVerdict.BLIND is prober.board.latest["validation"].run.verdict
    assert 1 == counted(prober, 'prober_slots_recorded_total{chain="validation"}')
    assert 0 == counted(prober, 'prober_chain_runs_total{chain="validation",trigger="schedule",verdict="fail"}')
    assert 0 == counted(prober, 'prober_chain_duration_seconds_count{chain="validation"}')
    assert SECRET not in result.detail


async def test_a_turn_of_what_is_paused_is_missed_and_nobody_looks(prober, backend):
    """The books say why; no first look, no run beside the schedule, none of a gate."""
    await pulled(prober)
    prober._is_ticking = True
    await take_a_turn(prober)
    prober.begin(prober.plan.chains.values())
    await prober._first_look(prober.plan.chains["validation"])
    with pytest.raises(ChainPaused):
        await prober.gate("validation", AT_ONCE)
    with pytest.raises(ChainPaused):
        await prober.probe("validation", 1.0, anew=True)
    with pytest.raises(ChainPaused):
        await prober.ask(Order(chain="validation"), Asker("ci"))

    assert 1 == counted(prober, 'prober_slots_missed_total{chain="validation",reason="paused"}')
    assert 0 == backend.asked
    assert 1 == counted(prober, 'prober_paused{service="backend"}')
    assert prober.board.is_up("validation") is None


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize("kind", OrderKind)
async def test_an_order_that_is_under_way_when_a_switch_is_pulled_is_no_go(prober, backend, kind):
    """A gate ends as paused, and so does what waits; a run that was cut off has a report, which is BLIND."""
    await prober._open_history()
    backend.free.clear()
    taken = await prober.ask(Order(kind=kind, chain="validation", aims=AT_ONCE), Asker("ci"))
    await until(lambda: backend.asked)
    await pulled(prober)
    found = await prober.followed(taken.id, 5)
    report = await prober.history.get(taken.id)

    assert 1 == backend.asked
    if kind is OrderKind.GATE:
        assert (OrderState.ABORTED, Aborted.PAUSED) == (found.state, found.why)
    else:
        assert "blind" == report["run"]["verdict"]


async def test_a_pause_outlives_a_reload_and_a_restart_and_holds_beside(config, environ, backend):
    """For whoever looks from the same folder, too; until it is lifted."""
    prober = Prober(config, environ)
    await prober._open_history()
    await pulled(prober)
    await prober.reload()
    with pytest.raises(ChainPaused):
        await ask(prober)
    beside = Prober(config, environ)
    await beside.heed_pauses()
    with pytest.raises(ChainPaused):
        await beside.once(())
    await prober.aclose()
    again = Prober(config, environ)
    await again._open_history()
    with pytest.raises(ChainPaused, match=r"it leaks \[.*\]"):
        await ask(again)
    await again.resume("backend", by="ops")
    (report,) = await again.once(())
    for each in (beside, again):
        await each.aclose()

    assert RunVerdict.PASS is report.run.verdict
    assert 1 == backend.asked


# ── runs that are asked for ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_run_that_is_asked_for(prober):
    """It says who asked, why, and for which revision; whoever waits gets its report."""
    run_id = await ask(prober, trigger=Trigger.DEPLOY)
    report = await prober.wait(run_id, 5)

    assert (run_id, Trigger.DEPLOY) == (report["run"]["id"], report["run"]["trigger"])
    assert ("because", "backend-00097") == (report["run"]["reason"], report["run"]["revision"])


async def test_who_asks_while_one_goes_joins_it(prober, backend):
    """Two who ask at once load the services once; who asks after its end gets another."""
    backend.free.clear()
    first, second = await ask(prober), await ask(prober)
    going = prober.is_running(first)
    backend.free.set()
    await prober.wait(first, 5)
    third = await ask(prober)
    await prober.wait(third, 5)

    assert (first, True, 2) == (second, going, backend.asked)
    assert third != first
    assert not prober.is_running(first)


async def test_a_caller_may_lose_patience(prober, backend):
    """The run goes on, and its report can be had later."""
    backend.free.clear()
    run_id = await ask(prober)
    early = await prober.wait(run_id, 0.05)
    backend.free.set()

    assert early is None
    assert run_id == (await prober.wait(run_id, 5))["run"]["id"]


async def test_scrapers_share_a_run(prober, backend):
    """Those who ask at the same time, and those who ask soon after; who would have it anew gets another."""
    told = await asyncio.gather(*(prober.probe("validation", 10.0, anew=False) for _ in range(5)))
    told.append(await prober.probe("validation", 10.0, anew=False))
    again = await prober.probe("validation", 10.0, anew=True)

    assert len({each["run"]["id"] for each in told}) == 1
    assert told[0]["run"].items() >= {"verdict": "pass", "trigger": "manual", "reason": "/probe"}.items()
    assert (again["run"]["id"] != told[0]["run"]["id"], backend.asked) == (True, 2)
    assert told[0]["window"]["samples"] == again["window"]["samples"] == 0


async def test_a_scrape_of_little_patience_hears_what_is_sure_already(config, environ):
    """A step that failed has failed, whatever the others come to; and before, nothing is said."""
    slow = "      - {name: slow, probe: http, service: backend, get: /slow}\n"
    config.write_text(CONFIG.replace("shows: health}", "shows: health, expect: {status: 204}}") + slow)
    may_end = asyncio.Event()

    async def handler(reader, writer):
        asked = await reader.readuntil(b"\r\n\r\n")
        if b"/slow" in asked:
            await may_end.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

    async with raw_peer(handler) as port:
        prober = Prober(config, {**environ, "BACKEND_URL": f"http://127.0.0.1:{port}"})
        nothing = await prober.probe("validation", 0.0, anew=False)
        async with asyncio.timeout(10):
            while (sure := await prober.probe("validation", 0.05, anew=False)) is None:
                pass
        may_end.set()
        whole = await prober.probe("validation", 10.0, anew=False)
        await prober.aclose()

    assert nothing is None
    assert [(step["name"], step["verdict"]) for step in sure["steps"]] == [("health", "fail"), ("slow", "skip")]
    assert [(step["name"], step["verdict"]) for step in whole["steps"]] == [("health", "fail"), ("slow", "pass")]
    assert sure["run"]["id"] == whole["run"]["id"]


async def test_no_scrape_of_a_chain_that_is_not_there(prober):
    """Whoever answers may ask first."""
    with pytest.raises(NothingMatched):
        await prober.probe("other", 1.0, anew=False)


async def test_no_run_of_a_chain_that_is_not_there(prober):
    """The names that would do are told."""
    with pytest.raises(NothingMatched, match="no chain is called 'chat'"):
        await ask(prober, "chat")


async def test_what_nobody_knows_is_not_running(prober):
    """And has no report."""
    assert (False, None) == (prober.is_running("nobody"), await prober.wait("nobody", 0.01))


async def test_a_run_that_is_over_is_not_held(prober):
    """History has its report, and however many there were, nothing else keeps them."""
    ids = []
    for _ in range(6):
        ids.append(await ask(prober))
        await prober.wait(ids[-1], 5)

    assert prober._turns == {}
    assert ids[0] == (await prober.wait(ids[0], 1))["run"]["id"]


# ── reload ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reload_takes_up_the_file_as_it_is(prober, config):
    """New chains are there at once, in the plan and on the board."""
    config.write_text(CONFIG + SECOND)

    await prober.reload()

    assert ["validation", "second"] == list(prober.plan.chains)
    assert 1 == counted(prober, "prober_config_last_reload_successful")
    assert 0 == counted(prober, 'prober_chain_runs_total{chain="second",trigger="manual",verdict="fail"}')


async def test_the_event_loop_goes_on_while_a_config_is_read(prober, config):
    """A large file takes seconds, and whatever was looked at meanwhile would have met a stall of ours."""
    seldom = SECOND.replace("interval: 5s", "interval: 10m")
    config.write_text(CONFIG + "".join(seldom.replace("second", f"chain-{number}") for number in range(300)))
    reload, steps = asyncio.create_task(prober.reload()), 0
    while not reload.done():
        await asyncio.sleep(0)
        steps += 1
    await reload

    assert 301 == len(prober.plan.chains)
    assert steps > 5


async def test_of_two_reloads_at_once_one_reads_after_the_other(prober, monkeypatch):
    """Else the slower would win, with what it read before."""
    going, met, read = [], [], prober._read

    def noting():
        """Read, and say who else does."""
        met.append(len(going))
        going.append(None)
        time.sleep(0.05)
        going.pop()
        return read()

    monkeypatch.setattr(prober, "_read", noting)
    await asyncio.gather(prober.reload(), prober.reload())

    assert [0, 0] == met


async def test_reports_carry_the_alarms_of_their_chain(prober, config):
    """From the first turn on, of a chain that a reload brought too; one look is too little to tell."""
    (report,) = await prober.once(())
    config.write_text(CONFIG + SECOND)
    await prober.reload()
    (second,) = await prober.once(["second"])

    told = [(alarm.chain, alarm.state) for each in (report, second) for alarm in each.alarms[:1]]
    assert [("validation", AlarmState.INSUFFICIENT), ("second", AlarmState.INSUFFICIENT)] == told


async def test_alarms_survive_a_restart(config, environ):
    """Samples, alarms and the last deploy are in the store; what another release left there is passed over."""
    before = Prober(config, environ)
    await before._open_history()
    await take_a_turn(before)
    await before.wait(await ask(before, trigger=Trigger.DEPLOY), 5)
    await before.history.note("alarms:of-the-future", '{"schema": 99}')
    expected = before.alarms.dump()
    await before.aclose()

    after = Prober(config, environ)
    await after._open_history()
    found = after.alarms.dump()
    await after.aclose()

    assert ("P", True) == (expected["chains"]["validation"]["samples"]["turns"], bool(expected["deployedAt"]))
    assert expected == found


async def test_the_alarms_are_taken_up_from_the_store_once(config, environ):
    """What is heard of other instances before our first turn adds to them, and undoes nothing."""
    before = Prober(config, environ)
    await before._open_history()
    await take_a_turn(before)
    await take_a_turn(before)
    await before.aclose()
    after = Prober(config, environ)
    await after._open_history()
    expected = after.alarms.dump()

    after._heard([])
    found = after.alarms.dump()
    await after.aclose()

    assert "PP" == expected["chains"]["validation"]["samples"]["turns"]
    assert expected == found


async def test_a_store_that_is_opened_late_makes_no_old_turns_new(config, environ):
    """Where turns were taken without it, an outage of before the restart is none of now."""
    prober = Prober(config, environ)
    await take_a_turn(prober)
    now = prober.board.latest["validation"].run.began
    recall = recall_of(prober.board.latest["validation"])
    step = timedelta(seconds=prober.plan.chains["validation"].interval_seconds)
    told = [
        replace(recall, run_id=str(number), began=at, ended=at, sample=False, verdict=RunVerdict.FAIL)
        for number in range(60)
        for at in [now - 700 * step + number * step]
    ]

    prober._heard(told)
    await take_a_turn(prober)
    page = next(alarm for alarm in prober.alarms.of("validation") if alarm.alert is Alert.PAGE)
    await prober.aclose()

    assert (AlarmState.INSUFFICIENT, 0) == (page.state, page.evidence.last30.failures)


async def test_the_metrics_show_alarms_that_rest_on_others_turns(prober):
    """What other instances saw, or we before a restart, is known before a turn of our own has ended."""
    prober._heard([])
    prober._heard(list(failures(prober, 30)))

    assert 2 == counted(prober, 'prober_alert_state{alert="success_ratio_low",chain="validation"}')


def failures(prober, turns):
    """The last turns of a chain, as another instance tells of them: all failed."""
    chain, now = prober.plan.chains["validation"], datetime.now(UTC)
    for number in range(turns):
        at = now - timedelta(seconds=(turns - number) * chain.interval_seconds)
        yield Recall(
            run_id=str(number),
            chain=chain.name,
            trigger=Trigger.SCHEDULE,
            verdict=RunVerdict.FAIL,
            began=at,
            ended=at,
            sample=False,
        )


async def test_an_alarm_of_a_chain_that_is_gone_is_told_over(config, environ):
    """By the reload that took the chain away: to whoever was told, and saying so. And once."""
    tell_ops(config)
    async with noted(Prober(config, {**environ, "OPS": "json://127.0.0.1"})) as prober:
        await fire(prober)
        config.write_text(config.read_text().replace("validation", "login"))
        await prober.reload()
        await until(lambda: not prober._errands)
        config.write_text(config.read_text().replace("login", "validation"))
        await prober.reload()
        await take_a_turn(prober)
        letters = await posted(prober)

    assert [(Kind.FIRING, ""), (Kind.RESOLVED, "nobody looks any more")] == [
        (letter.notice.kind, "nobody looks any more" if "nobody looks" in letter.notice.text else "")
        for letter in letters
    ]


async def test_an_alarm_of_a_chain_that_a_restart_finds_gone_is_told_over(config, environ):
    """And by the next restart no more."""
    tell_ops(config)
    secrets = {**environ, "OPS": "json://127.0.0.1"}
    async with noted(Prober(config, secrets)) as prober:
        await fire(prober)
    config.write_text(config.read_text().replace("name: ops, chains: [validation]", "name: ops"))
    config.write_text(config.read_text().replace("validation", "login"))
    async with noted(Prober(config, secrets)) as prober:
        gone, letters = list(prober._gone), await posted(prober)
    async with noted(Prober(config, secrets)) as prober:
        gone_again = prober._gone

    assert (["validation"], []) == ([alarm.chain for alarm in gone], gone_again)
    assert [Kind.FIRING, Kind.RESOLVED] == [letter.notice.kind for letter in letters]


def tell_ops(config):
    """Somebody wants to hear of one chain."""
    config.write_text(f"notify: [{{name: ops, chains: [validation], url: env:OPS}}]\n{config.read_text()}")


@contextlib.asynccontextmanager
async def noted(prober):
    """A prober with its store, and nobody who takes letters away."""
    await prober._open_history()
    await prober._remembering
    yield prober
    await prober.aclose()


async def fire(prober):
    """The alarm of a chain begins to fire, and is told."""
    prober._heard(list(failures(prober, 30)))
    (report,) = await prober.once(())
    assert AlarmState.FIRING is report.alarms[0].state


async def posted(prober):
    """The letters that wait, also those that wait for others."""
    later, letters = datetime.now(UTC) + timedelta(days=1), []
    while some := await prober.outbox.due(later, later, 9):
        letters += some
        for letter in some:
            await prober.outbox.over(letter.key, later)
    return letters


async def test_where_the_past_is_kept_changes_with_a_restart_only(prober, config):
    """Whoever reloads is told so, and the rest is taken up."""
    config.write_text(CONFIG + SECOND + "history: {file: elsewhere.db}\n")
    with structlog.testing.capture_logs() as logs:
        await prober.reload()

    assert ["validation", "second"] == list(prober.plan.chains)
    assert ["config.restart_needed"] == [line["event"] for line in logs if line["log_level"] == "warning"]


async def test_an_invalid_file_changes_nothing(prober, config):
    """Its complaints are raised, the refusal is on the metrics page, and the old chains turn on."""
    before = prober.engine
    config.write_text(CONFIG.replace("interval: 5s", "interval: soon"))

    with pytest.raises(ConfigError, match="soon"):
        await prober.reload()

    assert before is prober.engine
    assert 0 == counted(prober, "prober_config_last_reload_successful")
    assert RunVerdict.PASS is (await prober.once(()))[0].run.verdict


async def test_of_two_reloads_the_last_one_holds(prober, config, monkeypatch):
    """The books of the first are closed and opened before those of the second, however slow the store is."""
    await prober._open_history()
    put = prober.history._put

    async def slowly(entry, *more, **kept):
        """A store that takes its time."""
        await asyncio.sleep(0.1 if isinstance(entry, Closed) else 0.0)
        return await put(entry, *more, **kept)

    monkeypatch.setattr(prober.history, "_put", slowly)
    for text in (CONFIG + SECOND, CONFIG.replace("validation:", "other:"), CONFIG + SECOND):
        config.write_text(text)
        await prober.reload()
        await asyncio.sleep(0.01)
    await until(lambda: not prober._errands)
    grids = await prober.history._place.store.open_grids()

    assert {"validation", "second"} == {chain for chain, _interval, _last in grids}


async def test_a_run_ends_under_the_config_it_began_under(prober, config, backend):
    """Its wires stay open until it is over, also where its chain is gone from the file."""
    backend.free.clear()
    run_id = await ask(prober)
    await until(lambda: backend.asked)
    config.write_text(CONFIG.replace("validation:", "renamed:"))
    await prober.reload()
    backend.free.set()

    report = await prober.wait(run_id, 5)

    assert ("validation", "pass") == (report["run"]["chain"], report["run"]["verdict"])
    assert ["renamed"] == list(prober.plan.chains)


BEARING = CONFIG + "      - {name: messages, probe: http, service: backend, get: /messages, token: local}\n"
OTHER_KEY = BEARING.replace("jwt: env:JWT", "key: env:JWT").replace("secret: jwt", "secret: key")


async def test_a_run_that_is_about_to_begin_meets_one_config(config, environ):
    """The one it was begun under, also where a reload comes before its first step: the new one knows other secrets."""
    config.write_text(BEARING)
    prober = Prober(config, environ)
    task = prober._begin(prober._errand(prober.plan.chains["validation"], Trigger.MANUAL))
    config.write_text(OTHER_KEY)
    prober._take_up(prober._read())
    report = await task
    await prober.aclose()

    assert RunVerdict.PASS is report.run.verdict


@pytest.fixture
def _no_pause(monkeypatch):
    """Between the rounds of a gate."""
    monkeypatch.setattr("prober.gate._BETWEEN_ROUNDS_SECONDS", 0.0)


@pytest.fixture
def sent(monkeypatch):
    """How many requests went out by which wire."""
    counts, send = Counter(), HttpWire.send

    async def counting(wire, *what):
        counts[wire] += 1
        return await send(wire, *what)

    monkeypatch.setattr(HttpWire, "send", counting)
    return counts


@pytest.mark.usefixtures("_no_pause")
async def test_a_reload_cuts_no_round_of_a_gate_off(prober, config, backend, sent):
    """The round ends under the config it began under, the others are held under the new one."""
    backend.free.clear()
    old = prober.engine.gatherer._http
    gate = asyncio.create_task(prober.gate("validation", AT_ONCE))
    await until(lambda: backend.asked)
    config.write_text(CONFIG + SECOND)
    await prober.reload()
    await asyncio.sleep(0.1)
    before = dict(sent)
    backend.free.set()
    held = await gate

    assert (GateVerdict.PASS, 20, 0) == (held.verdict, held.samples, held.failures)
    assert {old} == before.keys() < sent.keys() == {old, prober.engine.gatherer._http}


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize("is_kept", [True, False], ids=["in the store", "in memory"])
async def test_a_gate_finds_what_held_before_behind_its_own_rounds(config, environ, tmp_path, is_kept):
    """However many it takes; what it saw itself is not «before»."""
    config.write_text(CONFIG.replace("role: backend,", "role: backend, tells: {revision: rev},"))
    revision = ["b96"]

    async def backend(reader, writer):
        """Tell the revision."""
        await answers(200, f'{{"rev": "{revision[0]}"}}'.encode())(reader, writer)

    async with raw_peer(backend) as port:
        prober = Prober(config, {**environ, "BACKEND_URL": f"http://127.0.0.1:{port}"})
        if is_kept:
            await prober._open_history()
        for _ in range(3):
            await prober.turn(prober._errand(prober.plan.chains["validation"], Trigger.MANUAL))
        revision[0] = "b97"
        held = await prober.gate("validation", Aims(warm_up_seconds=0.0, proven=0.95))
        await prober.aclose()

    assert (59, 3) == (held.samples, held.before.runs)


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize("becomes", ["/health, timeout: 1s", "gone"])
async def test_a_gate_whose_chain_is_another_comes_to_nothing(config, environ, backend, becomes):
    """Rounds of two chains prove nothing of either; and a chain that is gone is none."""
    prober = Prober(config, environ)
    await prober._open_history()
    backend.free.clear()
    order = Order(kind=OrderKind.GATE, chain="validation", trigger=Trigger.DEPLOY, aims=AT_ONCE)
    taken = await prober.ask(order, Asker("ci"))
    await until(lambda: backend.asked)
    config.write_text(CONFIG.replace(*{"gone": ("validation:", "other:")}.get(becomes, ("/health", becomes))))
    await prober.reload()
    backend.free.set()
    found = await prober.followed(taken.id, 10)
    await prober.aclose()

    assert (OrderState.ABORTED, Aborted.CHAIN_GONE) == (found.state, found.why)


async def test_a_secret_is_looked_up_anew_after_a_reload(prober, environ):
    """So that a rotated key is taken up."""
    (before,) = prober.bearers()
    environ["TRIGGER"] = "another-trigger-token"
    await prober.reload()

    (after,) = prober.bearers()
    assert (TRIGGER, "another-trigger-token") == (before.token.reveal(), after.token.reveal())


async def test_a_token_of_a_caller_is_taken_in_both_versions(config, environ, tmp_path):
    """While it is rotated, each pipeline takes the new one at its own pace; a reload in between forgets neither."""
    (tmp_path / "trigger").write_text(TRIGGER)
    config.write_text(CONFIG.replace("env:TRIGGER", f"file:{tmp_path}/trigger"))
    prober = Prober(config, environ)
    prober.bearers()
    (tmp_path / "trigger").write_text("another-trigger-token")
    await prober.engine.keyring.refresh()
    await prober.reload()
    told = [bearer.token.reveal() for bearer in prober.bearers()]
    await prober.aclose()

    assert ["another-trigger-token", TRIGGER] == told


def test_a_manager_is_not_asked_when_a_config_is_checked(config, environ):
    """What lies there may well be had where the prober runs."""
    config.write_text(CONFIG.replace("env:TRIGGER", "gcp:projects/p/secrets/trigger"))
    plan = read_plan(config, environ)

    assert [] == unavailable_secrets(plan, environ)


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("config_text", "value", "expected"),
    [
        (CONFIG, TRIGGER, [TRIGGER]),
        (CONFIG, "", []),
        (CONFIG.replace("trigger: {secret: trigger}\n", ""), TRIGGER, []),
    ],
    ids=["configured", "not set", "not configured"],
)
async def test_who_may_start_runs(config, environ, config_text, value, expected):
    """The bearer of the configured secret; nobody where there is none."""
    config.write_text(config_text)
    prober = Prober(config, environ | {"TRIGGER": value})
    tokens = [bearer.token.reveal() for bearer in prober.bearers()]
    await prober.aclose()

    assert expected == tokens


async def test_known_secrets_are_blotted_out(prober):
    """Every secret that was used so far, from any text."""
    prober.bearers()

    assert "token: [trigger]" == prober.redact(f"token: {TRIGGER}")


async def test_what_somebody_says_of_an_order_is_blotted_too(prober):
    """A pipeline that puts its token there by mistake does not find it in the report, the store, or on the page."""
    prober.bearers()
    await prober._open_history()
    order = Order(chain="validation", trigger=Trigger.DEPLOY, reason=f"by {TRIGGER}", revision=TRIGGER)
    taken = await prober.ask(order, Asker("ci"))
    kept = (await prober.intent(taken.id)).order

    assert ("by [trigger]", "[trigger]") == (kept.reason, kept.revision)


async def test_a_token_for_a_person(config, environ):
    """Of the named issuer, or of the first; always for the configured test user."""
    tokens = [await mint_token(config, environ, name) for name in (None, "local")]

    assert {SUBJECT} == {jwt.decode(token, SECRET, ["HS256"])["sub"] for token in tokens}


@pytest.mark.parametrize("name", ["forged", "ceo"])
async def test_no_token_for_anybody_else(config, environ, name):
    """Neither of an issuer made to be refused, nor of one that is not there; what there is is told."""
    with pytest.raises(NotATestSubject, match=f"'{name}' mints no token here: .* from local$"):
        await mint_token(config, environ, name)


# ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_end_lets_what_is_running_finish(config, environ, backend):
    """A run that is under way at the end is finished and told; the wires are closed after it."""
    collected = Collected()
    prober = Prober(config, environ, extra=[collected])
    backend.free.clear()
    await ask(prober)
    await asyncio.sleep(0.05)
    asyncio.get_running_loop().call_later(0.1, backend.free.set)

    await prober.aclose()

    assert [RunVerdict.PASS] == [report.run.verdict for report in collected.reports]


async def test_a_process_that_was_stopped_blames_nobody(config, tmp_path):
    """Stopped in the midst of a run, past its deadlines, and continued: the run is blind; the backend did nothing."""
    asked = asyncio.Event()

    async def moment(reader, writer):
        """Answer well within the time there is; whoever asked waits for it when he is stopped.

        Before that he would only then look whether there is an answer, find one, and that it was in time.
        """
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.3)
        asked.set()
        await asyncio.sleep(0.3)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

    config.write_text(CONFIG.replace("interval: 5s", "interval: 1h").replace("/health,", "/health, timeout: 1s,"))
    async with raw_peer(moment) as port:
        environ = {"BACKEND_URL": f"http://127.0.0.1:{port}", "JWT": SECRET, "TRIGGER": TRIGGER}
        async with serving(config, environ, tmp_path / "log") as served, httpx.AsyncClient(trust_env=False) as client:
            bearer = {"Authorization": f"Bearer {TRIGGER}"}
            while not total(await served.page(), "prober_chain_runs_total"):  # noqa: ASYNC110 - only the page tells
                await asyncio.sleep(0.1)  # until the first look, which is not the one meant, is over
            asked.clear()
            run = client.post(f"{served.url}/api/v1/chains/validation/runs?wait=true", headers=bearer, timeout=20)
            answer = asyncio.create_task(run)
            await asyncio.wait_for(asked.wait(), 10)
            os.kill(served.pid, signal.SIGSTOP)
            await asyncio.sleep(2)
            os.kill(served.pid, signal.SIGCONT)
            told = (await answer).json()
            page = await served.page()

    assert ("blind", "own_stall") == (told["run"]["verdict"], told["steps"][0]["reason"])
    assert "prober" == told["steps"][0]["origin"]
    assert 0 == total(page, "prober_step_failures_total")
    assert 0 == total(page, "prober_chain_runs_total", verdict="fail")
    assert 1 == total(page, "prober_chain_runs_total", verdict="blind")
    assert total(page, "prober_event_loop_lag_seconds") > 1


# ── telling people ───────────────────────────────────────────────────────────────────────────────────────────────────

TOLD = "notify: [{name: ops, url: env:OPS_URL}]\n"


async def test_what_is_told_goes_out_and_is_counted(config, environ):
    """To the receivers of the config; their addresses are among the secrets that are blotted out."""
    config.write_text(CONFIG + TOLD)
    async with webhook() as hook:
        url = f"{hook.url}?-token=correct-horse"
        prober = Prober(config, {**environ, "OPS_URL": url})
        await prober.notifier.tell([notice()])
        await prober.notifier.turn()
        shown = prober.redact(f"to {url} it went")
        await prober.aclose()

    assert ["Episode: success_ratio_low/e1/firing"] == hook.episodes
    assert 1 == counted(prober, 'prober_notifications_total{name="ops",outcome="taken"}')
    assert "to [notify:ops] it went" == shown


async def test_letters_go_by_the_stores_clock(config, prober):
    """Which all instances have in common: by clocks an hour apart one would take another's claim for run out."""
    config.write_text(CONFIG + TOLD)
    await prober.reload()
    there = datetime.now(UTC) + timedelta(hours=1)
    prober.history._ahead = there.timestamp() - prober.history._clock.seconds_since_boot()
    await prober.notifier.tell([notice()])
    (letter,) = await prober.outbox.due(there + timedelta(minutes=1), there, 1)

    assert timedelta(0) <= letter.posted - there < timedelta(minutes=1)


async def test_a_reload_changes_who_is_told(config, environ, prober):
    """From the next notice on."""
    before = await prober.notifier.tell([notice()])
    config.write_text(CONFIG + TOLD)
    await prober.reload()

    assert (0, 1) == (before, await prober.notifier.tell([notice()]))


@pytest.mark.parametrize(
    ("more", "link"), [("", ""), ("external_url: https://prober.example/base\n", "https://prober.example/base/")]
)
async def test_a_sample_links_to_where_people_reach_us(config, environ, more, link):
    """If somebody said where that is."""
    config.write_text(CONFIG + TOLD + more)
    async with webhook() as hook:
        handed = await send_samples(config, {**environ, "OPS_URL": hook.url}, ())

    assert {"ops": Handed(taken=True)} == handed
    looks = [line for line in hook.got[0]["message"].splitlines() if line.startswith("Look: ")]
    assert ([f"Look: {link}"] if link else []) == looks


async def test_addresses_that_are_not_here_are_among_what_is_missing(config, environ):
    """Said at the start, as of any secret."""
    config.write_text(CONFIG + TOLD)
    plan = read_plan(config, environ)

    assert ["notify:ops"] == [missing.name for missing in unavailable_secrets(plan, environ)]


OPEN = """
      - {name: messages, probe: http, service: backend, get: /messages, token: local}
      - {name: refuses, probe: http, service: backend, get: /messages, token: forged, expect: refused, after: messages}
"""
TAKEN = 'prober_notifications_total{name="ops",outcome="taken"} 1.0'


async def test_an_open_door_is_told_by_itself(config, backend, tmp_path):
    """From the turn that saw it to a real webhook, by a prober that serves; its log and its page hold no address."""
    config.write_text(CONFIG.rstrip() + OPEN + TOLD + "external_url: https://prober.example\n")
    async with webhook() as hook:
        url = f"{hook.url}?-token=correct-horse"
        environ = {"BACKEND_URL": backend.url, "JWT": SECRET, "TRIGGER": TRIGGER, "OPS_URL": url}
        async with serving(config, environ, tmp_path / "log") as served:
            async with asyncio.timeout(30):
                await hook.arrived.wait()
                while TAKEN not in (page := await served.page()):  # noqa: ASYNC110 - another process raises no event
                    await asyncio.sleep(0.1)  # the courier comes back, and it is written down
            log = (tmp_path / "log").read_text()

    (told,) = hook.got
    assert "CRITICAL: auth fails OPEN in staging, seen by validation" in told["title"]
    assert {"Seen: Auth is failing OPEN: backend accepts a forged token.", "Look: https://prober.example/"} <= set(
        told["message"].splitlines()
    )
    assert "notify.letter_taken" in log
    assert [] == [word for word in ("correct-horse", "/hook", "json://") if word in page + log]


# ── who watches the watcher ──────────────────────────────────────────────────────────────────────────────────────────


def passes_everything(step, observation):
    """A judge without judgement."""
    return replace(judge(step, observation), verdict=Verdict.PASS, reason=Reason.OK, outcome=None, origin=None)


@contextlib.asynccontextmanager
async def served(prober):
    """A prober that serves in this process; a client of it."""
    ready = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(prober.serve("127.0.0.1", 0, ready.set_result))
    try:
        async with httpx.AsyncClient(base_url=await ready, trust_env=False) as client:
            yield client
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def until(truth, seconds=10):
    """Look until it is true."""
    async with asyncio.timeout(seconds):
        while not truth():  # noqa: ASYNC110 - nobody sets an event for it
            await asyncio.sleep(0.01)


async def test_a_shard_has_its_chains_and_says_who_has_the_others(config, environ):
    """Also after a reload; of a host's budget it has what its share of those who ask leaves."""
    config.write_text(CONFIG + SECOND + SECOND.replace("second", "third"))
    shares = {name: Shard(falls_to(name, 3), 3) for name in ("validation", "second", "third")}
    prober = Prober(config, environ, shard=shares["validation"])
    elsewhere = {name: where for name, where in shares.items() if where != shares["validation"]}

    assert (elsewhere, shares.keys() - elsewhere) == (prober.plan.elsewhere, prober.plan.chains.keys())
    assert {len(set(shares.values()))} == set(prober.plan.load.shared_by.values())
    for name, where in elsewhere.items():
        with pytest.raises(ChainElsewhere, match=f"falls to shard {where}, which is another instance"):
            await ask(prober, name)
    config.write_text(CONFIG)
    await prober.reload()

    assert ({}, ["validation"], {}) == (prober.plan.elsewhere, [*prober.plan.chains], prober.plan.load.shared_by)
    await prober.aclose()


async def test_a_file_that_another_shard_writes_is_left_alone(config, environ):
    """Each needs one of its own: the second ends with a word that says so."""
    config.write_text(CONFIG + SECOND)
    one, two = (Prober(config, environ, shard=Shard(number, 2)) for number in (1, 2))
    async with served(one):
        with pytest.raises(StoreNotOurs, match=r"is in use by process .*; give this one a file of its own"):
            await two.serve("127.0.0.1", 0, lambda _: None)


@pytest.mark.parametrize("path", ["/metrics", "/-/healthy", "/-/ready"])
async def test_metrics_may_have_an_address_of_their_own(config, environ, path):
    """There they are, and nothing else but how we are, which is told at both; nothing can be started there."""
    loop, prober = asyncio.get_running_loop(), Prober(config, environ)
    place, apart = loop.create_future(), loop.create_future()
    serving = asyncio.create_task(
        prober.serve("127.0.0.1", 0, place.set_result, Listening("127.0.0.1", 0, apart.set_result))
    )
    async with httpx.AsyncClient(base_url=await place, trust_env=False) as client:
        here, url = (await client.get(path)).status_code, await apart
        there = (await client.get(f"{url}{path}")).status_code
        others = {(await client.get(f"{url}{each}")).status_code for each in ("/", "/api/v1/status", "/openapi.json")}
        others |= {(await client.post(f"{url}{each}", headers=BEARER)).status_code for each in (RUN, "/-/reload")}
        links = (await client.get("/")).text.count('href="/metrics"')
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)

    assert (404 if path == "/metrics" else 200, 200) == (here, there)
    assert {404} == others
    assert 0 == links


async def test_where_one_address_cannot_be_had_nobody_is_answered_at_the_other(config, environ):
    """The complaint says which; a prober that Prometheus cannot reach does not look well to people."""
    prober = Prober(config, environ)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen) as refusal:
            async with asyncio.timeout(20):
                await prober.serve("127.0.0.1", 0, lambda _: None, Listening("127.0.0.1", port, lambda _: None))

    assert ("127.0.0.1", port) == (refusal.value.host, refusal.value.port)


RUN = "/api/v1/chains/validation/runs?wait=true"
BEARER = {"Authorization": f"Bearer {TRIGGER}"}


async def test_a_judge_that_is_broken_books_nothing(config, environ, monkeypatch):
    """Its verdicts are blind, it is not ready, and says why wherever one looks; once mended it is trusted again."""
    prober = Prober(config, environ)
    monkeypatch.setattr(hands, "judge", passes_everything)
    async with served(prober) as client:
        await until(lambda: prober.board.selftest)
        told = (await client.post(RUN, headers=BEARER)).json()
        broken = {
            path: await client.get(path) for path in ("/-/ready", "/-/healthy", "/metrics", "/api/v1/status", "/")
        }
        monkeypatch.setattr(hands, "judge", judge)
        await prober.reload()
        await until(lambda: prober.board.selftest.passed)
        mended = {path: await client.get(path) for path in ("/-/ready", "/metrics")}
        again = (await client.post(RUN, headers=BEARER)).json()

    assert ("blind", "own_selftest", "prober") == (
        told["run"]["verdict"],
        told["steps"][0]["reason"],
        told["steps"][0]["origin"],
    )
    assert (503, 200) == (broken["/-/ready"].status_code, broken["/-/healthy"].status_code)
    assert "the self-test fails" in broken["/-/ready"].json()["title"] + broken["/-/ready"].json().get("detail", "")
    assert 0 == total(broken["/metrics"].text, "prober_selftest_up")
    assert 0 == total(broken["/metrics"].text, "prober_chain_runs_total", verdict="pass")
    assert 1 <= total(broken["/metrics"].text, "prober_internal_errors_total", component="selftest")
    assert broken["/api/v1/status"].json()["selftest"]["up"] is False
    assert "refusing services: our-token is pass (ok)" in broken["/"].text
    assert (200, 1) == (mended["/-/ready"].status_code, total(mended["/metrics"].text, "prober_selftest_up"))
    assert "pass" == again["run"]["verdict"]


async def test_nothing_is_looked_at_on_schedule_before_the_first_self_test(config, environ, backend, monkeypatch):
    """Nor is it answered before: who is told that we listen may ask whether we are ready."""
    free = asyncio.Event()

    async def held_up(_stalls):
        """A self-test that takes its time."""
        await free.wait()
        return SelfTest(at=NOON, seconds=0.0)

    monkeypatch.setattr("prober.app.examine", held_up)
    monkeypatch.setattr("prober.judge.ledger.phase", lambda _chain, _interval: (time.time() + 0.3) % 5)
    prober = Prober(config, environ)
    asyncio.get_running_loop().call_later(0.6, free.set)
    asyncio.get_running_loop().call_later(0.55, lambda: early.append((prober.ready, backend.asked)))
    early = []
    async with served(prober) as client:
        late = (await client.get("/-/ready")).status_code
        await until(lambda: backend.asked)

    assert ([(False, 0)], 200) == (early, late)


async def test_the_store_is_opened_while_the_first_self_test_is_taken(config, environ, monkeypatch):
    """Each waits more than it works, most of all for a database that is far away."""
    open_history, examined = Prober._open_history, asyncio.Event()

    async def examine(_stalls):
        """Tell that it is under way."""
        examined.set()
        return SelfTest(at=NOON, seconds=0.0)

    async def opened(prober):
        """Wait until then."""
        await examined.wait()
        await open_history(prober)

    monkeypatch.setattr("prober.app.examine", examine)
    monkeypatch.setattr(Prober, "_open_history", opened)
    async with asyncio.timeout(10), served(Prober(config, environ)) as client:
        assert 200 == (await client.get("/-/ready")).status_code


async def test_the_self_test_is_taken_again_and_again(config, environ, monkeypatch):
    """At its interval; sooner where it failed, for as long as it does nothing is booked."""
    monkeypatch.setattr("prober.app._RECOVERY_SECONDS", 0.05)
    told = iter([("a complaint",), ("a complaint",), ()])
    taken = []

    async def examined(_stalls):
        """Fail twice."""
        taken.append(time.perf_counter())
        return SelfTest(at=NOON, seconds=0.0, complaints=next(told))

    monkeypatch.setattr("prober.app.examine", examined)
    prober = Prober(config, environ)
    async with served(prober):
        await until(lambda: prober.ready)
        await asyncio.sleep(0.3)

    assert 3 == len(taken)
    assert 600.0 == prober.plan.selftest_seconds


#: What runs beside the turns for as long as we live: the name of its task, and what is counted when it dies.
LONG_LIVED = {
    "spool": "history",
    "housekeeping": "history",
    "clock watch": "schedule",
    "notifier": "notify",
    "watch:judgement": "selftest",
    "watch:loop": "gather",
}


async def test_whatever_dies_of_a_bug_is_seen_and_works_again(config, environ, monkeypatch):
    """Each task that is to live as long as we do: killed, counted, and back at its work."""
    monkeypatch.setattr("prober.supervisor._FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr("prober.publish.history.keeper._HOUSEKEEPING_SECONDS", 1.0)
    monkeypatch.setattr(Prober, "_until_next_selftest", lambda _prober: 0.5)
    prober = Prober(config, environ)
    async with served(prober) as client:
        tasks = {task.get_name(): task for task in asyncio.all_tasks()}
        for name in LONG_LIVED:
            await kill(tasks[name])
        counts = {name: counted(prober, errors_of(component)) for name, component in LONG_LIVED.items()}
        put_out_of_date(prober)

        answer = (await client.post(RUN, headers=BEARER)).json()
        await until(lambda: has_caught_up(prober))
        kept = await prober.history._place.store.get(answer["run"]["id"])

    assert dict.fromkeys(LONG_LIVED, True) == {name: count > 0 for name, count in counts.items()}
    assert answer["run"]["id"] == kept["run"]["id"]


def errors_of(component):
    """The series of the metrics that counts what broke of a part of ours."""
    return f'prober_internal_errors_total{{component="{component}"}}'


async def kill(task):
    """Let what a task is waiting for end in a bug of ours, until that is its death."""
    with structlog.testing.capture_logs() as logged:
        while not [line for line in logged if (line["event"], line.get("task")) == ("task.died", task.get_name())]:
            task._fut_waiter.set_exception(ZeroDivisionError())
            await asyncio.sleep(0.02)


def put_out_of_date(prober):
    """What each of these tasks keeps up to date: as if it had not done so for long."""
    prober.board.history_size = prober.board.loop_lag_seconds = prober.board.selftest = None
    prober._schedule._laid_apart = 99.0
    prober.notifier._news.set()


def has_caught_up(prober):
    """Whether each of them has done so since."""
    board = prober.board
    is_kept = None not in {board.history_size, board.loop_lag_seconds, board.selftest}
    is_handed_over = not prober.history._spool._queue and not prober.notifier._news.is_set()
    return is_kept and is_handed_over and prober._schedule._laid_apart < 1


SELDOM = CONFIG.replace("interval: 5s", "interval: 1h")


async def test_who_would_wait_for_an_hour_is_looked_at_at_once(config, environ, backend):
    """Kept, shown and counted as what it is; it takes no slot, and tells nothing of the ratio. Once an interval."""
    config.write_text(SELDOM)
    prober = Prober(config, environ)
    async with served(prober) as client:
        await until(lambda: prober.board.latest and not prober._turns, seconds=5)
        state = (await client.get("/api/v1/status")).json()["chains"][0]
        (kept,) = (await client.get("/api/v1/runs")).json()["runs"]
        page = (await client.get("/metrics")).text
    asked, again = backend.asked, Prober(config, environ)
    async with served(again):
        await asyncio.sleep(1)

    assert ("start", "pass", True) == (kept["run"]["trigger"], state["verdict"], state["up"])
    assert 0 < (datetime.fromisoformat(state["next"]) - datetime.now(UTC)).total_seconds() <= 3600
    assert 'prober_chain_runs_total{chain="validation",trigger="start",verdict="pass"} 1.0' in page
    assert 'prober_slots_expected_total{chain="validation"} 0.0' in page
    assert 'prober_success_samples{chain="validation",step="_chain",window="1h"} 0.0' in page
    assert asked == backend.asked


async def test_of_a_reload_only_new_chains_are_looked_at_at_once(config, environ):
    """The others are known, or have their slot."""
    config.write_text(SELDOM)
    prober = Prober(config, environ)
    async with served(prober):
        await until(lambda: prober.board.latest, seconds=5)
        config.write_text(SELDOM + SECOND.replace("interval: 5s", "interval: 1h"))
        await prober.reload()
        await until(lambda: "second" in prober.board.latest and not prober._turns, seconds=5)
        runs = await prober.history.newest()

    assert ["second", "validation"] == [told["run"]["chain"] for told in runs]


async def test_what_another_instance_looks_at_first_is_left_to_it(config, environ, backend, monkeypatch):
    """They share a store; so does what it saw a moment ago."""
    config.write_text(SELDOM + SECOND.replace("interval: 5s", "interval: 1h"))
    prober, claims = Prober(config, environ), []

    async def claim(name, _lasts_seconds):
        """Another has it."""
        claims.append(name)
        return False

    monkeypatch.setattr(prober.history, "claim", claim)
    async with served(prober):
        prober._heard([replace(next(failures(prober, 1)), chain="second", ended=datetime.now(UTC))])
        await until(lambda: claims)
        await asyncio.sleep(1)

    assert (["first look:validation"], 0) == (claims, backend.asked)


async def test_who_is_slow_on_purpose_is_not_hurried(config, environ, backend):
    """A look that may still go on when the turn comes would double its pace."""
    config.write_text(SELDOM.replace("interval: 1h", "interval: 30s\n    deadline: 30s\n    pace: 5s"))
    prober = Prober(config, environ)
    chain = prober.plan.chains["validation"]
    async with served(prober):
        is_crowded = prober._is_crowded(chain), prober._is_crowded(replace(chain, pace_seconds=0.0))

    assert (True, False) == is_crowded


async def test_health_does_not_hang_on_targets(config, environ, backend):
    """The backend is gone, every run fails, and `/-/healthy` and `/-/ready` answer 200: it is not we who are ill."""
    environ["BACKEND_URL"] = "http://127.0.0.1:1"
    prober = Prober(config, environ)
    async with served(prober) as client:
        await until(lambda: prober.ready)
        told = (await client.post(RUN, headers=BEARER)).json()
        answers_ = [(await client.get(path)).status_code for path in ("/-/healthy", "/-/ready")]

    assert ("fail", [200, 200]) == (told["run"]["verdict"], answers_)


# ── a heartbeat ──────────────────────────────────────────────────────────────────────────────────────────────────────

BEATS = "heartbeat: {url: env:BEAT, method: post}\n"


async def test_a_heart_beats_while_it_lives(config, backend, tmp_path):
    """After each round, and no more once the prober is killed; the address is in no log and on no page."""
    config.write_text(CONFIG + BEATS)
    heard = []
    async with raw_peer(answers(200, b"ok", seen=heard)) as port:
        environ = {"BACKEND_URL": backend.url, "JWT": SECRET, "TRIGGER": TRIGGER}
        environ["BEAT"] = f"http://127.0.0.1:{port}/beat/correct-horse"
        async with serving(config, environ, tmp_path / "log") as served:
            await until(lambda: len(heard) >= 3, 25)
            page, turns = await served.page(), backend.asked
            os.kill(served.pid, signal.SIGKILL)
            alive = len(heard)
            await asyncio.sleep(6)

    assert alive == len(heard)
    assert alive <= turns
    assert all(beat.startswith(b"POST /beat/correct-horse HTTP/1.1") for beat in heard)
    assert 0 == total(page, "prober_internal_errors_total")
    assert [] == [text for text in (page, (tmp_path / "log").read_text()) if "correct-horse" in text]


@pytest.mark.parametrize(
    ("beat", "why"),
    [
        ("http://127.0.0.1:{port}/correct-horse", "it answered 302"),
        ("http://127.0.0.1:1/correct-horse", "connection refused by 127.0.0.1:1"),
        (
            "gopher://127.0.0.1/correct-horse",
            "Secret('heartbeat:url') is no address that begins with http:// or https://",
        ),
        ("http://me:correct-horse", "Secret('heartbeat:url') is no address that begins with http:// or https://"),
        ("http://[correct-horse", "Secret('heartbeat:url') is no address that begins with http:// or https://"),
        ("", "secret 'heartbeat:url' (env:BEAT): is empty"),
    ],
    ids=["redirected", "nobody there", "no address", "no port", "no host", "no secret"],
)
async def test_a_beat_that_is_not_heard_is_our_fault_and_no_runs(config, environ, beat, why):
    """Counted and logged without the address; the round it came after passed."""
    config.write_text(CONFIG + BEATS)
    async with raw_peer(answers(302, b"", "Location: /elsewhere")) as port:
        prober = Prober(config, {**environ, "BEAT": beat.format(port=port)})
        with structlog.testing.capture_logs() as logs:
            await take_a_turn(prober)
            await until(lambda: prober.board.internal_errors.counts["heartbeat",])
            await prober.aclose()

    (told,) = [line for line in logs if line["event"] == "heartbeat.failed"]
    assert why in told["why"]
    assert "correct-horse" not in str(logs)
    assert 1 == counted(prober, 'prober_chain_runs_total{chain="validation",trigger="schedule",verdict="pass"}')
    assert 1 == counted(prober, 'prober_slots_recorded_total{chain="validation"}')


async def test_a_reload_cuts_no_beat_off(config, environ):
    """It would be counted as a fault of ours, and the beat would be missed."""
    config.write_text(CONFIG + BEATS)
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(reader, writer):
        """Answer once the test says so."""
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await may_answer.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    async with raw_peer(slow) as port:
        prober = Prober(config, {**environ, "BEAT": f"http://127.0.0.1:{port}/"})
        await take_a_turn(prober)
        await asked.wait()
        await prober.reload()
        await asyncio.sleep(0.1)
        may_answer.set()
        await until(lambda: not prober._errands)
        await prober.aclose()

    assert 0 == counted(prober, errors_of("heartbeat"))


async def test_who_cannot_be_trusted_does_not_beat(config, environ):
    """While the self-test fails somebody should come: so the heart stands still."""
    config.write_text(CONFIG + BEATS)
    heard = []
    async with raw_peer(answers(200, seen=heard)) as port:
        prober = Prober(config, {**environ, "BEAT": f"http://127.0.0.1:{port}/"})
        prober.board.examined(SelfTest(at=NOON, seconds=0.0, complaints=("a complaint",)))
        await take_a_turn(prober)
        await asyncio.sleep(0.2)
        while_in_doubt = len(heard)
        prober.board.examined(SelfTest(at=NOON, seconds=0.0))
        await take_a_turn(prober)
        await until(lambda: heard)
        await prober.aclose()

    assert 0 == while_in_doubt


# ── traces ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_exported_is_what_was_sent(config, environ):
    """The span of a step has the id that its request carried: what the target did hangs below it."""
    seen = []
    async with raw_peer(answers(200, b"{}", seen=seen)) as port:
        with receiver() as server:
            prober = Prober(config, environ | {"BACKEND_URL": f"http://127.0.0.1:{port}"} | server.environ)
            (report,) = await prober.once(())
            await prober.aclose()
    _, trace, parent, _ = re.search(rb"(?i)traceparent: (\S+)", seen[0])[1].decode().split("-")
    span = server.spans()["health"]

    assert (report.run.id, bytes.fromhex(trace)) == (trace, span.trace_id)
    assert bytes.fromhex(parent) == span.span_id


async def test_traces_that_cannot_go_out_keep_nobody_from_looking(config, environ):
    """Clusters set these variables for every process; what is lost is counted."""
    grpc = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    prober = Prober(config, environ | grpc)
    (report,) = await prober.once(())
    await prober.aclose()

    assert RunVerdict.PASS is report.run.verdict
    assert 1 == counted(prober, 'prober_internal_errors_total{component="traces"}')
