"""A process keeps its memory to itself, and hears when it is to end."""

import json
import os
import signal
import subprocess
import sys

import pytest

#: Tells at its end what prctl(2) has for PR_GET_DUMPABLE, and how large a core file may be.
_KEPT = """
import atexit, ctypes, json, resource, sys
from prober.cli import main
tell = lambda: print(json.dumps([ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE)]))
atexit.register(tell)
sys.argv = ["prober", *sys.argv[1:]]
main()
"""


def ran(program, *words, **environ):
    """A program of ours, run to its end."""
    command = [sys.executable, "-c", program, *words]
    given = {"PATH": os.environ["PATH"], **environ}
    return subprocess.run(command, env=given, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
@pytest.mark.parametrize("command", ["serve", "run", "gate", "mint", "check", "notify"])
def test_no_command_leaves_its_memory_to_others(command):
    """Neither in a core file nor to another process of its user, even if it never came to its work."""
    done = ran(_KEPT, command, "--config", "/nowhere/probes.yaml")

    assert [0, 0, 0] == json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_who_wants_to_debug_it_may():
    """By an environment variable; a core file is left in no case."""
    done = ran(_KEPT, "check", "--config", "/nowhere/probes.yaml", PROBER_DEBUGGABLE="1")

    assert [1, 0, 0] == json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("pid", "code"), [(1, 128 + signal.SIGTERM), (7, -signal.SIGTERM)])
def test_the_first_process_of_a_container_hears_that_it_is_to_end(pid, code):
    """As a shell says it; any other is ended by the kernel (tests/delivery/test_image.py tries it in a container)."""
    script = f"import signal, prober.process as p; p.hear_endings({pid}); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.terminate()

        assert code == process.wait(10)


_SWEEPS = """
import gc
from prober.process import leave_garbage, sweep
leave_garbage()
kept = [[] for _ in range(100_000)]
print(gc.isenabled(), gc.get_count()[0] > 100_000)
sweep()
print(gc.isenabled(), gc.get_freeze_count() > 100_000)
looks = gc.get_stats()[0]["collections"]
kept += [[] for _ in range(5_000)]
print(gc.get_stats()[0]["collections"] - looks)
kept += [[] for _ in range(10_000)]
print(gc.get_stats()[0]["collections"] - looks)
"""


def test_garbage_waits_until_all_is_imported():
    """And what was made by then is not gone through again; afterwards there is a look in ten thousand objects."""
    assert "False True\nTrue True\n0\n1\n" == ran(_SWEEPS).stdout
