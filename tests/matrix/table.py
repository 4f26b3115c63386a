"""The matrix: all seventy faults, in their order."""

from tests.matrix import network, ours, target

FAULTS = (*target.FAULTS, *network.FAULTS, *ours.FAULTS)
