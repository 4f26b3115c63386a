"""SELFTEST. Small services of our own whose temper is known, probed and judged as targets are."""
