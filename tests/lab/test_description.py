"""What the platform tells follows from how the processes were started, and from nothing else."""

from datetime import UTC, datetime

import pytest

from prober.lab.description import described, vault

NOON = datetime(2026, 9, 8, 12, 0, tzinfo=UTC)
SECRETS = {"jwt": "J" * 40, "service": "S" * 40, "other service": "O" * 40, "database": "D" * 40}
AUTH = {"revision": "auth-1", "jwt_secret": "J" * 40, "service_id": "id", "service_secret": "S" * 40}
BACKEND = {**AUTH, "revision": "backend-1", "auth_url": "http://auth"}


def told(*backends, **auth):
    """What is told of these processes."""
    processes = {"auth": [AUTH | auth], "backend": backends or (BACKEND,)}
    return described(processes, {"auth": 1, "backend": 2}, SECRETS, NOON)


def environment(told_, service, process=0):
    """A process' environment, by name."""
    return {each["name"]: each for each in told_["containers"][service]["processes"][process]["env"]}


def test_a_value_of_a_secret_is_told_as_its_version():
    """The one before a rotation is version 1, the one since version 2, and 3 was written once more."""
    known = vault(SECRETS)

    assert ("service", "1") == known["O" * 40]
    assert ("service", "2") == known["S" * 40]
    assert ("service", "3") == known["S" * 40 + "\n"]


def test_an_environment_is_what_a_process_was_started_with():
    """Secrets as references, the rest as it is; what is not set is not there."""
    found = environment(told({**BACKEND, "service_id": None}), "backend")

    assert {"name": "SERVICE_SECRET", "secret": "service", "version": "2"} == found["SERVICE_SECRET"]
    assert {"name": "AUTH_SERVICE_URL", "value": "http://auth"} == found["AUTH_SERVICE_URL"]
    assert "SERVICE_ID" not in found
    assert "D" * 40 in found["DATABASE_URL"]["value"]


def test_whoever_missed_a_rotation_was_started_before_it():
    """And whoever has what is there now, since."""
    found = told({**BACKEND, "service_secret": "O" * 40})
    auth, backend = (found["containers"][name]["processes"][0]["started"] for name in ("auth", "backend"))

    assert backend < found["secrets"]["service"]["written"] < auth
    assert found["secrets"]["jwt"]["written"] < backend
    assert ("2", "S" * 40) == (found["secrets"]["service"]["version"], found["secrets"]["service"]["value"])


@pytest.mark.parametrize("count", [1, 2])
def test_each_process_is_told_of(count):
    """A second instance of the backend is another revision."""
    processes = told(*({**BACKEND, "revision": f"backend-{n}"} for n in range(count)))["containers"]["backend"][
        "processes"
    ]

    assert [f"backend-{n}" for n in range(count)] == [each["revision"] for each in processes]
