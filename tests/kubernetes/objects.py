"""What the manifests of deploy/ hold, as values."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from deploy.kubernetes.manifests import EXAMPLES, ROOT, objects

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "schemas").iterdir()}
CI = ROOT / "deploy" / "ci"


#: The objects of each plain manifest.
PLAIN = {example: objects((ROOT / "deploy" / "kubernetes" / f"{example}.yaml").read_text()) for example in EXAMPLES}


def of_kind(kind, found):
    """Those of a kind."""
    return [each for each in found if each["kind"] == kind]


def the(kind, found, name="prober"):
    """The one of this kind and name."""
    (only,) = [each for each in of_kind(kind, found) if each["metadata"]["name"] == name]
    return only


def pods(found):
    """The spec of each pod that these bring about, by kind and name; those of an AnalysisTemplate's Jobs too."""
    for each in found:
        where = f"{each['kind']} {each['metadata']['name']}"
        if each["kind"] == "Pod":
            yield where, each["spec"]
        elif "template" in each.get("spec", {}):
            yield where, each["spec"]["template"]["spec"]
        elif each["kind"] == "AnalysisTemplate":
            jobs = (metric["provider"]["job"] for metric in each["spec"]["metrics"] if "job" in metric["provider"])
            yield from ((where, job["spec"]["template"]["spec"]) for job in jobs)


def misshapen(each):
    """What its schema has against an object of a kind that Kubernetes itself does not know."""
    return [
        f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMAS[each["kind"]]).iter_errors(each)
    ]
