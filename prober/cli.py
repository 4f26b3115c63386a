"""The command line: parses words, calls app, turns results into exit codes; imports what a command needs when run."""

import json
import os
import signal
import sys
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from typer.core import TyperCommand

from prober.model.aims import Aims

if TYPE_CHECKING:
    from rich.console import Console

    from prober.gather.remote import Asking, Server
    from prober.lab.noise import Noise
    from prober.model.chain import IdentityToken
    from prober.model.gate import Gate
    from prober.model.report import Report
    from prober.model.shard import Shard
    from prober.model.verdict import StepResult
    from prober.publish.document import Document
    from prober.publish.handout import Wanted
    from prober.publish.notify.handover import Handed
    from prober.publish.text import Part

T = TypeVar("T")

#: How everything ends that a pipeline waits for and that we could not do.
_OUR_FAULT = 3


class _Told(TyperCommand):
    """A command that the list of all describes in whole sentences; the library would cut them off at a line's end."""

    def get_short_help_str(self, limit: int = 0) -> str:  # noqa: ARG002 - the library passes how much it would leave
        """The first paragraph of its help."""
        return " ".join((self.help or "").partition("\n\n")[0].split())


app = typer.Typer(
    name="prober",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,  # its tracebacks print frame locals, and locals may hold tokens
    rich_markup_mode=None,  # rich and what it brings for Markdown took as long as all else that `--help` does
    help="Tells a team why their staging environment refuses tokens.\n\nStart with:  prober demo",
    epilog="Exit codes: 0 pass · 1 fail · 2 usage or config · 3 the prober's own fault · 4 not enough evidence · "
    "5 nothing matched.",
)

command = partial(app.command, cls=_Told)

#: By what a run came to: the values of RunVerdict, which is not imported for a page of help.
EXIT_CODES: Mapping[str, int] = {"pass": 0, "fail": 1, "blind": _OUR_FAULT, "partial": 4}

#: Of several runs the worst decides: a failure first, then our own faults, then lack of evidence.
_WORST_FIRST = ("fail", "blind", "partial", "pass")

_USUAL = Aims()

_WORST_CODES_FIRST = tuple(EXIT_CODES[verdict] for verdict in _WORST_FIRST)

#: Where `prober serve` listens unless it is told otherwise.
_AT_HOME = "http://127.0.0.1:9464"

_LAST_PORT = 65535

_SIGNALLED = 128  # and the signal's number: as a shell says it
_INTERRUPTED, _PIPE_CLOSED = _SIGNALLED + signal.SIGINT, _SIGNALLED + signal.SIGPIPE

#: How long those who were told to end, and do not, are waited for.
_STRAGGLERS_SECONDS = 0.5

#: How one asks a program to end: at the terminal, and from elsewhere.
_ENDINGS = (signal.SIGINT, signal.SIGTERM)


class Output(StrEnum):
    """How a result is printed."""

    TEXT = "text"
    JSON = "json"


class Described(StrEnum):
    """What there is a JSON Schema of."""

    CONFIG = "config"
    REPORT = "report"
    GATE = "gate"


class Dialect(StrEnum):
    """Which services the lab plays."""

    REAL = "real"
    REPORTS = "reports"


class PlatformName(StrEnum):
    """What the lab may run on, so that the prober can ask how its services are configured."""

    CLOUD_RUN = "cloud_run"
    KUBERNETES = "kubernetes"


ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="probes.yaml; else $PROBER_CONFIG, else ./probes.yaml")
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")]
FaultOption = Annotated[
    list[str] | None, typer.Option("--fault", "-f", help="A fault or a reported_… scenario; may be repeated.")
]
DialectOption = Annotated[
    Dialect | None, typer.Option(help="Services as they really behave (default), or as the reports tell.")
]
LatencyOption = Annotated[
    str | None, typer.Option(help="The lab's edge takes so long for each request: 30ms, or at random 10ms-2s; to 2s.")
]
FailuresOption = Annotated[
    str | None, typer.Option(help="Each of the lab's services fails so many requests at random: 3%; from 0% to 100%.")
]
RewordedOption = Annotated[bool, typer.Option("--reworded", help="The lab's services say all their texts differently.")]
PlatformOption = Annotated[
    PlatformName | None, typer.Option(help="The lab runs on it, and it tells how the services are configured.")
]


ServerOption = Annotated[str, typer.Option("--server", metavar="URL", help="The prober that is told.")]
TokenOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file", help="A token with the scope `admin`; else $PROBER_TOKEN.", exists=True, dir_okay=False
    ),
]
IdentityOption = Annotated[
    str | None,
    typer.Option(
        "--identity-from",
        metavar="SOURCE",
        help="Where a token is for the platform before --server: metadata, or file:PATH; else $PROBER_IDENTITY_FROM.",
    ),
]
AudienceOption = Annotated[
    str | None,
    typer.Option(
        "--identity-audience",
        metavar="URL",
        help="For whom that token is, unless for --server itself; else $PROBER_IDENTITY_AUDIENCE.",
    ),
]
AllowHttpOption = Annotated[bool, typer.Option("--allow-http", help="The token may travel to --server unencrypted.")]
EverythingOption = Annotated[bool, typer.Option("--all", help="Everything, in place of one service.")]


def _writable(path: Path | None) -> Path | None:
    """Complain before a minute's work, not after it."""
    if path and (path.is_dir() or not path.parent.is_dir()):
        message = f"{path} cannot be written: {'it is a folder' if path.is_dir() else f'there is no {path.parent}'}"
        raise typer.BadParameter(message)
    return path


JunitOption = Annotated[
    Path | None,
    typer.Option(callback=_writable, help="Write JUnit XML there: a case a step, the cause in what failed."),
]
ListenOption = Annotated[str, typer.Option("--listen", help="HOST:PORT; port 0 takes a free one.")]
MetricsListenOption = Annotated[
    str | None,
    typer.Option("--metrics-listen", help="HOST:PORT for /metrics alone, which is then not at the other address."),
]


ShardOption = Annotated[
    str | None,
    typer.Option("--shard", metavar="I/N", help="Take only the chains that fall to shard I of N; else $PROBER_SHARD."),
]


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if wanted:
        from importlib.metadata import version

        _print(f"prober {version('post-deploy-prober')}")
        raise typer.Exit


@app.callback()
def common(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Tells a team why their staging environment refuses tokens.

    Start with:  prober demo
    """


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@command(epilog="Example:  prober demo --once --fault reported_jwt_secret_drift")
def demo(  # noqa: PLR0913 - each parameter is an option
    fault: FaultOption = None,
    dialect: DialectOption = None,
    *,
    latency: LatencyOption = None,
    failures: FailuresOption = None,
    reworded: RewordedOption = False,
    platform: PlatformOption = None,
    once: Annotated[bool, typer.Option("--once", help="Run one round, print the report, end.")] = False,
    listen: ListenOption = "127.0.0.1:0",
    output: OutputOption = Output.TEXT,
) -> None:
    """Start a small staging environment on this machine and look at it."""
    from prober import demo as show
    from prober.model.secret import Redactor

    console = _console(output)
    _logs(Redactor(), level="WARNING" if once else "ERROR")  # that the lab has no trigger token concerns nobody
    if output is Output.JSON and not once:
        message = "json needs --once: the demonstration itself is for people"
        raise typer.BadParameter(message, param_hint="--output")
    noise = _noise(latency, failures, reworded=reworded)
    if once:
        report = _await(show.once(fault or (), dialect, _live(console), noise, platform))
        _finish([report], output)
    _await(show.forever(fault or (), dialect, noise, _address(listen), console, platform=platform))


@command(epilog="Example:  prober serve --listen 0.0.0.0:9464")
def serve(
    config: ConfigOption = None,
    listen: ListenOption = "127.0.0.1:9464",
    metrics_listen: MetricsListenOption = None,
    shard: ShardOption = None,
) -> None:
    """Look at the configured chains on schedule and on demand; answer Prometheus."""
    from prober.app import Listening, Prober
    from prober.model.secret import Redactor
    from prober.publish.log import LogSink

    host, port = _address(listen)
    apart = _address(metrics_listen, "--metrics-listen") if metrics_listen else None
    metrics = Listening(*apart, lambda url: _note(f"metrics are at {url}/metrics")) if apart else None
    ours = _shard(shard)
    _logs(Redactor())

    async def live() -> None:
        prober = Prober(_find(config), os.environ, extra=[LogSink()], shard=ours)
        _logs(prober.redact)
        prober.warn_of_exposed_secrets()
        await prober.serve(host, port, lambda url: _note(f"listening on {url}"), metrics)

    _await(live())


@command(epilog="Example:  prober run validation --output json")
def run(
    chains: Annotated[
        list[str] | None, typer.Argument(help="Chains to run; all without a pace when none is named.")
    ] = None,
    config: ConfigOption = None,
    *,
    junit: JunitOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Run one round now, in this process, and print the report."""
    from prober.app import Prober
    from prober.publish.handout import Wanted

    console = _console(output)

    async def live() -> "list[Report]":
        prober = Prober(_find(config), os.environ, told=_live(console))
        _logs(prober.redact, level="WARNING")  # the report itself tells each step
        try:
            await prober.heed_pauses()
            return await prober.once(chains or ())
        finally:
            await prober.aclose()

    _finish(_await(live()), output, Wanted(junit=junit, environ=os.environ))


@command(epilog="Example:  prober gate validation --revision backend-00097 --markdown summary.md")
def gate(  # noqa: PLR0913 - each parameter is an option
    chains: Annotated[
        list[str] | None, typer.Argument(help="Chains to judge; all without a pace when none is named.")
    ] = None,
    config: ConfigOption = None,
    *,
    revision: Annotated[str, typer.Option(help="What was deployed; waited for, and asked after.")] = "",
    baseline: Annotated[Path | None, typer.Option(help="What held before, as --save-baseline wrote it.")] = None,
    save_baseline: Annotated[
        Path | None, typer.Option(callback=_writable, help="Write what holds now, for a gate to come.")
    ] = None,
    prove: Annotated[
        float | None, typer.Option(help="A pass must prove this ratio, e.g. 0.95: 59 clean rounds.")
    ] = None,
    most: Annotated[int, typer.Option("--rounds", min=1, help="Give up after so many.")] = _USUAL.most_rounds,
    warm_up: Annotated[
        float, typer.Option(min=0, max=600, help="Seconds for what was deployed to start; told, not judged.")
    ] = _USUAL.warm_up_seconds,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="Ask a prober that runs there, instead of looking from here.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="The token for --server; else $PROBER_TOKEN.", exists=True, dir_okay=False)
    ] = None,
    identity_from: IdentityOption = None,
    identity_audience: AudienceOption = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for --server.")] = 900.0,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="The token may travel to --server unencrypted.")
    ] = False,
    junit: JunitOption = None,
    markdown: Annotated[
        Path | None, typer.Option(callback=_writable, help="Write Markdown there, for a pull request.")
    ] = None,
    outputs: Annotated[
        Path | None,
        typer.Option(callback=_writable, help="Write PROBER_VERDICT=… and such there, for later jobs (dotenv)."),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Judge a deploy: rounds until they tell go from no-go, or there is not enough evidence.

    In GitHub Actions it also annotates the job and adds to its summary.

    Exit codes: 0 go, 1 no go, 3 the prober's own fault, 4 not enough evidence, 5 no such chain.
    """
    from prober.publish.gate_document import gate_document
    from prober.publish.gate_words import unprovable
    from prober.publish.handout import Wanted

    # What held before a deploy is no verdict of a job.
    environ = {} if save_baseline else os.environ
    wanted = Wanted(junit=junit, markdown=markdown, outputs=outputs, environ=environ)
    if prove is not None and not 0 < prove < 1:
        message = f"{prove} is no share: write 0.95 for 95 %; no number of rounds proves 1"
        raise typer.BadParameter(message, param_hint="--prove")
    aims = Aims(revision=revision, proven=prove, most_rounds=most, warm_up_seconds=warm_up)
    if why := unprovable(aims):
        raise typer.BadParameter(why, param_hint="--prove")
    if server:
        if baseline or save_baseline or not chains:
            message = "it needs the names of chains, and knows by itself what held before: leave out --baseline files"
            raise typer.BadParameter(message, param_hint="--server")
        identity = _identity(server, identity_from, identity_audience)
        asked = _asked_at(server, token_file, timeout, identity, allow_http=allow_http)
        _finish_gates(_await(_asked(asked, chains, aims, _console(output))), output, wanted)
    gates = _await(_gates(_find(config), chains or (), aims, baseline, save_baseline, _console(output)))
    _finish_gates([gate_document(each) for each in gates], output, wanted)


@command(epilog="Example:  prober pause auth --reason 'load test until noon' --for 2h")
def pause(  # noqa: PLR0913 - each parameter is an option
    service: Annotated[str | None, typer.Argument(help="A service of that prober's config.")] = None,
    *,
    everything: EverythingOption = False,
    reason: Annotated[str, typer.Option(help="Why; shown to whoever finds it paused.")],
    lasts: Annotated[
        str | None, typer.Option("--for", help="It ends by itself after so long, e.g. 30m; else when it is lifted.")
    ] = None,
    server: ServerOption = _AT_HOME,
    token_file: TokenOption = None,
    identity_from: IdentityOption = None,
    identity_audience: AudienceOption = None,
    allow_http: AllowHttpOption = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Have a running prober send nothing more to a service, at once, until somebody lifts it.

    It lasts through restarts and reloads. Exit codes: 0 it is in force and written down; 3 nobody said so, or the store
    did not take it (the text says what is in force); 2 it may not be asked so, or by you.
    """
    from prober.config.values import seconds

    name, identity = _one_or_all(service, everything=everything), _identity(server, identity_from, identity_audience)
    told = _asked_at(server, token_file, 0.0, identity, allow_http=allow_http)
    length = _understood(seconds, lasts, "--for") if lasts is not None else None
    done = _await(_switched(told, lambda there: there.pause(name, reason, length)))
    _tell_switched(done, output, lambda: _paused_lines([done]))


@command(epilog="Example:  prober resume auth")
def resume(  # noqa: PLR0913 - each parameter is an option
    service: Annotated[str | None, typer.Argument(help="A service of that prober's config.")] = None,
    *,
    everything: EverythingOption = False,
    server: ServerOption = _AT_HOME,
    token_file: TokenOption = None,
    identity_from: IdentityOption = None,
    identity_audience: AudienceOption = None,
    allow_http: AllowHttpOption = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Have a running prober send to a service again; exit codes as of `prober pause`."""
    name, identity = _one_or_all(service, everything=everything), _identity(server, identity_from, identity_audience)
    told = _asked_at(server, token_file, 0.0, identity, allow_http=allow_http)
    done = _await(_switched(told, lambda there: there.resume(name)))
    _tell_switched(done, output, lambda: _resumed_lines(name, done))


@command(epilog="Example:  prober pauses --server https://prober.staging.example")
def pauses(  # noqa: PLR0913 - each parameter is an option
    *,
    server: ServerOption = _AT_HOME,
    token_file: TokenOption = None,
    identity_from: IdentityOption = None,
    identity_audience: AudienceOption = None,
    allow_http: AllowHttpOption = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """List what a running prober sends nothing to, since when, by whom and why."""
    identity = _identity(server, identity_from, identity_audience)
    told = _asked_at(server, token_file, 0.0, identity, allow_http=allow_http)
    done = _await(_switched(told, lambda there: there.pauses()))
    _tell_switched(done, output, lambda: _paused_lines(done.get("pauses", [])) or ["nothing is paused"])


@command(epilog="Example:  prober check --effective")
def check(
    config: ConfigOption = None,
    *,
    effective: Annotated[bool, typer.Option("--effective", help="Print it with every default filled in.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check the config: valid, or every complaint with its line."""
    from prober.config import load as loader
    from prober.gather.secret_check import exposed_secrets, unavailable_secrets

    path = _find(config)
    plan = loader.load(path, os.environ)
    if effective:
        _print(loader.effective(path, os.environ).rstrip())
        return
    steps = sum(len(chain.steps) for chain in plan.chains.values())
    counts = {"services": len(plan.services), "chains": len(plan.chains), "steps": steps}
    if output is Output.JSON:
        _print(json.dumps({"valid": True, "file": str(path), **counts}))
    else:
        _print(f"{path} is valid: " + ", ".join(_counted(count, what) for what, count in counts.items()))
        for missing in unavailable_secrets(plan, os.environ):
            _print(f"  not here: {missing}")
        for exposed in exposed_secrets(plan, os.environ):
            _print(f"  exposed: secret {exposed.name!r}: {exposed.why}")


@command(epilog="Example:  prober notify --test ops")
def notify(
    names: Annotated[list[str] | None, typer.Argument(help="Receivers of `notify:`; all when none is named.")] = None,
    config: ConfigOption = None,
    *,
    test: Annotated[
        bool, typer.Option("--test", help="Send a sample; needed: this command does nothing else.")
    ] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send a sample to those who are told of alerts, and say of each whether it was taken: 0 all, 3 not all."""
    from prober.app import send_samples
    from prober.model.secret import Redactor

    if not test:
        message = "write --test: a sample is sent to real people"
        raise typer.BadParameter(message, param_hint="--test")
    _logs(Redactor(), level="WARNING")
    handed = _await(send_samples(_find(config), os.environ, names or ()))
    _tell_handed(handed, output)
    sys.exit(0 if all(each.taken for each in handed.values()) else _OUR_FAULT)


@command(epilog="Example:  prober schema > probes.schema.json")
def schema(
    of: Annotated[Described, typer.Argument(help="Of what: the config, or the documents that are printed.")] = (
        Described.CONFIG
    ),
) -> None:
    """Print a JSON Schema: of probes.yaml, for editors; or of a report or gate, for those who read them."""
    from prober.config.schema import json_schema
    from prober.publish.schemas import SCHEMAS

    _print(json.dumps(json_schema() if of is Described.CONFIG else SCHEMAS[of], indent=2))


@command(epilog="Example:  prober rules > deploy/prometheus/rules.yml")
def rules(config: ConfigOption = None) -> None:
    """Print the Prometheus rules for this config: recorded ratios, and every alert."""
    from prober.config.load import load
    from prober.judge.causes import catalogue
    from prober.publish import rules as made

    _print(made.rules(load(_find(config), os.environ), catalogue()).rstrip())


@command(epilog="Example:  prober explain jwt_secret_drift")
def explain(
    cause: Annotated[str | None, typer.Argument(help="A root cause; without one, the list of all.")] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Print the manual page of a root cause: how it looks, why it came, what to do."""
    from prober.judge.causes import catalogue
    from prober.publish import manual

    known = catalogue()
    found = manual.find(cause, known) if cause else None
    with _to_a_reader():
        if output is Output.JSON:
            told = manual.document(found) if found else [manual.entry(each) for each in known]
            sys.stdout.write(f"{json.dumps(told, indent=2, ensure_ascii=False)}\n")
        else:
            _explain(manual.page(found) if found else manual.listing(known))


@command(epilog="Example:  prober lab --fault auth_down > lab.env")
def lab(  # noqa: PLR0913 - each parameter is an option
    fault: FaultOption = None,
    dialect: DialectOption = None,
    *,
    latency: LatencyOption = None,
    failures: FailuresOption = None,
    reworded: RewordedOption = False,
    platform: PlatformOption = None,
    listing: Annotated[bool, typer.Option("--list", help="List the faults and scenarios.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Start the lab alone and print its addresses and test secrets as environment lines."""
    import asyncio

    from prober import demo as show

    if listing:
        _list_faults(output)
        return
    noise = _noise(latency, failures, reworded=reworded)

    async def live() -> None:
        async with show.lab(fault or (), dialect, noise, platform) as world:
            for name, value in world.environment.items():
                _print(f"{name}={value}")
            _note("The lab runs until Ctrl-C. These lines are for the prober: set -a; . ./FILE; set +a")
            await asyncio.Event().wait()

    _until_told(live())


@command(epilog='Example:  curl -H "Authorization: Bearer $(prober mint)" https://…/api/chat/messages')
def mint(
    issuer: Annotated[
        str | None, typer.Argument(help="A configured issuer; the first that mints here if none.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Print a token for the configured test user, for use with curl."""
    from prober.app import mint_token

    _print(_await(mint_token(_find(config), os.environ, issuer)))


# ── helpers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Run the command; our own exceptions become one clear text on standard error and their exit code."""
    from prober.process import hear_endings, keep_memory, leave_garbage

    keep_memory(os.environ)
    leave_garbage()
    try:
        hear_endings(os.getpid())
        app()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - a bug of ours must not leave with 1, which says that the target failed
        sys.exit(_broken(error))
    finally:
        _hear_no_more()


def _broken(error: Exception) -> int:
    """Say why a command came to nothing; its exit code."""
    from prober.model.errors import ProberError

    if isinstance(error, ProberError):
        _note(str(error))
        _annotate(str(error))
        return error.exit_code
    import traceback

    _note("".join(traceback.format_exception(error)))
    _note("This is the prober's own fault, and says nothing about the services it looks at.")
    return _OUR_FAULT


def _annotate(complaint: str) -> None:
    """Where the steps of a job are listed, people see why one of them could not be taken."""
    from prober.publish import github

    if github.is_here(os.environ):
        _note(github.complaint(complaint))


def _hear_no_more() -> None:
    """Where the last words cannot be written, the interpreter would end with a code of its own for that."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


@contextmanager
def _to_a_reader() -> Iterator[None]:
    """Print; where whoever read has gone, end as a shell tool does. Left alone it would be 1: «the target failed»."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the interpreter's own last flush
        sys.exit(_PIPE_CLOSED)


def _await(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the work returns
    import asyncio

    return asyncio.run(_alone(work))


async def _alone(work: Coroutine[Any, Any, T]) -> T:
    """Do it, and leave behind whoever does not end then: asyncio would wait for them for ever.

    SQLAlchemy closes a connection whose statement was cut in a task of its own, and when that is cut too aiosqlite
    waits for a thread that has ended. Without this a prober that is told to end while its store is locked hangs.
    """
    import asyncio

    from prober.process import sweep

    sweep()
    try:
        return await work
    finally:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        _ended, stuck = await asyncio.wait(others, timeout=_STRAGGLERS_SECONDS) if others else (set(), set())
        for task in stuck:
            asyncio._unregister_task(task)  # noqa: SLF001 - documented, in «Extending asyncio»
        if stuck:
            asyncio.get_running_loop().set_exception_handler(lambda _loop, _what: None)  # they were destroyed: we know


def _until_told(work: Coroutine[Any, Any, Any]) -> NoReturn:
    """Run what goes on until Ctrl-C or SIGTERM, let it put its things away, and end as a shell says it.

    By handlers of our own: a shell without job control starts what it puts in the background with SIGINT ignored, and
    then asyncio leaves it ignored too.
    """
    import asyncio

    told: list[int] = []

    async def guarded() -> None:
        task = asyncio.ensure_future(work)

        def end(number: int) -> None:
            told.append(number)
            task.cancel()

        for number in _ENDINGS:
            asyncio.get_running_loop().add_signal_handler(number, end, number)
        await task

    with suppress(asyncio.CancelledError):
        _await(guarded())
    sys.exit(_SIGNALLED + told[0])


def _find(config: Path | None) -> Path:
    from prober.config.load import find

    return find(config, os.environ)


def _logs(redact: Callable[[str], str], level: str = "INFO") -> None:
    from prober.publish.log import configure, log_what_nobody_caught

    configure(redact, level=level)
    log_what_nobody_caught()


def _console(output: Output) -> "Console":
    """Where people read: standard output, or standard error when standard output is for machines."""
    from rich.console import Console

    stream = sys.stderr if output is Output.JSON else sys.stdout
    return Console(file=stream, force_interactive=None if stream.isatty() else False)  # FORCE_COLOR makes no terminal


def _live(console: "Console") -> "Callable[[StepResult], None]":
    """Show each step as it ends, on a terminal; the report itself tells the same to a pipe."""
    from prober.publish.text import step_line

    def told(result: "StepResult") -> None:
        if console.is_interactive:
            console.print(step_line(result))

    return told


def _finish(reports: "Sequence[Report]", output: Output, wanted: "Wanted | None" = None) -> None:
    """Print the reports, one JSON document a line, and end with the exit code of the worst."""
    with _to_a_reader():
        for report in reports:
            _show(report, output)
    codes = {EXIT_CODES[report.run.verdict] for report in reports}
    _end(codes, _reports_handed(reports, wanted) if wanted and wanted.junit else [])


def _reports_handed(reports: "Sequence[Report]", wanted: "Wanted") -> list[str]:
    from prober.publish import handout
    from prober.publish.document import document

    return handout.of_reports([document(report) for report in reports], wanted)


def _end(codes: Collection[int], complaints: Sequence[str]) -> NoReturn:
    """With the worst of `codes`; what a pipeline waits for and we could not write is our own fault."""
    for complaint in complaints:
        _note(complaint)
    found = {*codes, _OUR_FAULT} if complaints else codes
    sys.exit(next(code for code in _WORST_CODES_FIRST if code in found))


async def _gates(  # noqa: PLR0913, PLR0917 - what the command was told
    path: Path, names: "Sequence[str]", aims: Aims, baseline: Path | None, save: Path | None, console: "Console"
) -> "list[Gate]":
    from prober.app import Prober
    from prober.publish import baseline as baselines
    from prober.publish.gate_text import Ticker

    prober = Prober(path, os.environ)
    _logs(prober.redact, level="WARNING")
    try:
        await prober.heed_pauses()
        gates, wanted, environment = [], prober.wanted(names), prober.plan.environment
        before = baselines.read(baseline, environment, wanted) if baseline else {}
        for name in wanted:
            with Ticker(name, console) as ticker:
                gates.append(await prober.gate(name, aims, before.get(name), ticker.told))
        if save:
            _save(save, environment, gates)
        return gates
    finally:
        await prober.aclose()


def _identity(url: str, source: str | None, audience: str | None) -> "IdentityToken | None":
    """What the platform before a prober wants to see; an argument says where it is, never what."""
    from urllib.parse import urlsplit

    from prober.model.chain import IdentityToken

    named = source or os.environ.get("PROBER_IDENTITY_FROM", "") or "none"
    if named == "none":
        return None
    if named != "metadata" and not (named.startswith("file:") and named.removeprefix("file:")):
        message = "it says where a token is, and never the token: write metadata, or file:PATH"
        raise typer.BadParameter(message, param_hint="--identity-from")
    try:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    except ValueError:  # it is complained of where it is to be asked
        return None
    return IdentityToken(audience=audience or os.environ.get("PROBER_IDENTITY_AUDIENCE") or origin, source=named)


def _asked_at(
    url: str, token_file: Path | None, within_seconds: float, identity: "IdentityToken | None", *, allow_http: bool
) -> "Server":
    """The prober to ask; a token never comes by argument, where everybody on the machine reads it."""
    from prober.gather.remote import Server, is_safe
    from prober.model.secret import Secret

    token = token_file.read_text("utf-8").strip() if token_file else os.environ.get("PROBER_TOKEN", "").strip()
    if not token or not token.isascii() or not token.isprintable():
        message = "it needs a token of that prober's config: write --token-file FILE, or set PROBER_TOKEN"
        raise typer.BadParameter(message, param_hint="--server")
    if not is_safe(url, allow_http=allow_http):
        message = f"{url} is no address to send a token to: write https://HOST, or add --allow-http"
        raise typer.BadParameter(message, param_hint="--server")
    secret = Secret("PROBER_TOKEN", token)
    return Server(url=url, token=secret, within_seconds=within_seconds, identity=identity, environ=os.environ)


async def _asked(server: "Server", names: "Sequence[str]", aims: Aims, console: "Console") -> "list[Document]":
    """Gates that another prober holds."""
    from prober.gather.remote import asking
    from prober.publish.gate_text import Ticker

    order = {"revision": aims.revision, "rounds": aims.most_rounds, "warmUp": aims.warm_up_seconds}
    if aims.proven is not None:
        order["prove"] = aims.proven
    gates = []
    async with asking(server) as there:
        for name in names:
            with Ticker(name, console) as ticker:
                gates.append(await there.gate(name, order, ticker.follow))
    return gates


def _one_or_all(service: str | None, *, everything: bool) -> str:
    from prober.model.pause import EVERYTHING

    if (service is None) is not everything:
        message = "name one service, or write --all"
        raise typer.BadParameter(message, param_hint="SERVICE")
    return EVERYTHING if service is None else service


async def _switched(
    server: "Server", what: "Callable[[Asking], Coroutine[Any, Any, Mapping[str, Any]]]"
) -> Mapping[str, Any]:
    """What another prober says to it."""
    from prober.gather.remote import asking

    async with asking(server) as there:
        return await what(there)


def _tell_switched(done: Mapping[str, Any], output: Output, lines: Callable[[], Sequence[str]]) -> None:
    _print(json.dumps(done, indent=2, ensure_ascii=False) if output is Output.JSON else "\n".join(lines()))


def _paused_lines(pauses: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """What is said elsewhere, for a terminal."""
    from prober.publish.words import printable

    return [printable(_paused_line(each)) for each in pauses]


def _paused_line(pause: Mapping[str, Any]) -> str:
    ends = f", until {pause['until']}" if pause.get("until") else ""
    return f"{pause['service']}: paused since {pause['since']} by {pause['by']}{ends}: {pause['reason']}"


def _resumed_lines(service: str, done: Mapping[str, Any]) -> Sequence[str]:
    from prober.model.pause import EVERYTHING

    what = "everything" if service == EVERYTHING else service
    said = f"{what}: the pause is lifted" if done.get("lifted") else f"{what}: it was not paused"
    still = [done["stillPausedBy"]] if done.get("stillPausedBy") else []
    return [said, *(f"but still: {line}" for line in _paused_lines(still))]


def _save(path: Path, environment: str, gates: "Sequence[Gate]") -> None:
    """Where it cannot be written that is said, and the verdict stands; who reads it next is told what is missing."""
    from prober.publish import baseline

    try:
        baseline.save(path, environment, gates)
    except OSError as error:
        _note(f"--save-baseline: {path} cannot be written: {error.strerror}")


def _finish_gates(gates: "Sequence[Document]", output: Output, wanted: "Wanted") -> NoReturn:
    """Print the gates, one JSON document a line, hand out the rest, and end with the exit code of the worst."""
    from prober.publish import handout
    from prober.publish.gate_digest import exit_code

    with _to_a_reader():
        for number, each in enumerate(gates):
            if number and output is Output.TEXT:
                sys.stdout.write("\n")
            _show_gate(each, output)
    _end({exit_code(each) for each in gates}, handout.of_gates(gates, wanted, _note))


def _show_gate(gate: "Document", output: Output) -> None:
    if output is Output.JSON:
        from prober.publish.document import line

        sys.stdout.write(f"{line(gate)}\n")
    else:
        from prober.publish.gate_text import render

        render(gate, _console(output))


def _show(report: "Report", output: Output) -> None:
    if output is Output.JSON:
        from prober.publish.document import document, line

        sys.stdout.write(f"{line(document(report))}\n")
    else:
        from prober.publish.text import render

        console = _console(output)
        render(report, console, told_live=console.is_interactive)


def _explain(parts: "Iterable[Part]") -> None:
    from prober.publish.text import show

    show(parts, _console(Output.TEXT))


def _counted(count: int, plural: str) -> str:
    return f"{count} {plural.removesuffix('s') if count == 1 else plural}"


def _tell_handed(handed: "Mapping[str, Handed]", output: Output) -> None:
    if output is Output.JSON:
        rows = [{"name": name, "taken": each.taken, "why": each.why} for name, each in handed.items()]
        _print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for name, each in handed.items():
        _print(f"{name}: taken" if each.taken else f"{name}: NOT taken: {each.why}")


def _list_faults(output: Output) -> None:
    from prober.demo import describe_faults

    rows = describe_faults()
    if output is Output.JSON:
        _print(json.dumps(rows, indent=2))
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        _print(f"{row['name']:<{width}}  {row['about']}")


def _noise(latency: str | None, failures: str | None, *, reworded: bool) -> "Noise":
    from prober.lab.noise import Noise, failures_of, latency_of

    return Noise(
        latency=_understood(latency_of, latency or "0ms", "--latency"),
        failures=_understood(failures_of, failures or "0%", "--failures"),
        reworded=reworded,
    )


def _understood(read: Callable[[str], T], text: str, option: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _shard(option: str | None) -> "Shard | None":
    """Which shard we are to be; an empty variable, as container platforms set them, is none."""
    from prober.model.shard import Shard

    if option is not None:
        return _understood(Shard.read, option, "--shard")
    told = os.environ.get("PROBER_SHARD", "")
    return _understood(Shard.read, told, "$PROBER_SHARD") if told else None


def _address(listen: str, option: str = "--listen") -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > _LAST_PORT:
        message = f"{listen!r} is no address; write HOST:PORT with a port of 0 to {_LAST_PORT}, e.g. 127.0.0.1:9464"
        raise typer.BadParameter(message, param_hint=option)
    return host.strip("[]"), int(port)


def _print(text: str) -> None:
    with _to_a_reader():
        sys.stdout.write(f"{text}\n")


def _note(text: str) -> None:
    """Say it on standard error, without our secrets; where that is a full disk nobody hears of it, and we go on."""
    from prober.gather.secrets import blot_all

    with suppress(OSError):
        sys.stderr.write(f"{blot_all(text)}\n")
