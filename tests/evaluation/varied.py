"""The lab's config with other names and another order of steps: what a team may write as it likes."""

import json
import random
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.evaluation.cases import Variation

CHAIN = "validation"


def write_config(path: Path, variation: Variation) -> Path:
    """Write the lab's config, varied; JSON, which is YAML too."""
    path.write_text(json.dumps(_varied(_shipped(), variation), indent=1), encoding="utf-8")
    return path


def _shipped() -> dict[str, Any]:
    text = (files("prober.lab") / "probes.yaml").read_text(encoding="utf-8")
    document: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)
    return dict(document)


def _varied(document: dict[str, Any], variation: Variation) -> dict[str, Any]:
    document["chains"] = {CHAIN: document["chains"][CHAIN]}  # the only one that is run
    _rename(document, dict(zip(("auth", "backend"), variation.services, strict=True)))
    if variation.order is not None:
        random.Random(variation.order).shuffle(document["chains"][CHAIN]["steps"])
    return document


def _rename(document: dict[str, Any], names: Mapping[str, str]) -> None:
    """Call the services otherwise wherever they are called.

    Issuers keep their names, and so do the parties of a secret match, which each service puts into its proof.
    """
    document["services"] = {names.get(name, name): service for name, service in document["services"].items()}
    for part in (*document["issuers"].values(), *document["chains"][CHAIN]["steps"]):
        if "service" in part:
            part["service"] = names.get(part["service"], part["service"])
        for name, party in part.get("parties", {}).items():
            if "ask" in party:
                party["service"] = names.get(name, name)
