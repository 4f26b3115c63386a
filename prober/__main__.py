"""`python -m prober`: the same as the command `prober`."""

from prober.cli import main

main()
