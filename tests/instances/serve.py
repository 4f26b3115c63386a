"""`prober serve` as it is, but in a hurry: a test has a minute, not an hour.

Chains may turn every second, which `prober check` forbids against real targets; the dead are swept every two seconds
instead of thirty, and an instance has two seconds beyond its deadline, instead of fifteen, before it is taken for dead.
"""

from prober.cli import main
from prober.config import checks
from prober.publish.history import keeper

checks.SHORTEST_INTERVAL_SECONDS = 1
keeper._HOUSEKEEPING_SECONDS = 2.0
keeper._LAST_WORDS_SECONDS = 2.0

if __name__ == "__main__":
    main()
