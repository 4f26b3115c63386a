"""`python -m tests.reliability.hasty serve …`: prober as it is, but that a chain may turn more often than every 5 s."""

from prober.config import checks

if __name__ == "__main__":
    checks.SHORTEST_INTERVAL_SECONDS = 0  # read anew by each check

    from prober.cli import main

    main()
