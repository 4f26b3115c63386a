"""A lab whose secrets lie with fake managers, a real `prober serve` that looks at it, and what that counted."""

import asyncio
import json
import secrets
from collections import Counter
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import yaml

from prober.lab.world import World
from tests.live import samples, serving
from tests.rotation.managers import SecretManager, Vault

LAB = Path(__file__).parents[2] / "prober" / "lab" / "probes.yaml"

#: Where each secret lies: two with Secret Manager, one with Vault.
PLACES = {
    "jwt": "gcp:projects/staging/secrets/jwt",
    "bypass": "gcp:projects/staging/secrets/bypass",
    "service": "vault:secret/staging/auth#service",
}

_LOOK_SECONDS = 0.2


def fresh():
    """Another value of a secret."""
    return secrets.token_urlsafe(36)


class Rig:
    """Both managers, the lab and the prober, and what a person does who rotates."""

    def __init__(self, overlap_seconds, refresh_seconds, chains):
        """So long both versions count, and so many chains turn every five seconds."""
        self.overlap_seconds, self.refresh_seconds, self.chains = overlap_seconds, refresh_seconds, chains
        self.google, self.vault = SecretManager(), Vault()
        self.values = {name: fresh() for name in PLACES}
        self.before = dict(self.values)
        self.rotated = dict.fromkeys(PLACES, 1)  # the newest version of each, at its source
        self.world = self.served = None
        self._revision = 50

    @asynccontextmanager
    async def lab(self, folder):
        """Managers and services until the end of this; gives the config that looks at them."""
        with ExitStack() as stack:
            for manager in (self.google, self.vault):
                stack.enter_context(manager.running())
            for name in PLACES:
                self._store(name)
            async with World(auth=self._held("auth"), backend=self._held("backend")) as self.world:
                config = folder / "probes.yaml"
                config.write_text(json.dumps(self._config()))  # which is YAML too
                yield config

    @asynccontextmanager
    async def running(self, folder):
        """And a real `prober serve`, which is told where things are, and never a value."""
        async with (
            self.lab(folder) as config,
            serving(config, self.environment(folder), folder / "prober.log") as self.served,
        ):
            yield self

    def environment(self, folder):
        """Where everything is."""
        told = {name: value for name, value in self.world.environment.items() if name not in _SECRET}
        return told | {
            "SECRET_MANAGER_EMULATOR_HOST": self.google.address,
            "VAULT_ADDR": f"http://{self.vault.address}",
            "VAULT_TOKEN": self.vault.token("staging/auth"),
            "PROBER_HISTORY": str(folder / "prober.db"),
            "PYTHONPATH": str(LAB.parents[2]),
        }

    def _config(self):
        lab = yaml.safe_load(LAB.read_text())
        steps = [step for step in lab["chains"]["validation"]["steps"] if "revision" not in step["name"]]
        chain = {**lab["chains"]["validation"], "interval": "5s", "jitter": "0s", "steps": steps}
        own = {
            "secrets": PLACES,
            "secrets_refresh": f"{self.refresh_seconds}s",
            "secrets_overlap": f"{self.overlap_seconds}s",
            "chains": {f"validation-{number}": chain for number in range(self.chains)},
        }
        return {name: value for name, value in lab.items() if name != "trigger"} | own

    # ── the source ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _store(self, name):
        if name == "service":
            self.vault.add("staging/auth", service=self.values[name])
        else:
            self.google.add(name, self.values[name])

    def rotate(self, *names):
        """At the source; the services do not know yet."""
        for name in names:
            self.before[name], self.values[name] = self.values[name], fresh()
            self.rotated[name] += 1
            self._store(name)

    def away(self, *, is_away):
        """Both managers answer nothing but 503, or as before."""
        for manager in (self.google, self.vault):
            manager.status = 503 if is_away else 0

    # ── the services ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _held(self, service, names=tuple(PLACES), also=None):
        """The settings of a service that holds the newest of `names`, and beside them those of `also`."""
        also = also or {}
        held = {_FIELDS[name]: self.values[name] for name in names}
        beside = {_BESIDE[name]: (also[name],) if name in also else () for name in names}
        return {name: value for name, value in (held | beside).items() if service == "auth" or "bypass" not in name}

    async def expect(self, service, *names):
        """The service takes the new one too, and goes on with its own."""
        await self._change(service, {_BESIDE[name]: (self.values[name],) for name in names})

    async def follow(self, service, *names, by_restart=False):
        """The service goes on with the new one, and takes the one before beside it; as it runs, or by a deploy."""
        self._revision += 1
        revision = {"revision": f"{service}-{self._revision:05}"} if by_restart else {}
        await self._change(service, self._held(service, names, self.before) | revision)

    async def let_go(self, service, *names):
        """The service takes the one before no longer."""
        await self._change(service, {_BESIDE[name]: () for name in names})

    async def move_on(self, service, *names):
        """The service has the new ones, and nothing else."""
        await self._change(service, self._held(service, names))

    async def fall_behind(self, service, name):
        """The service goes back to the one before, and nothing else."""
        await self._change(service, {_FIELDS[name]: self.before[name], _BESIDE[name]: ()})

    async def _change(self, service, settings):
        kept = {name: value for name, value in settings.items() if service == "auth" or "bypass" not in name}
        await self.world.hold(**{service: kept})

    # ── what was counted ─────────────────────────────────────────────────────────────────────────────────────────────

    async def counted(self):
        """Verdicts of steps and runs, outcomes of fetches, and which causes are active."""
        page = await self.served.page()
        return {
            "steps": _by(page, "prober_step_results_total", "verdict"),
            "runs": _by(page, "prober_chain_runs_total", "verdict"),
            "reasons": _by(page, "prober_step_failures_total", "reason"),
            "fetches": _by(page, "prober_secret_fetches_total", "outcome"),
            "blinds": self._blinds(),
            "causes": _by(page, "prober_diagnosis_active", "cause"),
        }

    def _blinds(self):
        """Steps that were blind, by reason, which no metric tells: from the log."""
        lines = (json.loads(line) for line in self.served.log.read_text().splitlines() if '"verdict": "blind"' in line)
        return Counter(each["reason"] for each in lines if each["message"] == "step.judged")

    async def seen(self, *names):
        """Until the prober holds the new version of each beside the one before."""
        while not all(self._is_seen(name) for name in names):  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(_LOOK_SECONDS)

    def _is_seen(self, name):
        said = (json.loads(line) for line in self.served.log.read_text().splitlines() if '"secrets.rotated"' in line)
        return self.rotated[name] == max((int(each["version"]) for each in said if each["secret"] == name), default=1)

    async def turns(self, rounds=1):
        """Until every chain has turned so many times more."""
        wanted = sum((await self.counted())["runs"].values()) + rounds * self.chains
        while sum((await self.counted())["runs"].values()) < wanted:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(_LOOK_SECONDS)


_SECRET = ("JWT_SECRET_STAGING", "SERVICE_SECRET", "E2E_OAUTH_SIMULATION_KEY")
_FIELDS = {"jwt": "jwt_secret", "service": "service_secret", "bypass": "bypass_key"}
_BESIDE = {"jwt": "also_jwt_secrets", "service": "also_service_secrets", "bypass": "also_bypass_keys"}


def _by(page, name, label):
    """Counts of one metric by one label, without those that are nought."""
    counts = Counter()
    for sample in samples(page, name):
        counts[sample.labels[label]] += int(sample.value)
    return +counts
