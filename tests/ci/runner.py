"""As much of GitHub's runner as a composite action needs: inputs, expressions, bash, outputs, path, summary."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML

_EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")


@dataclass
class Job:
    """A job on a runner: its folder, its environment, and what its steps have said so far."""

    folder: Path
    environment: dict[str, str]
    log: str = ""
    code: int = 0
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """What stands on the job's page."""
        return self._file("GITHUB_STEP_SUMMARY").read_text()

    def _file(self, name: str) -> Path:
        path = self.folder / name
        path.touch()
        return path

    def uses(self, action: Path, **given: str) -> "Job":
        """Take the steps of an action with these inputs (`_` in a name for `-`); the first that fails is the last."""
        shape = YAML(typ="safe").load((action / "action.yml").read_text())
        known = {"github.action_path": str(action), "github.sha": "0000000"}
        for name, each in shape["inputs"].items():
            usual = _filled(each.get("default", ""), known)
            known[f"inputs.{name}"] = given.get(name.replace("-", "_"), usual)
        for step in shape["runs"]["steps"]:
            self._step(step, known)
            if self.code:
                break
        self.outputs = {name: _filled(each["value"], known) for name, each in shape["outputs"].items()}
        return self

    def _step(self, step, known) -> None:
        assert "bash" == step["shell"]
        files = {name: self._file(name) for name in ("GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
        outputs = self.folder / "GITHUB_OUTPUT"
        outputs.write_text("")
        env = {
            **self.environment,
            **{name: str(path) for name, path in files.items()},
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_ACTIONS": "true",
            "RUNNER_TEMP": str(self.folder),
            **{name: _filled(value, known) for name, value in step.get("env", {}).items()},
        }
        env["PATH"] = os.pathsep.join([*reversed(files["GITHUB_PATH"].read_text().split()), env["PATH"]])
        # As the runner writes `shell: bash`.
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", _filled(step["run"], known)]
        done = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=240, check=False
        )
        self.code, self.log = done.returncode, f"{self.log}{done.stdout}{done.stderr}"
        told = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
        known |= {f"steps.{step.get('id')}.outputs.{name}": value for name, value in told.items()}


def _filled(text: str, known) -> str:
    """Expressions give way to what they stand for, as text; those of what was never told to nothing."""
    return _EXPRESSION.sub(lambda found: known.get(found[1], ""), str(text))
