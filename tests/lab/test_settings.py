"""Settings travel as JSON and say which key is really used."""

import json

import pytest

from prober.lab.settings import AuthSettings, BackendSettings


@pytest.mark.parametrize("kind", [AuthSettings, BackendSettings])
def test_settings_survive_json(kind):
    """Settings written as JSON and read again are the same settings."""
    settings = kind(jwt_secret="s" * 48, missing_paths=("/a", "/b"), latency_seconds=0.5)

    assert settings == kind.from_document(json.loads(json.dumps(settings.to_document())))


def test_a_name_that_is_no_setting_is_refused():
    """A misspelt setting never passes silently."""
    with pytest.raises(TypeError):
        AuthSettings.from_document({"jwt_sekret": "x"})


@pytest.mark.parametrize(
    ("secret", "effective"),
    [(None, None), ("short", None), (" " + "s" * 40 + "\n", "s" * 40), ("s" * 31 + "\n", None)],
)
def test_the_effective_key_is_stripped_and_long_enough(secret, effective):
    """Keys are stripped, and keys under 32 characters count as none."""
    assert effective == AuthSettings(jwt_secret=secret).effective_jwt_secret
