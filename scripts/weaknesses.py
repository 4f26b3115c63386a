"""What pip-audit found: exit code 1 for a known weakness; what could not be asked is never called well."""

import json
import sys
from pathlib import Path


def told(report: str) -> tuple[int, str]:
    """An exit code and a sentence for what stands in pip-audit's JSON; empty where it did not get that far."""
    dependencies = json.loads(report)["dependencies"] if report.strip() else []
    weak = [each for each in dependencies if each.get("vulns")]
    skipped = [each for each in dependencies if "skip_reason" in each]
    if weak:
        return 1, "known weaknesses:\n" + "\n".join(map(_weakness, weak))
    if not dependencies or len(skipped) == len(dependencies):
        return 0, "known weaknesses: NOT CHECKED, the database of advisories cannot be reached from here"
    asked = len(dependencies) - len(skipped)
    rest = f"; {len(skipped)} could NOT be checked" if skipped else ""
    return 0, f"known weaknesses: none in {asked} packages{rest}"


def _weakness(dependency: dict[str, object]) -> str:
    vulns = dependency["vulns"]
    assert isinstance(vulns, list)  # noqa: S101 - as pip-audit writes it
    fixed = sorted({version for each in vulns for version in each.get("fix_versions", ())})
    names = ", ".join(each["id"] for each in vulns)
    return f"  {dependency['name']} {dependency['version']}: {names}; mended in {', '.join(fixed) or 'no release yet'}"


if __name__ == "__main__":
    code, sentence = told(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(sentence)
    sys.exit(code)
