"""What is the matter with the configured secrets is told before anybody needs them."""

from prober.config.load import load
from prober.gather.secret_check import exposed_secrets, unavailable_secrets

CONFIG = """
version: 1
environment: staging
secrets: {jwt: env:JWT_SECRET, trigger: "file:/nowhere/trigger", vaulted: gcp:projects/p/secrets/s}
trigger: {secret: trigger}
services:
  backend: {role: backend, url: "https://backend.example.com"}
chains:
  validation: {interval: 60s, deadline: 10s, steps: [{name: health, probe: http, service: backend, get: /health}]}
"""


def plan(folder):
    """What CONFIG says."""
    path = folder / "probes.yaml"
    path.write_text(CONFIG)
    return load(path, {})


def test_what_is_not_here_is_said_and_no_manager_is_asked(tmp_path):
    """By its reference, with what would do."""
    missing = unavailable_secrets(plan(tmp_path), {"JWT_SECRET": "long-enough-to-be-one"})

    assert ["trigger"] == [each.name for each in missing]
    assert "/nowhere/trigger" in str(missing[0])


def test_what_others_may_come_by_is_said(tmp_path):
    """Only of what is there: nobody comes by a variable that is not set."""
    assert ["jwt"] == [each.name for each in exposed_secrets(plan(tmp_path), {"JWT_SECRET": "long-enough-to-be-one"})]
    assert [] == exposed_secrets(plan(tmp_path), {})
