"""The plain manifests and the files of the chart: written from the chart's examples and from the project's own files.

`scripts/manifests` writes them, `scripts/manifests --check` says which are stale. Rendering needs the extra `chart`.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any

from yaml import CSafeLoader, load_all

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "deploy" / "helm" / "prober"
EXAMPLES = ("minimal", "full", "replicas")

#: What releases are called in the plain manifests, and where they are.
RELEASE, NAMESPACE = "prober", "prober"

#: Which file each secret of the shipped config is, under the name that it has there.
_SECRET = re.compile(r"^  (\w+): env:\w+ +(?=#)", re.MULTILINE)
_SECRETS_AT = "/run/secrets/prober"

#: What only Helm reads: whoever applies these manifests is not Helm.
_OF_HELM = re.compile(r"^ +(helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n", re.MULTILINE)


def objects(text: str) -> list[Any]:
    """What a YAML text holds, read by YAML 1.1 as Kubernetes does, without what is empty."""
    return [each for each in load_all(text, CSafeLoader) if each]


def values(example: str) -> dict[str, Any]:
    """Those of ci/EXAMPLE-values.yaml."""
    (found,) = objects((CHART / "ci" / f"{example}-values.yaml").read_text("utf-8"))
    return dict(found)


def documents(given: Mapping[str, Any]) -> Iterator[str]:
    """Every document that the chart makes of these values, hooks and tests too, as text.

    Raises:
        HelmError: the values or the templates say what cannot be.
    """
    from helm_python import Chart  # noqa: PLC0415 - 80 MB, which only rendering needs

    with Chart.load(CHART) as chart:
        rendered = chart.render(dict(given), name=RELEASE, namespace=NAMESPACE)
    for path in sorted(rendered):
        if path.endswith(".yaml"):
            for text in re.split(r"^---\n", rendered[path], flags=re.MULTILINE):
                if objects(text):
                    yield f"{text.strip()}\n"


def is_hook(text: str) -> bool:
    """Whether Helm makes it at a certain time, and nobody else does."""
    (found,) = objects(text)
    return "helm.sh/hook" in (found["metadata"].get("annotations") or {})


def manifest(example: str) -> str:
    """The plain manifest of an example: what `kubectl apply` takes."""
    head = (
        f"# Made by scripts/manifests from deploy/helm/prober and its ci/{example}-values.yaml: edit those, not this.\n"
        "# kubectl apply --namespace prober -f THIS\n"
    )
    found = (_OF_HELM.sub("", text) for text in documents(values(example)) if not is_hook(text))
    return head + "".join(f"---\n{text}" for text in found)


def config() -> str:
    """The shipped probes.yaml with its secrets in files: the chart's own config."""
    text = (ROOT / "probes.yaml").read_text("utf-8")
    return _SECRET.sub(lambda found: f"  {f'{found[1]}: file:{_SECRETS_AT}/{found[1]}':<42}", text)


def files() -> Iterator[tuple[Path, str]]:
    """What the chart brings of ours."""
    yield CHART / "files" / "probes.yaml", config()
    yield CHART / "files" / "rules.yml", (ROOT / "deploy/prometheus/rules.yml").read_text("utf-8")
    yield CHART / "files" / "dashboard.json", (ROOT / "deploy/grafana/dashboard.json").read_text("utf-8")


def manifests() -> Iterator[tuple[Path, str]]:
    """What `kubectl` takes."""
    for example in EXAMPLES:
        yield ROOT / "deploy" / "kubernetes" / f"{example}.yaml", manifest(example)


def main() -> int:
    """Write what there is to write; or only say what is stale."""
    stale = 0
    for made in (files, manifests):
        for path, text in made():
            there = path.read_text("utf-8") if path.exists() else ""
            stale += there != text
            if "--check" in sys.argv:
                sys.stdout.write("\n".join(unified_diff(there.split("\n"), text.split("\n"), path.name, "made anew")))
            else:
                path.write_text(text, "utf-8")
    if stale and "--check" in sys.argv:
        sys.stderr.write("stale: run scripts/manifests\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
