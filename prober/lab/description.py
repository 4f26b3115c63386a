"""What the lab's platform has to tell: how the processes that run now were started, as their settings say. Pure.

A setting of a process becomes a variable of its environment; a value that one of the lab's secrets has, or had, becomes
a reference to that version, and anything else stands there as it is.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

Document = Mapping[str, Any]

#: Under which name each service reads what its settings hold.
NAMES: Mapping[str, Mapping[str, str]] = {
    "auth": {
        "jwt_secret": "JWT_SECRET_STAGING",
        "service_id": "SERVICE_ID",
        "service_secret": "SERVICE_SECRET",
        "bypass_key": "E2E_OAUTH_SIMULATION_KEY",
        "environment": "ENVIRONMENT",
    },
    "backend": {
        "jwt_secret": "JWT_SECRET_STAGING",
        "service_id": "SERVICE_ID",
        "service_secret": "SERVICE_SECRET",
        "bypass_key": "E2E_OAUTH_SIMULATION_KEY",
        "environment": "ENVIRONMENT",
        "auth_url": "AUTH_SERVICE_URL",
    },
}

#: Which version of a secret a value of the world is: before the last rotation, since, and written once more since.
_EARLIER, _CURRENT, _REWRITTEN = "1", "2", "3"

#: When things happened, before now: what was not rotated was written at first, then came those who missed a rotation.
_FIRST, _BEFORE, _ROTATED, _SINCE = (timedelta(hours=hours) for hours in (4, 3, 2, 1))


def vault(secrets: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The secret and version that each value is; `other jwt` is what the world calls the one before `jwt`."""
    known: dict[str, tuple[str, str]] = {}
    for name, value in secrets.items():
        kind, _, rest = name.rpartition(" ")
        known[value] = (rest, _EARLIER if kind else _CURRENT)
        known[f"{value}\n"] = (rest, _REWRITTEN)
    return known


def described(
    processes: Mapping[str, Iterable[Document]], ports: Mapping[str, int], secrets: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """Settings for the platform: of each service its processes, and of each secret what it holds."""
    known = vault(secrets)
    environments = {
        service: [(each["revision"], list(_environment(service, each, known, secrets))) for each in living]
        for service, living in processes.items()
    }
    held = [variable for of in environments.values() for _, each in of for variable in each if "secret" in variable]
    current = {
        each["secret"]: max(_CURRENT, *(other["version"] for other in held if other["secret"] == each["secret"]))
        for each in held
    }
    rotated = {each["secret"] for each in held if each["version"] != current[each["secret"]]}
    return {
        "containers": {
            service: {
                "port": ports[service],
                "processes": [
                    {"revision": revision, "started": _moment(now - _age(each, current, rotated)), "env": each}
                    for revision, each in of
                ],
            }
            for service, of in environments.items()
        },
        "secrets": {
            name: {
                "version": version,
                "written": _moment(now - (_ROTATED if name in rotated else _FIRST)),
                "value": next(value for value, is_ in known.items() if is_ == (name, version)),
            }
            for name, version in current.items()
        },
    }


def _environment(
    service: str, settings: Document, known: Mapping[str, tuple[str, str]], secrets: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """What the process finds in its environment; what is not set is not there."""
    for setting, name in NAMES[service].items():
        value = settings.get(setting)
        if isinstance(value, str) and value in known:
            secret, version = known[value]
            yield {"name": name, "secret": secret, "version": version}
        elif value is not None:
            yield {"name": name, "value": str(value)}
    yield {"name": "DATABASE_URL", "value": f"postgresql://{service}:{secrets['database']}@db.internal/{service}"}


def _age(environment: Iterable[Document], current: Mapping[str, str], rotated: Iterable[str]) -> timedelta:
    """Who has what was there before a rotation was started before it."""
    mapped = [each for each in environment if "secret" in each and each["secret"] in rotated]
    return _BEFORE if any(each["version"] != current[each["secret"]] for each in mapped) else _SINCE


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
