"""The lab's config with its chain copied under as many names as a benchmark asks for."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from prober.model.chain import Plan


def write_config(path: Path, chains: int, interval_seconds: int) -> Path:
    """Write a config of `chains` copies of the lab's validation chain; JSON, which is YAML too."""
    document = lab_document()
    chain = {**document["chains"]["validation"], "interval": f"{interval_seconds}s"}
    document["chains"] = {f"validation-{number:04}": deepcopy(chain) for number in range(1, chains + 1)}
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


def lab_document() -> dict[str, Any]:
    """The lab's own config, as it is written."""
    text = (files("prober.lab") / "probes.yaml").read_text(encoding="utf-8")
    document: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)
    return dict(document)


def many(plan: Plan, chains: int) -> Plan:
    """The plan with its first chain under so many names: more than one file may say."""
    (first, *_) = plan.chains.values()
    names = [f"{first.name}-{number:05}" for number in range(1, chains + 1)]
    return replace(plan, chains={name: replace(first, name=name) for name in names})
