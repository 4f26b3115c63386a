"""Configs that nobody should write: made up by a seed, and each loaded, or told what is wrong with it, at once.

The long run: `python -m tests.safety.configs --count 20000 --seed 1`.
"""

import argparse
import random
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from prober.config.load import load
from prober.model.errors import ConfigError

#: Promise R22: what one document may take.
MOST_SECONDS, MOST_MEBIBYTES = 1.0, 64

_GOOD = (Path(__file__).parents[2] / "probes.yaml").read_text(encoding="utf-8")

#: What a variable holds may be a secret that somebody put there; no complaint repeats it.
_CANARY = "canary-9fK2vQ7LxT4mB8sW"
ENVIRON: Mapping[str, str] = {
    "CANARY": _CANARY,
    "ADDRESS": f"https://user:{_CANARY}@auth.example",
    "LOOP": "${LOOP}",
    "OTHER": "${LOOP:-${OTHER}}",
    "BIG": "9" * 5000,
}

#: A complaint begins with the file, and a line where the matter has one.
_COMPLAINT = re.compile(r"[^\n:]*fuzz\.yaml(:\d+)?: .+", re.DOTALL)

Rng = random.Random


# ── making ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def document(rng: Rng) -> bytes:
    """One document: mostly a good one with a few things wrong in it, now and then something else altogether."""
    if rng.randrange(8) == 0:
        return rng.choice(_MONSTERS)(rng)
    lines = _GOOD.splitlines()
    for _ in range(rng.choice([0, 1, 1, 2, 3, 8])):
        rng.choice(_MUTATIONS)(rng, lines)
    whole = "\n".join(lines).encode("utf-8", "surrogatepass")
    return rng.choice(_BYTES)(rng, whole) if rng.randrange(6) == 0 else whole


def _at(rng: Rng, lines: Sequence[str]) -> int:
    return rng.randrange(len(lines)) if lines else 0


def _drop(rng: Rng, lines: list[str]) -> None:
    del lines[_at(rng, lines) : _at(rng, lines)]


def _double(rng: Rng, lines: list[str]) -> None:
    at = _at(rng, lines)
    lines.insert(at, lines[at])


def _swap(rng: Rng, lines: list[str]) -> None:
    one, two = _at(rng, lines), _at(rng, lines)
    lines[one], lines[two] = lines[two], lines[one]


def _indent(rng: Rng, lines: list[str]) -> None:
    at = _at(rng, lines)
    lines[at] = rng.choice(["  " + lines[at], lines[at][2:], "\t" + lines[at], " " * 300 + lines[at]])


def _value(rng: Rng, lines: list[str]) -> None:
    at = _at(rng, lines)
    key, colon, _ = lines[at].partition(":")
    lines[at] = f"{key}: {rng.choice(_VALUES)}" if colon else rng.choice(_VALUES)


def _key(rng: Rng, lines: list[str]) -> None:
    at = _at(rng, lines)
    _, colon, value = lines[at].partition(":")
    lines[at] = f"{rng.choice(_VALUES)}{colon}{value}"


def _insert(rng: Rng, lines: list[str]) -> None:
    lines.insert(_at(rng, lines), rng.choice(_LINES))


def _letter(rng: Rng, lines: list[str]) -> None:
    at = _at(rng, lines)
    place = rng.randrange(len(lines[at]) + 1)
    lines[at] = (
        lines[at][:place] + rng.choice("{}[]:,&*!|>%@`'\"#-?\t\x00\x07\u202e\ufeff\ud800\u2028 ") + lines[at][place:]
    )


_MUTATIONS: Sequence[Callable[[Rng, list[str]], None]] = (
    _drop,
    _double,
    _swap,
    _indent,
    _value,
    _key,
    _insert,
    _letter,
)

_VALUES: Sequence[str] = [
    *("", "~", "no", "-1", "0", "1e308", "1e999", ".nan", ".inf", "9" * 400, "0x" + "f" * 40, "-" + "9" * 30, "1_000"),
    *("2026-99-99", "12:30:45", "10s", "-5s", "1e9h", "10 parsecs", "true", "a" * 5000, "\u202e", "\x1b[31m"),
    *("${CANARY}", "${CANARY:-x}", "${MISSING}", "${", "$${", "${LOOP}", "${OTHER}", "${BIG}", "${ADDRESS}"),
    *("[]", "{}", "[[[[]]]]", "{a: {b: {c: d}}}", "&x y", "*x", "!!python/object:os.system ls", "!!binary aGk="),
    *("<<: *x", "|", ">-", "'", '"', "env:", "env:CANARY", "file:/etc/shadow", "file:", "exec:ls"),
    *("https://user:pass@host", "http://[::1", "http://", "javascript:alert(1)"),
]

_LINES: Sequence[str] = [
    *("---", "...", "%YAML 9.9", "%TAG ! tag:x", "<<: {a: b}", "? [complex, key]", ": no key", "- - - -", "? "),
    *("extra: key", "services: {}", "chains: []", "version: 2", "environment: production", "a: &a [*a]"),
    *("b: *nobody", "c: !evil d"),
]


def _flip(rng: Rng, whole: bytes) -> bytes:
    flipped = bytearray(whole)
    for _ in range(rng.randrange(1, 20)):
        flipped[rng.randrange(len(flipped))] = rng.randrange(256)
    return bytes(flipped)


_BYTES: Sequence[Callable[[Rng, bytes], bytes]] = (
    _flip,
    lambda rng, whole: whole[: rng.randrange(len(whole))],
    lambda _rng, whole: b"\xef\xbb\xbf" + whole,
    lambda _rng, whole: whole.decode("utf-8", "replace").encode("utf-16"),
    lambda _rng, whole: whole.replace(b"\n", b"\r"),
    lambda _rng, whole: whole + b"\n---\n" + whole,
    lambda _rng, whole: b"\x00" + whole,
    lambda _rng, whole: whole + b"\xff\xfe\xed\xa0\x80",
)


def _chains(line: bytes, count: int) -> bytes:
    return b"".join(line % number for number in range(count))


_MISSPELT = b"  c%d: {steps: [mimt, helth], interval: 30s}\n"

_LARGE = 1_000_000  # bytes: just within what is read

_MONSTERS: Sequence[Callable[[Rng], bytes]] = (
    lambda rng: rng.randbytes(rng.randrange(4000)),
    lambda _rng: b"",
    lambda _rng: b"\x00" * 3000,
    lambda rng: b"[" * rng.choice([30, 3000, _LARGE]),
    lambda rng: b"{a: " * rng.choice([30, 3000, _LARGE // 4]),
    lambda rng: b"- " * rng.choice([30, 3000, _LARGE // 2]),
    lambda rng: b"".join(b" " * level + b"a:\n" for level in range(rng.choice([30, 900]))),
    lambda rng: b"[" + b"1," * rng.choice([3000, _LARGE // 2 - 2]) + b"]",
    lambda rng: b"a: " + b"x" * rng.choice([3000, _LARGE, 3 * _LARGE]),
    lambda rng: b"".join(b"key%d: 1\n" % number for number in range(rng.choice([3000, 80_000]))),
    lambda rng: b"a: 1\n" * rng.choice([3000, _LARGE // 5]),
    lambda rng: b"\n" * rng.choice([3000, _LARGE]),
    lambda rng: b"# " + b"c" * rng.choice([3000, _LARGE]),
    lambda rng: b'"' + b"\\u0041" * rng.choice([3000, _LARGE // 6 - 2]) + b'"',
    lambda _rng: b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(b"b%d: &b%d [*a,*a,*a]\n" % (n, n) for n in range(900)),
    lambda rng: b"${CANARY}" * rng.choice([3, 90_000]),
    lambda rng: b"a: '" + b"${CANARY:-" * rng.choice([30, 90_000]) + b"'",
    lambda rng: b"chains: {" + b"".join(b"c%d: {}, " % number for number in range(rng.choice([300, 20_000]))) + b"}",
    lambda rng: _GOOD.encode() + _chains(b"  c%d: {steps: [mimt, helth]}\n", rng.choice([300, 6_300])),
    lambda rng: _GOOD.encode().replace(b"\nchains:\n", b"\nchains:\n" + _chains(_MISSPELT, rng.choice([300, 4_000]))),
    lambda rng: b"steps:\n" + b"".join(b"- {name: s%d, kind: http}\n" % n for n in range(rng.choice([300, 20_000]))),
)


# ── loading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Findings:
    """What became of all documents."""

    loaded: int = 0
    refused: int = 0
    complaints: Counter[int] = field(default_factory=Counter)  # how many documents had how many
    wrong: list[str] = field(default_factory=list)  # each with the seed that brings it again
    slowest_seconds: float = 0.0  # of CPU time: the machine is not ours alone
    largest_mebibytes: float = 0.0


def examine(count: int, seed: int) -> Findings:
    """Load so many documents, one after the other."""
    findings = Findings()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.yaml"
        for number in range(count):
            _one(path, seed * 1_000_003 + number, findings)
    return findings


def _one(path: Path, seed: int, findings: Findings) -> None:
    path.write_bytes(document(random.Random(seed)))
    before, began = _peak(), time.process_time()
    try:
        load(path, ENVIRON)
        findings.loaded += 1
    except ConfigError as error:
        findings.refused += 1
        findings.wrong += [f"seed {seed}: {flaw}" for flaw in _flaws(error)]
        findings.complaints[min(len(error.problems), 10)] += 1
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        findings.wrong.append(f"seed {seed}: {type(error).__name__}: {error}"[:300])
    took, grown = time.process_time() - began, _peak() - before
    findings.slowest_seconds = max(findings.slowest_seconds, took)
    findings.largest_mebibytes = max(findings.largest_mebibytes, grown)
    if took > MOST_SECONDS or grown > MOST_MEBIBYTES:
        findings.wrong.append(f"seed {seed}: {took:.2f} s, {grown:.0f} MiB for {path.stat().st_size} bytes")


def _flaws(error: ConfigError) -> Sequence[str]:
    """What is wrong with what is said."""
    said = str(error)
    flaws = ["the canary is quoted"] if _CANARY in said else []
    flaws += [f"no place: {str(each)[:120]!r}" for each in error.problems if not _COMPLAINT.fullmatch(str(each))]
    flaws += ["a control character is printed"] if re.search(r"[\x00-\x09\x0b-\x1f\x7f]", said) else []
    return [*flaws, *(["nothing is said"] if not error.problems else [])]


def _peak() -> float:
    """The most memory ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Load configs that nobody should write.")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    findings = examine(given.count, given.seed)
    lines = [
        f"documents   {given.count}: {findings.loaded} loaded, {findings.refused} refused",
        f"slowest     {findings.slowest_seconds:.2f} s of {MOST_SECONDS} s",
        f"memory      {findings.largest_mebibytes:.1f} MiB of {MOST_MEBIBYTES}",
        f"wrong       {len(findings.wrong)}",
    ]
    sys.stdout.write("\n".join([*lines, *findings.wrong[:30], ""]))
    return 1 if findings.wrong else 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
