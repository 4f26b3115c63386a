import asyncio
import re
import threading
from datetime import timedelta

from prober.publish.board import Board
from prober.publish.web.routes import metrics
from tests import builders as b
from tests.publish import builders as p


async def test_the_page_is_prometheus_text(client, world):
    """At this very address, without a redirect."""
    await world.tell(p.broken_report())

    answer = await client.get("/metrics")

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'prober_chain_up{chain="validation"} 0.0' in answer.text


async def test_openmetrics_when_asked_for(client):
    """By the Accept header a Prometheus sends."""
    answer = await client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1"})

    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")


async def test_the_page_is_rendered_beside_the_event_loop(monkeypatch):
    """However long rendering takes, turns begin in time: it happens in another thread."""
    threads = []

    def rendered(*_):
        return iter([threads.append(threading.current_thread()) or b"a line\n"]), "text/plain"

    monkeypatch.setattr(metrics, "rendered", rendered)

    await metrics.page(Board(p.build_plan(), p.CAUSES), asyncio.Lock(), "")

    assert threads != [threading.main_thread()]


async def test_a_page_goes_out_as_long_as_was_said(client, world):
    """All its blocks, and nothing else."""
    await world.tell(p.broken_report())

    answer = await client.get("/metrics")

    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.text.endswith("\n")


async def test_a_thread_makes_few_blocks_at_a_time(monkeypatch):
    """Between them whoever waits for the interpreter has it; one thread for all would be first again each time."""
    counts, to_thread = [], asyncio.to_thread

    async def counted(work, *given):
        made = await to_thread(work, *given)
        counts.append(len(made) if isinstance(made, list) else 0)
        return made

    monkeypatch.setattr(asyncio, "to_thread", counted)
    board = Board(p.build_plan(*(f"chain-{number}" for number in range(100))), p.CAUSES)
    made = await metrics.page(board, asyncio.Lock(), "")

    assert len(made.blocks) == sum(counts)
    assert 0 < max(counts) <= 8


async def test_no_block_of_a_long_page_is_long():
    """Making and copying a large one would hold the loop."""
    board = Board(p.build_plan(*(f"chain-{number}" for number in range(100))), p.CAUSES)
    made = await metrics.page(board, asyncio.Lock(), "application/openmetrics-text")

    assert len(made.blocks) > 100
    assert max(map(len, made.blocks)) < 2**17


async def test_one_page_is_rendered_at_a_time(monkeypatch):
    """Many scrapers at once cannot take every thread, for names are looked up there too."""
    going = []

    def rendered(*_):
        going.append(1)
        yield str(len(going)).encode()
        going.pop()

    monkeypatch.setattr(metrics, "rendered", lambda *_: (rendered(), "text/plain"))
    rendering = asyncio.Lock()
    pages = await asyncio.gather(*(metrics.page(Board(p.build_plan(), p.CAUSES), rendering, "") for _ in range(20)))

    assert [[b"1"]] * 20 == [page.blocks for page in pages]


async def test_a_page_tells_one_moment_while_reports_pour_in():
    """While a page is rendered the board goes on changing, and no page mixes two moments."""
    board, rendering, over = Board(p.build_plan(), p.CAUSES), asyncio.Lock(), asyncio.Event()
    writer = asyncio.create_task(_pour(board, over))
    pages = [b"".join((await metrics.page(board, rendering, "")).blocks).decode() for _ in range(20)]
    over.set()
    written = await writer

    assert written > 20
    for page in pages:
        results, runs, timed = (_sum(page, name) for name in _COUNTS)
        assert (results, timed) == (runs * len(p.STEPS), runs)


_COUNTS = ("prober_step_results_total", "prober_chain_runs_total", "prober_chain_duration_seconds_count")


async def _pour(board, over):
    """Write reports and take up configs as fast as the loop lets us, until told that it is over."""
    written = 0
    while not over.is_set():
        build = p.broken_report if written % 2 else p.build_report
        await board.write(build(ended=b.NOON + timedelta(seconds=written)))
        board.adopt(p.build_plan())
        written += 1
        await asyncio.sleep(0)
    return written


def _sum(page, name):
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", page, re.MULTILINE))
