"""Tests against a real Prometheus, which runs as long as they do."""
