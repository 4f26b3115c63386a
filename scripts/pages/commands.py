"""docs/reference/commands.md: every command with its arguments, options and defaults, from the command line itself."""

import inspect
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

from typer.main import get_command

from prober import cli
from prober.model import errors
from scripts.pages.markdown import code, joined, listed, page, table

#: What ends a command, as the interface has it; tests/docs holds them to the code.
EXIT_CODES: Mapping[int, str] = {
    0: "pass, or done",
    1: "fail: the target",
    2: "usage or config",
    3: "the prober's own fault",
    4: "not enough evidence, or an operator has paused it",
    5: "nothing matched, nothing ran",
    130: "Ctrl-C, of commands that would go on (`143`: SIGTERM, `141`: whoever read standard output has gone)",
}

#: What the program reads from its environment beside what `probes.yaml` names.
VARIABLES: Mapping[str, str] = {
    "PROBER_CONFIG": "where `probes.yaml` is, unless `--config` says",
    "PROBER_MOST_STEPS": "how many steps `probes.yaml` may have, 2000 unless said; bytes and values in proportion",
    "PROBER_SHARD": "`I/N`: [which of N shards](../scale.md) `prober serve` is, unless `--shard` says",
    "PROBER_TRANSPORT": "`lean` (the default) or `stock`: [how requests go out](../transport.md)",
    "PROBER_TOKEN": "the token for `--server`, unless `--token-file` says",
    "PROBER_IDENTITY_FROM": "`metadata` or `file:PATH`: where the token for the platform before `--server` is "
    "([Cloud Run](../cloud-run.md#a-prober-that-is-not-public)), unless `--identity-from` says",
    "PROBER_IDENTITY_AUDIENCE": "for whom that token is, unless `--identity-audience` says",
    "GITHUB_ACTIONS": "`true`: annotations are printed, and the summary of the job is added to",
    "GITHUB_STEP_SUMMARY": "the file of that summary",
    "GITHUB_OUTPUT": "the file of a step's outputs, to which a gate adds its verdict",
    "PROBER_DEBUGGABLE": "set: a debugger of the same user may look into the process, and into its secrets (Linux)",
    "SSL_CERT_FILE": "whom notices trust; `SSL_CERT_DIR` and `REQUESTS_CA_BUNDLE` likewise. Services have `ca_file:`",
    "NO_COLOR": "no colours",
    "FORCE_COLOR": "colours where output is no terminal",
    "COLUMNS": "how wide reports are where output is no terminal",
}


def text() -> str:
    """The whole page."""
    commands = [_section(name, command) for name, command in found().items()]
    return page("Commands", _INTRO, _exits(), _environment(), *commands)


def found() -> Mapping[str, Any]:
    """Every command by name, as click sees it (typer brings a click of its own)."""
    commands: Mapping[str, Any] = get_command(cli.app).commands
    return commands


_INTRO = """\
`prober COMMAND --help` says the same at the terminal. `prober --version` prints the version. Results go to
standard output, all else to standard error."""


def _exits() -> str:
    rows = [(code(number), about) for number, about in EXIT_CODES.items()]
    kinds = f"Exceptions of ours carry theirs (`prober/model/errors.py`, {len(list(_failures()))} kinds)"
    worst = "of several results the worst decides: 1 before 3 before 4 before 0."
    return "\n\n".join(["## Exit codes", table(("code", "means"), rows), f"{kinds}; {worst}"])


def _failures() -> Iterator[type]:
    return (each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.ProberError))


def _environment() -> str:
    rows = [(code(name), about) for name, about in VARIABLES.items()]
    more = "What `probes.yaml` names as `${NAME}` or `env:NAME` is read too, under the names that stand there."
    return f"## Environment\n\n{table(('variable', 'means'), rows)}\n\n{more}"


def _section(name: str, command: Any) -> str:
    example = (command.epilog or "").removeprefix("Example:").strip()
    parts = [f"## prober {name}", _usage(name, command), _help(command), _table(command)]
    return "\n\n".join(part for part in (*parts, f"Example: {code(example)}" if example else "") if part)


def _usage(name: str, command: Any) -> str:
    arguments = [_metavar(each) for each in command.params if _is_argument(each)]
    return code(
        " ".join(["prober", name, *arguments, "[OPTIONS]" if len(command.params) > len(arguments) else ""]).strip()
    )


def _help(command: Any) -> str:
    return "\n\n".join(joined(each) for each in (command.help or "").split("\n\n"))


def _table(command: Any) -> str:
    kinds = get_type_hints(inspect.unwrap(command.callback))
    rows = [
        (code(_called(each, kinds.get(each.name))), _default(each), joined(getattr(each, "help", None) or ""))
        for each in command.params
        if each.name != "help"
    ]
    return table(("option", "default", "says"), rows) if rows else ""


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _called(parameter: Any, kind: Any) -> str:
    """As it is written, with what follows it."""
    if _is_argument(parameter):
        return _metavar(parameter)
    return ", ".join(parameter.opts) + ("" if parameter.is_flag else f" {_value(parameter, kind)}")


def _metavar(argument: Any) -> str:
    name = (argument.name or "").upper()
    many = "…" if argument.nargs == -1 else ""
    return f"{name}{many}" if argument.required else f"[{name}{many}]"


def _value(option: Any, kind: Any) -> str:
    kinds = [each for each in (kind, *get_args(kind)) if isinstance(each, type)]
    if words := next((list(each) for each in kinds if issubclass(each, Enum)), []):
        return "|".join(word.value for word in words)
    by_kind = {Path: "FILE", int: "NUMBER", float: "NUMBER"}
    return str(option.metavar or next((by_kind[each] for each in kinds if each in by_kind), option.name.upper()))


def _default(parameter: Any) -> str:
    if parameter.required:
        return "**needed**"
    default = parameter.default
    if default in (None, False, "") or default == () or callable(default):
        return "–"
    return listed([default.value if isinstance(default, Enum) else default])
