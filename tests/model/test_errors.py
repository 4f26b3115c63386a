"""Every error of ours makes its sentence from its facts, and knows the exit code it ends a command with."""

import re

import pytest

from prober.model import errors
from prober.model.errors import (
    AskedInVain,
    AskedWrongly,
    BaselineUnreadable,
    CannotListen,
    CannotNotify,
    CannotTrace,
    ChainChanged,
    ChainElsewhere,
    ChainPaused,
    ConfigError,
    HeldBack,
    IdentityUnavailable,
    KeyReused,
    LabUnavailable,
    MintRefused,
    NobodyToTell,
    NotATestSubject,
    NothingMatched,
    NotSwitched,
    OutOfReach,
    PausedThere,
    ProberError,
    RunBroke,
    SecretUnavailable,
    StoreDamaged,
    StoreNotOurs,
    StoreUnavailable,
    SwitchedWrongly,
    TooMuchAsked,
)
from prober.model.pause import Pause
from prober.model.shard import Shard
from tests import builders as b

PAUSE = Pause(service="auth", reason="a load test", by="ops", since=b.NOON)

SENTENCES = [
    (ConfigError(["a.yaml:1: x", "a.yaml:2: y"]), 2, "a.yaml:1: x\na.yaml:2: y"),
    (NothingMatched("chat", ("login", "mint")), 5, "no chain is called 'chat'; there is: login, mint"),
    (NothingMatched("chat", ()), 5, "no chain is called 'chat'; there is: none is configured"),
    (
        ChainElsewhere("chat", Shard(2, 3)),
        5,
        "chain 'chat' falls to shard 2/3, which is another instance: ask that one",
    ),
    (NothingMatched("x", ("auth_down",), what="fault"), 5, "no fault is called 'x'; there is: auth_down"),
    (
        ChainChanged("login"),
        3,
        "chain 'login' was changed by a reload while it was being judged; ask for another gate",
    ),
    (
        RunBroke("login"),
        3,
        "the run of 'login' broke off through a fault of the prober's own; its log tells more",
    ),
    (
        KeyReused("deploy-17"),
        2,
        "the idempotency key 'deploy-17' stands for another request of yours; take a new one for each",
    ),
    (TooMuchAsked(10, 7), 3, "10 are waiting to be run already; ask again in 7 s"),
    (
        OutOfReach("api.example", "10.0.0.7", "a private address"),
        3,
        (
            "api.example leads to 10.0.0.7, a private address: nothing was connected to; "
            "list it in `addresses:` if it is meant"
        ),
    ),
    (
        OutOfReach("0.0.0.0", "0.0.0.0", "an address of nobody"),  # noqa: S104 - nobody listens there
        3,
        "0.0.0.0 is an address of nobody: nothing was connected to; list it in `addresses:` if it is meant",
    ),
    (SecretUnavailable("jwt", "env:JWT", "is not set"), 3, "secret 'jwt' (env:JWT): is not set"),
    (CannotTrace("no; install it"), 3, "no; install it"),
    (
        IdentityUnavailable("https://b.run.app", "metadata", "the metadata server answered HTTP 404"),
        3,
        "identity token for https://b.run.app (metadata): the metadata server answered HTTP 404",
    ),
    (
        BaselineUnreadable("before.json", "No such file or directory"),
        2,
        (
            "before.json is no baseline: No such file or directory; write one before the deploy: prober gate "
            "--save-baseline before.json"
        ),
    ),
    (
        ChainPaused("login", PAUSE),
        4,
        (
            "chain 'login' is not looked at: auth is paused since 2026-09-08 12:00:00 UTC by ops: a load test; "
            "lift it: prober resume auth"
        ),
    ),
    (
        HeldBack("auth:443", PAUSE),
        4,
        "nothing is sent to auth:443: auth is paused since 2026-09-08 12:00:00 UTC by ops: a load test",
    ),
    (PausedThere("prober:9464", "409"), 4, "prober:9464 gave no verdict: 409"),
    (NotSwitched("prober:9464", "503"), 3, "prober:9464 has not said that it is done: 503"),
    (SwitchedWrongly("prober:9464", "403"), 2, "prober:9464 has not said that it is done: 403"),
    (AskedInVain("prober:9464", "it is away"), 3, "prober:9464 gave no verdict: it is away"),
    (AskedWrongly("prober:9464", "401"), 2, "prober:9464 gave no verdict: 401"),
    (MintRefused("auth", "503 Service Unavailable"), 1, "issuer 'auth': 503 Service Unavailable"),
    (
        CannotListen("127.0.0.1", 80, "Permission denied"),
        3,
        "cannot listen on 127.0.0.1:80: Permission denied; choose another with --listen HOST:PORT",
    ),
    (
        CannotNotify(),
        3,
        "apprise is not installed here, and notices go out by it; pip install 'post-deploy-prober[notify]'",
    ),
    (NobodyToTell(), 2, "nobody is configured to be told; add `notify:` to probes.yaml (docs/notifications.md)"),
    (StoreUnavailable("the disk is full"), 3, "the store is away: the disk is full"),
    (StoreDamaged("the file is damaged"), 3, "the store is away: the file is damaged"),
    (
        StoreNotOurs.in_use("prober.db", "17"),
        3,
        (
            "the store is left as it is: prober.db is in use by process 17; "
            "give this one a file of its own, or let both share a PostgreSQL"
        ),
    ),
    (LabUnavailable("no free port"), 3, "the lab did not start on this machine: no free port"),
    (
        NotATestSubject("ceo", ("local", "auth")),
        2,
        "'ceo' mints no token here: only configured test users get one, from local, auth",
    ),
    (
        NotATestSubject("ceo", ()),
        2,
        "'ceo' mints no token here: only configured test users get one, from none is configured",
    ),
]


@pytest.mark.parametrize(("error", "code", "sentence"), SENTENCES, ids=lambda value: type(value).__name__)
def test_every_sentence(error, code, sentence):
    """The place, what was found, what would do; and the exit code, which says whose fault it is."""
    assert (sentence, code) == (str(error), error.exit_code)


def test_the_table_is_complete():
    """An error of ours has its sentence pinned here, and its place in the tree that the docstring draws."""
    ours = {kind.__name__ for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ProberError)}
    drawn = set(re.findall(r"^(?:│   )?(?:[├└]── )?(\w+)", errors.__doc__.partition("\n\n")[2], flags=re.MULTILINE))

    assert ours == drawn
    assert ours - {"ProberError"} == {type(error).__name__ for error, _, _ in SENTENCES}


def test_what_is_not_foreseen_is_our_own_fault():
    """Exit code 1 would say that the target failed."""
    assert 3 == ProberError.exit_code


def test_facts_are_attributes():
    """Whoever handles an error reads its facts, and does not take sentences apart."""
    assert ("jwt", "env:JWT", "is not set") == (
        (error := SecretUnavailable("jwt", "env:JWT", "is not set")).name,
        error.source,
        error.why,
    )
    assert ("chat", ("login",), "chain") == ((e := NothingMatched("chat", ["login"])).wanted, e.known, e.what)
