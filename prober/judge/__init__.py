"""DECIDE WHAT IT MEANS. Pure: values in, values out; no clock, no network, no disk."""
