"""Several instances live in one folder, and die there: what waits for each is its own, and nobody's is lost."""

import asyncio
import signal
import sys
from contextlib import closing

from prober.publish.history.spool_file import abandoned, claimed

#: A process that takes a file, says which, and is killed.
HOLDING = """
import sys, time
from pathlib import Path
from prober.publish.history.spool_file import claimed

file = claimed(Path(sys.argv[1]))
print(file.path.name, flush=True)
time.sleep(60)
"""


def names(files):
    """What they are called."""
    return [file.path.name for file in files]


def left(base):
    """The names of those that nobody holds."""
    with abandoned(base) as paths:
        return [path.name for path in paths]


def test_two_that_live_never_have_one_file(tmp_path):
    """Each takes the first that is free, and a restart finds its own again."""
    first, second = claimed(tmp_path / "spool"), claimed(tmp_path / "spool")
    first.close()
    with closing(second), closing(claimed(tmp_path / "spool")) as again, closing(claimed(tmp_path / "spool")) as third:
        assert ["spool", "spool.2", "spool", "spool.3"] == names((first, second, again, third))


async def test_who_is_killed_lets_go(tmp_path):
    """The kernel sees to it; until then the file is theirs."""
    words = ("-c", HOLDING, str(tmp_path / "spool"))
    other = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(30):
        told = (await other.stdout.readline()).decode().strip()
        (tmp_path / "spool").touch()
        with closing(claimed(tmp_path / "spool")) as meanwhile:
            held = left(tmp_path / "spool")
        other.send_signal(signal.SIGKILL)
        await other.wait()

    assert ("spool", "spool.2", []) == (told, meanwhile.path.name, held)
    assert ["spool"] == left(tmp_path / "spool")


def test_what_dead_ones_left_is_found(tmp_path):
    """Not what the living have, nor what is called otherwise."""
    with closing(claimed(tmp_path / "s[1]")):
        for name in ("s[1]", "s[1].2", "s[1].3", "s[1].new", "s[1].4.lock", "s1.5", "s[1].db"):
            (tmp_path / name).touch()
        with closing(claimed(tmp_path / "s[1]")):
            assert ["s[1].3"] == left(tmp_path / "s[1]")


def test_a_folder_that_cannot_be_written_in_keeps_nobody_from_beginning(tmp_path):
    """What waits is kept in memory then, as the spool says."""
    missing = tmp_path / "missing" / "spool"

    assert (missing, None) == (claimed(missing).path, claimed(missing).lock)
    assert [] == left(missing)
