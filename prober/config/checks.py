"""Checks: what a document of the right shape may still get wrong, one small function per rule; all of them are asked.

What a token or a secret can do when it lands in the wrong place decides many of these rules: URLs get logged, plain
http can be read on the way, and a refusal proves nothing at a door that lets nobody in.
"""

import ipaddress
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from urllib.parse import urlsplit

import jmespath
from jmespath.functions import Functions

from prober.config import schema
from prober.config.defaults import SENDS_NONE
from prober.config.limits import VARIABLE
from prober.config.placeholders import KNOWN, Placeholder, placeholders, sends_token
from prober.config.problems import Finding, Place, closest, listed, quoted
from prober.config.values import duration_text
from prober.config.view import View
from prober.model.caller import THE_TRIGGER
from prober.model.controls import CONTROLS, SPOOFED, TAMPERED, ControlKind, Safety
from prober.model.reach import Reach, is_address, networks

SHORTEST_INTERVAL_SECONDS = 5
LONGEST_LIFETIME_SECONDS = 300

Check = Callable[[View], Iterable[Finding]]


def check(view: View) -> Iterator[Finding]:
    """Every finding of every check, one after the other: whoever has enough need not wait for all."""
    return (finding for each in CHECKS for finding in each(view))


# ── names ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_NO: Mapping[str, str] = {
    "identities": "is no identity",
    "issuers": "is no issuer",
    "secrets": "names no secret",  # what was written is not quoted: it may be the secret itself
    "services": "is no service",
}
_IN_ISSUERS = {
    "identity": "identities",
    "service": "services",
    "secret": "secrets",
    "like": "issuers",
    "route": "issuers",
}
_IN_TRIGGER = {"secret": "secrets"}
_IN_STEPS = {"service": "services", "secret": "secrets", "token": "issuers"}


def unknown_names(view: View) -> Iterator[Finding]:
    """Whatever names a service, identity, issuer or secret names one that is there."""
    for at, section, name in _mentions(view):
        if name not in view.names[section]:
            known = view.names[section]
            wrote = quoted(name) if at[-1] == "token" else None  # one of a group does not stand there by itself
            yield Finding(at=at, wrong=_NO[section], wanted=listed(known), hint=closest(name, known), wrote=wrote)


def _mentions(view: View) -> Iterator[tuple[Place, str, str]]:
    """Every place that names something, the section it should be found in, and the name."""
    if view.document.trigger:
        yield from _mentioned(("trigger",), view.document.trigger, _IN_TRIGGER)
        for index, caller in enumerate(view.document.trigger.callers):
            yield from _mentioned(("trigger", "callers", index), caller, _IN_TRIGGER)
    if view.document.history.database:
        yield ("history", "database"), "secrets", view.document.history.database
    for name, issuer in view.document.issuers.items():
        yield from _mentioned(("issuers", name), issuer, _IN_ISSUERS)
    for at, step in view.every_step():
        yield from _mentioned(at, step, _IN_STEPS)
        for name, party in getattr(step, "parties", {}).items():
            yield from _mentioned((*at, "parties", name), party, _IN_STEPS)
        for index, name in enumerate(getattr(step, "services", ())):
            yield (*at, "services", index), "services", name


def _mentioned(at: Place, form: schema.Form, fields: Mapping[str, str]) -> Iterator[tuple[Place, str, str]]:
    names = ((field, section, getattr(form, field, None)) for field, section in fields.items())
    yield from (((*at, field), section, name) for field, section, name in names if name)


def unknown_steps(view: View) -> Iterator[Finding]:
    """`needs` and `after` name steps of the same chain."""
    for chain, steps in view.steps.items():
        known = view.step_names[chain]
        for at, name in (waited for place, step in steps for waited in _waits(place, step)):
            if name not in known:
                hint, wrong = closest(name, known), "is no step of this chain"
                yield Finding(at=at, wrong=wrong, wanted=listed(known), hint=hint, wrote=quoted(name))


def _waits(at: Place, step: schema.AnyStepForm) -> Iterator[tuple[Place, str]]:
    yield from (((*at, "needs", index), name) for index, name in enumerate(step.needs))
    yield from (((*at, "after", index), name) for index, name in enumerate(step.after))


def same_names(view: View) -> Iterator[Finding]:
    """No two steps of a chain have one name."""
    for steps in view.steps.values():
        seen: set[str] = set()
        for at, step in steps:
            if step.name in seen:
                yield Finding(at=(*at, "name"), wrong="is the name of an earlier step too", wanted="rename one of them")
            seen.add(step.name)


def same_callers(view: View) -> Iterator[Finding]:
    """Each caller has a name of its own: the log says by it who asked."""
    form = view.document.trigger
    seen = {THE_TRIGGER} if form and form.secret else set()
    for index, caller in enumerate(form.callers if form else ()):
        if caller.name in seen:
            at, wrong = ("trigger", "callers", index, "name"), "is the name of another caller too"
            yield Finding(at=at, wrote=quoted(caller.name), wrong=wrong, wanted="rename one of them")
        seen.add(caller.name)


def read_by_nobody(view: View) -> Iterator[Finding]:
    """Reports that are only for who bears a token are for somebody."""
    form = view.document.trigger
    if form and form.reading == "token" and not (form.secret or form.callers):
        wanted = "add a caller with `may: read`, or write open"
        yield Finding(at=("trigger", "reading"), wrote=quoted("token"), wrong="lets nobody read", wanted=wanted)


def wrong_receivers(view: View) -> Iterator[Finding]:
    """Each receiver has a name of its own, and is told of chains that are there."""
    seen: set[str] = set()
    for index, receiver in enumerate(view.document.notify):
        at, known = ("notify", index), view.names["chains"]
        if receiver.name in seen:
            wrong, wanted = "is the name of an earlier receiver too", "rename one of them"
            yield Finding(at=(*at, "name"), wrote=quoted(receiver.name), wrong=wrong, wanted=wanted)
        seen.add(receiver.name)
        for place, chain in enumerate(receiver.chains):
            if chain not in known:
                hint, wanted = closest(chain, known), listed(known)
                where = (*at, "chains", place)
                yield Finding(at=where, wrote=quoted(chain), wrong="is no chain", wanted=wanted, hint=hint)


def wrong_follow_ups(view: View) -> Iterator[Finding]:
    """A follow-up is a question with a good token, for one, or about what a service shows; nobody waits for one."""
    for steps in view.steps.values():
        follow_ups = {step.name for _, step in steps if step.follow_up}
        for at, step in steps:
            if step.follow_up and not _is_question(step, view):
                wrong, wanted = "answers no question of the diagnosis", "write a good token or `shows:`"
                yield Finding(at=(*at, "follow_up"), wrong=wrong, wanted=wanted)
            for place, name in _waits(at, step):
                if name in follow_ups:
                    wanted = "wait for an ordinary step"
                    yield Finding(at=place, wrong="is a follow-up, which may never be taken", wanted=wanted)


def _is_question(step: schema.AnyStepForm, view: View) -> bool:
    issuer = view.document.issuers.get(getattr(step, "token", None) or "")
    is_refused = getattr(getattr(step, "expect", None), "want", "accepted") == "refused"
    has_token = isinstance(step, schema.AnyBearingForm | schema.MintForm)
    is_good = has_token and issuer is not None and issuer.mint in _GOOD_MINTS
    return (is_good and not is_refused) or bool(getattr(step, "shows", None))


_GOOD_MINTS = ("local", "route", "second", "backdated", "resigned")


def awaited_platforms(view: View) -> Iterator[Finding]:
    """A step that asks platforms may be no part of its chain, so nobody waits for one, and it is not all there is."""
    for name, steps in view.steps.items():
        asking = {step.name for _, step in steps if isinstance(step, schema.PlatformStepForm)}
        for at, waited in (each for place, step in steps for each in _waits(place, step)):
            if waited in asking:
                wanted = "wait for another step, or for none"
                yield Finding(at=at, wrong="asks platforms, and is left out where there are none", wanted=wanted)
        if asking and len(asking) == len(steps) and not any(map(_has_platform, view.document.services.values())):
            wrong, wanted = "has nothing to look at: no service has a `platform:`", "name one, or add a step"
            yield Finding(at=("chains", name, "steps"), wrote="", wrong=wrong, wanted=wanted)


def _has_platform(service: schema.ServiceForm) -> bool:
    return bool(service.platform.cloud_run or service.platform.kubernetes)


def circles(view: View) -> Iterator[Finding]:
    """No step waits, over however many others, for itself."""
    for steps in view.steps.values():
        places = {step.name: at for at, step in steps}
        for circle in _circles({step.name: {*step.needs, *step.after} for _, step in steps}):
            way = " → ".join(circle)
            yield Finding(
                at=places[circle[0]], wrote="", wrong=f"waits for itself: {way}", wanted="take one of them out"
            )


def _circles(waits: dict[str, set[str]]) -> Iterator[list[str]]:
    """Circles, each cut at its last edge before the next is looked for, until there is none."""
    while circle := _circle(waits):
        yield circle
        for waiting, waited in pairwise(circle):
            waits[waiting].discard(waited)


def _circle(waits: Mapping[str, set[str]]) -> list[str]:
    """One circle, from a step to what it waits for, and so on; empty if there is none."""
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def wrong_issuers(view: View) -> Iterator[Finding]:
    """Only local tokens are imitated, only routes are asked for tokens, and every token is for somebody."""
    if view.document.issuers and not view.names["identities"]:
        yield Finding(at=("issuers",), wrote="", wrong="mint for nobody", wanted="add `identities:` with a test user")
    for name, issuer in view.document.issuers.items():
        yield from _other_than(view, ("issuers", name, "like"), getattr(issuer, "like", None), "local")
        yield from _other_than(view, ("issuers", name, "route"), getattr(issuer, "route", None), "route")
    for at, step in view.every_step():
        if isinstance(step, schema.MintForm):
            yield from _other_than(view, (*at, "token"), step.token, "route")


def _other_than(view: View, at: Place, name: str | None, mint: str) -> Iterator[Finding]:
    issuer = view.document.issuers.get(name or "")
    if issuer and issuer.mint != mint:
        fitting = [known for known, other in view.document.issuers.items() if other.mint == mint]
        yield Finding(at=at, wrong=f"is no issuer with `mint: {mint}`", wanted=listed(fitting))


def lonely_parties(view: View) -> Iterator[Finding]:
    """Copies are compared between two parties at least, of which only one, ourselves, need not be asked."""
    for at, step in view.every_step():
        if isinstance(step, schema.SecretMatchForm):
            yield from _lonely_parties((*at, "parties"), step.parties)


def _lonely_parties(at: Place, parties: Mapping[str, schema.PartyForm]) -> Iterator[Finding]:
    unasked = [name for name, party in parties.items() if party.ask is None]
    if len(parties) < 2:  # noqa: PLR2004 - one copy equals itself
        wanted = "add another, such as `prober: {}` for our own copy"
        yield Finding(at=at, wrote="one party", wrong="has nothing to compare with", wanted=wanted)
    for name in unasked[1:]:
        wrong, wanted = "cannot be asked", "add `ask: /PATH`; only one party can be ourselves"
        yield Finding(at=(*at, name), wrote=quoted(name), wrong=wrong, wanted=wanted)


# ── placeholders ───────────────────────────────────────────────────────────────────────────────────────────────────

_USER = frozenset({"subject", "email"})
_SENT = _USER | {"token", "secret", "random"}


@dataclass(frozen=True, slots=True)
class Slot:
    """A text of the document, which placeholders may stand in it, and why no other may."""

    at: Place
    text: object
    allowed: frozenset[str]
    why: str


def wrong_placeholders(view: View) -> Iterator[Finding]:
    """Every placeholder is known, can be filled in where it stands, and is safe there."""
    for slot in _slots(view):
        for found in placeholders(slot.text, slot.at):
            yield from _flaw(found, slot, view)


def _flaw(found: Placeholder, slot: Slot, view: View) -> Iterator[Finding]:
    if not found.is_known:
        yield Finding(at=found.at, wrote=quoted(found.text), wrong="is no placeholder", wanted=listed(KNOWN))
    elif found.kind not in slot.allowed:
        yield Finding(at=found.at, wrote=f"{{{found.kind}}}", wrong="cannot stand here", wanted=slot.why)
    elif found.kind == "secret" and found.argument not in view.names["secrets"]:
        known = view.names["secrets"]
        wrong, hint = "names no secret", closest(found.argument, known)
        yield Finding(at=found.at, wrote="{secret:…}", wrong=wrong, wanted=listed(known), hint=hint)


def _slots(view: View) -> Iterator[Slot]:
    for name, issuer in view.document.issuers.items():
        yield from _issuer_slots(("issuers", name), issuer)
    for at, step in view.every_step():
        yield from _step_slots(at, step, view)


def _issuer_slots(at: Place, issuer: schema.IssuerForm) -> Iterator[Slot]:
    if isinstance(issuer, schema.LocalIssuerForm):
        yield Slot((*at, "claims"), issuer.claims, _USER, "a claim is about the user: {subject} or {email}")
    if isinstance(issuer, schema.RouteIssuerForm):
        why = "this request is what makes the token"
        yield from _request_slots(at, issuer, _SENT - {"token"}, why)
    if isinstance(issuer, schema.SpoofedIssuerForm):
        why = "what is spoofed proves nothing when it is real: {subject}, {email} or {random}"
        yield Slot((*at, "headers"), issuer.headers, _USER | {"random"}, why)


def _step_slots(at: Place, step: schema.AnyStepForm, view: View) -> Iterator[Slot]:
    allowed, why = _sendable(step, view)
    match step:
        case schema.HttpForm() | schema.StreamForm() | schema.ValidateForm() | schema.CredentialsForm():
            yield from _request_slots(at, step, allowed, why)
            yield Slot(
                (*at, "expect", "json"), step.expect.body, allowed & _USER, "expect {subject} or {email} of a token"
            )
        case schema.WebSocketForm():
            yield _path_slot((*at, "path"), step.path, allowed)
            yield Slot((*at, "headers"), step.headers, allowed, why)
            yield Slot((*at, "subprotocols"), step.subprotocols, _SENT - {"secret"}, "a server echoes subprotocols")
        case schema.SecretMatchForm():
            for name, party in step.parties.items():
                yield Slot(
                    (*at, "parties", name), party.headers, frozenset({"secret"}), "no token is sent to compare secrets"
                )
                yield _path_slot((*at, "parties", name, "ask"), party.ask, frozenset())


def _request_slots(at: Place, request: schema.RequestForm, allowed: frozenset[str], why: str) -> Iterator[Slot]:
    method, path = request.asks
    yield _path_slot((*at, method.lower()), path, allowed)
    yield Slot((*at, "headers"), request.headers, allowed, why)
    yield Slot((*at, "json"), request.body, allowed, why)
    yield Slot((*at, "form"), request.form, allowed, why)


def _path_slot(at: Place, path: str | None, allowed: frozenset[str]) -> Slot:
    return Slot(at, path, allowed & _USER, "URLs are logged wherever they pass; send it in a header or in json")


def _sendable(step: schema.AnyStepForm, view: View) -> tuple[frozenset[str], str]:
    """What a step can fill in: without an issuer it knows no user, and without a token it has none to send."""
    name = getattr(step, "token", None)
    issuer = view.document.issuers.get(name or "")
    if name is None:
        return frozenset({"secret", "random"}), "this step has no token; add `token: NAME` with a name from `issuers:`"
    if issuer and issuer.mint in SENDS_NONE:
        return _SENT - {"token"}, "this step sends no token on purpose; delete it here"
    return _SENT, ""


# ── expressions ────────────────────────────────────────────────────────────────────────────────────────────────────

_HEADER = "header:"


def wrong_expressions(view: View) -> Iterator[Finding]:
    """Every JMESPath parses, and calls only functions that exist."""
    for at, expression in _expressions(view):
        if flaw := _flaw_of_expression(expression):
            wanted = "write JMESPath, such as data.user_id"
            yield Finding(at=at, wrote=quoted(expression), wrong=flaw, wanted=wanted)


def _expressions(view: View) -> Iterator[tuple[Place, str]]:
    for name, service in view.document.services.items():
        yield from _told(("services", name, "tells"), service.tells)
    for name, issuer in view.document.issuers.items():
        if isinstance(issuer, schema.RouteIssuerForm):
            yield ("issuers", name, "token_at"), issuer.token_at
    for at, step in view.every_step():
        yield from _expressions_of(at, step)


def _told(at: Place, tells: schema.TellsForm) -> Iterator[tuple[Place, str]]:
    for field in ("version", "revision", "uptime"):
        for index, expression in enumerate(getattr(tells, field)):
            if not expression.startswith(_HEADER):
                yield (*at, field, index), expression


def _expressions_of(at: Place, step: schema.AnyStepForm) -> Iterator[tuple[Place, str]]:
    match step:
        case schema.HttpForm() | schema.StreamForm() | schema.ValidateForm() | schema.CredentialsForm():
            yield from (((*at, "expect", "json", key), key) for key in step.expect.body)
        case schema.WebSocketForm():
            yield from (((*at, "welcome", key), key) for key in step.welcome or ())
            yield from (((*at, "identity", index), where) for index, where in enumerate(step.identity or ()))
            yield from (((*at, "pong", key), key) for key in (step.pong if isinstance(step.pong, dict) else ()))
        case schema.SecretMatchForm():
            yield from (((*at, "parties", name, "hash"), party.hash) for name, party in step.parties.items())


def _flaw_of_expression(expression: str) -> str | None:
    try:
        parsed = jmespath.compile(expression).parsed
    except (ValueError, RecursionError):  # every error of jmespath is a ValueError
        return "is not JMESPath"
    unknown = _called(parsed) - set(Functions.FUNCTION_TABLE)
    return f"calls {', '.join(sorted(unknown))}(), which does not exist" if unknown else None


def _called(node: Mapping[str, object]) -> set[str]:
    """The functions that a parsed expression calls."""
    own = {str(node["value"])} if node.get("type") == "function_expression" else set()
    children = node.get("children") or []
    inner = children if isinstance(children, list) else []
    return own.union(*(_called(child) for child in inner if isinstance(child, dict)))


# ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def wrong_times(view: View) -> Iterator[Finding]:
    """A turn ends before the next begins, a step before its turn does, and none of it is a load."""
    for name, chain in view.document.chains.items():
        at, deadline = ("chains", name), chain.deadline or 0
        if chain.interval < SHORTEST_INTERVAL_SECONDS:
            yield Finding(at=(*at, "interval"), wrong="is too often for a target", wanted="write 5s or more")
        if deadline > chain.interval and not view.cuts & {(*at, "interval"), (*at, "deadline")}:
            wanted = f"write {duration_text(chain.interval)} or less"
            yield Finding(at=(*at, "deadline"), wrong="is longer than the interval", wanted=wanted)
        yield from _slow_steps(view, name, deadline)
        yield from _slow_pace(view, name, chain)


def busy_refresh(view: View) -> Iterator[Finding]:
    """Sources of secrets are asked every five seconds at most; what they answer is paid for."""
    if view.document.secrets_refresh < SHORTEST_INTERVAL_SECONDS:
        yield Finding(at=("secrets_refresh",), wrong="is too often", wanted="write 5s or more")


def busy_selftest(view: View) -> Iterator[Finding]:
    """The self-test is work on the event loop that everything else waits for."""
    if view.document.selftest.interval < SHORTEST_INTERVAL_SECONDS:
        at = ("selftest", "interval")
        yield Finding(at=at, wrong="is too often: it costs the time of real turns", wanted="write 5s or more")


def busy_schedule(view: View) -> Iterator[Finding]:
    """A schedule that asks more than the budget allows would never be on time."""
    if not view.is_whole("chains") or not view.is_whole("budget"):
        return
    allowed = view.document.budget.requests_per_second
    asked: defaultdict[str, float] = defaultdict(float)
    for name, chain in view.document.chains.items():
        for _, step in view.steps[name]:
            asked[getattr(step, "service", None) or ""] += 1 / chain.interval
    for service, rate in asked.items():
        if service and rate > allowed:
            wrong = f"is less than the schedule alone asks of {service}: {rate:.3g} a second"
            wanted = "write more, where that is no burden, or longer intervals"
            yield Finding(at=("budget", "requests_per_second"), wrong=wrong, wanted=wanted)


def _slow_steps(view: View, chain: str, deadline: float) -> Iterator[Finding]:
    for at, step in view.steps[chain]:
        if (step.timeout or 0) > deadline and ("chains", chain, "deadline") not in view.cuts:
            wanted = f"write {duration_text(deadline)} or less"
            yield Finding(at=(*at, "timeout"), wrong="is longer than the chain's deadline", wanted=wanted)


def _slow_pace(view: View, name: str, chain: schema.ChainForm) -> Iterator[Finding]:
    """The last step starts before the deadline; each pace is waited for between two steps."""
    taken = chain.pace * (len(view.steps[name]) - 1)
    if taken >= (chain.deadline or 0) and not view.cuts & {("chains", name, "pace"), ("chains", name, "deadline")}:
        wrong = f"is too slow: the last of {len(view.steps[name])} steps would start after {taken:g} s"
        yield Finding(at=("chains", name, "pace"), wrong=wrong, wanted="write less, or a longer deadline")


def too_many(view: View) -> Iterator[Finding]:
    """All chains together have at most so many steps as may be."""
    if (count := len(list(view.every_step()))) > view.most_steps:
        wanted = f"make it {view.most_steps} at most, or allow for more by {VARIABLE}"
        yield Finding(at=("chains",), wrote="", wrong=f"have {count} steps together", wanted=wanted)


# ── tokens ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_BAD = frozenset({"forged", "expired", "none", *TAMPERED, *SPOOFED})
#: These claims are made for each token; a fixed one would make tokens that are stale, eternal or for somebody else.
_MADE = ("sub", "iat", "exp", "jti")


def wrong_claims(view: View) -> Iterator[Finding]:
    """A local token is short-lived, and fresh each time."""
    for name, issuer in view.document.issuers.items():
        if isinstance(issuer, schema.LocalIssuerForm):
            yield from _wrong_claims(("issuers", name), issuer)


def _wrong_claims(at: Place, issuer: schema.LocalIssuerForm) -> Iterator[Finding]:
    if issuer.lifetime > LONGEST_LIFETIME_SECONDS:
        yield Finding(at=(*at, "lifetime"), wrong="is too long for a test token", wanted="write 5m or less")
    for claim in _MADE:
        if claim in issuer.claims:
            wrong = "is made for each token"
            yield Finding(at=(*at, "claims", claim), wrote=quoted(claim), wrong=wrong, wanted="delete it here")


def disagreeing_expectations(view: View) -> Iterator[Finding]:
    """A bad token is to be refused, a good one accepted."""
    good = [name for name, issuer in view.document.issuers.items() if issuer.mint not in _BAD]
    bad = [name for name, issuer in view.document.issuers.items() if issuer.mint in _BAD]
    for at, step, issuer, want in _tried(view):
        kind = "no token" if issuer.mint in SENDS_NONE else f"a token of {step.token}"
        if issuer.mint in _BAD and want == "accepted":
            wanted = f"write `expect: refused`, or take a good token ({', '.join(good)})"
            yield Finding(at=(*at, "expect"), wrote="", wrong=f"expects that {kind} is accepted", wanted=wanted)
        if issuer.mint not in _BAD and want == "refused" and step.probe != "service_credentials":
            wanted = f"write `expect: accepted`, or take a bad token ({', '.join(bad)})"
            yield Finding(at=(*at, "expect"), wrote="", wrong=f"expects that {kind} is refused", wanted=wanted)


def _tried(view: View) -> Iterator[tuple[Place, schema.AnyBearingForm, schema.IssuerForm, str]]:
    """Every step that tries a token at a door, with the token's issuer and what is wanted."""
    for at, step in view.every_step():
        if isinstance(step, schema.AnyBearingForm) and (issuer := view.document.issuers.get(step.token or "")):
            yield at, step, issuer, step.expect.want


def unpaired_controls(view: View) -> Iterator[Finding]:
    """Where a token must be refused, a good one must be accepted."""
    for chain, steps in view.steps.items():
        if view.is_whole("chains", chain) and view.is_whole("issuers"):
            yield from _unpaired([(at, step) for at, step in steps if isinstance(step, schema.AnyBearingForm)], view)


def _unpaired(steps: Iterable[tuple[Place, schema.AnyBearingForm]], view: View) -> Iterator[Finding]:
    open_doors = {door(step) for _, step in steps if _lets_in(step, view)}
    for at, step in steps:
        if step.expect.want == "refused" and not _has_good_token(step, view) and door(step) not in open_doors:
            wanted = f"add a {step.probe} step at {door(step)[-1]} with a good token and `expect: accepted`"
            wrong = "proves nothing where no good token is accepted"
            yield Finding(at=(*at, "expect"), wrote="a refusal", wrong=wrong, wanted=wanted)


def unpaired_mints(view: View) -> Iterator[Finding]:
    """Where a wrong key must get no token, the right one must get one."""
    for chain, steps in view.steps.items():
        mints = [(at, step) for at, step in steps if isinstance(step, schema.MintForm)]
        if view.is_whole("chains", chain) and view.is_whole("issuers"):
            open_routes = {_route(step, view) for _, step in mints if step.expect.want == "accepted"}
            for at, step in mints:
                if step.expect.want == "refused" and _route(step, view) not in open_routes:
                    wrong = "proves nothing where no good key gets a token"
                    wanted = "add a mint step with an issuer that has the right key at the same route"
                    yield Finding(at=(*at, "expect"), wrote="a refusal", wrong=wrong, wanted=wanted)


def _route(step: schema.MintForm, view: View) -> tuple[str, ...]:
    issuer = view.document.issuers.get(step.token)
    return (issuer.service, *issuer.asks) if isinstance(issuer, schema.RouteIssuerForm) else (step.token,)


def _lets_in(step: schema.AnyBearingForm, view: View) -> bool:
    """Whether a step expects that a good token is accepted; an issuer that is not there has its own complaint."""
    unknown = bool(step.token) and step.token not in view.document.issuers
    return step.expect.want == "accepted" and not step.follow_up and (unknown or _has_good_token(step, view))


def _has_good_token(step: schema.AnyBearingForm, view: View) -> bool:
    issuer = view.document.issuers.get(step.token or "")
    return issuer is not None and issuer.mint not in _BAD


def door(step: schema.AnyBearingForm) -> tuple[str, ...]:
    """What a step knocks at; the same as `Step.door` of what is built from it."""
    asked = step.asks if isinstance(step, schema.AskingForm) else (step.path,)
    return (step.probe, step.service, *asked)


def unsent_tokens(view: View) -> Iterator[Finding]:
    """A step that names a token sends it."""
    for at, step, issuer, _ in _tried(view):
        by_header = isinstance(step, schema.WebSocketForm) and step.carrier == "header"
        sent = (
            step.subprotocols
            if isinstance(step, schema.WebSocketForm)
            else [step.headers, step.body, step.form, step.asks[1]]
        )
        if not (issuer.mint in SENDS_NONE or by_header or sends_token(sent)):
            wanted = (
                "write {token} in a subprotocol"
                if step.probe == "websocket"
                else "write {token} in a header or in json"
            )
            yield Finding(at=(*at, "token"), wrong="is never sent", wanted=wanted)


def door_openers(view: View) -> Iterator[Finding]:
    """A step with a good token sends no header whose name alone makes some services let everybody in."""
    for at, step, issuer, _ in _tried(view):
        for name in step.headers if issuer.mint not in _BAD else ():
            if "test" in name.lower() or "e2e" in name.lower():
                wrong = "is a name that switches authentication off in some services"
                wanted = "rename it, or send it in the request of a `mint: route` issuer"
                yield Finding(at=(*at, "headers", name), wrote=quoted(name), wrong=wrong, wanted=wanted)


# ── where it may be sent ───────────────────────────────────────────────────────────────────────────────────────────

#: An environment is production if a word of its name says so, and the one before does not take it back: `pre-prod`.
_PRODUCTION = re.compile(r"(?<![a-z])(?<!pre[-_. ])(?<!non[-_. ])(?<!not[-_. ])(production|prod|prd|live)(?![a-z])")
_BYPASS = re.compile(r"e2e|test|bypass|dev|simulat", re.IGNORECASE)


def open_wires(view: View) -> Iterator[Finding]:
    """Tokens and secrets travel encrypted, unless to this very machine or by leave of `allow_http`."""
    trusted = set(_trusted(view))
    for name, service in view.document.services.items():
        if name in trusted and not service.allow_http:
            addresses = (("url", service.url), ("websocket_url", service.websocket_url or ""))
            yield from _open_wires(("services", name), addresses)


def _open_wires(at: Place, addresses: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """The first address that would do harm; a socket's is most often made of the other."""
    harmful = ((*at, field) for field, address in addresses if _is_readable(address))
    for place in list(harmful)[:1]:
        wrong = "would carry tokens or secrets unencrypted"
        yield Finding(at=place, wrong=wrong, wanted="write https://, or allow it with `allow_http: true`")


def _trusted(view: View) -> Iterator[str]:
    """The services that are sent a token or a secret, or asked for one."""
    for name, service in view.document.services.items():
        if service.identity_token is not None and service.identity_token.source != "none":
            yield name
    for issuer in view.document.issuers.values():
        if isinstance(issuer, schema.RouteIssuerForm):
            yield issuer.service
    for _, step in view.every_step():
        yield from (party.service for party in getattr(step, "parties", {}).values() if party.service)
        if isinstance(step, schema.AnyBearingForm) and _carries(step):
            yield step.service


def _carries(step: schema.AnyBearingForm) -> bool:
    texts = [step.headers, getattr(step, "body", None)]
    return bool(step.token) or any(found.must_stay_hidden for found in placeholders(texts))


def _is_readable(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in {"http", "ws"} and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def readable_platforms(view: View) -> Iterator[Finding]:
    """What we are known by to a platform travels encrypted, or to this machine."""
    for name, service in view.document.services.items():
        if not _has_platform(service):
            continue
        at, platform = ("services", name, "platform"), service.platform
        yield from (
            Finding(at=(*at, field), wrong="would carry our access token unencrypted", wanted="write https://")
            for field in ("api", "secrets_api")
            if _is_readable(getattr(platform, field) or "")
        )


def out_of_reach(view: View) -> Iterator[Finding]:
    """An address that is written may be one of this machine or of a private network; of others only what is listed."""
    reach = Reach(tuple(each for written in view.document.addresses for each in networks(written)))
    for name, service in view.document.services.items() if view.is_whole("addresses") else ():
        hosts = {field: urlsplit(getattr(service, field) or "").hostname or "" for field in ("url", "websocket_url")}
        kinds = ((field, reach.why_not(host, host)) for field, host in hosts.items() if is_address(host))
        for field, kind in list(filter(lambda each: each[1], kinds))[:1]:  # a socket's is most often made of the other
            wanted = "write a name; or list the address in `addresses:`, if it is meant"
            yield Finding(at=("services", name, field), wrong=f"is {kind}", wanted=wanted)


def production(view: View) -> Iterator[Finding]:
    """In production nothing is forged, and no door for tests is tried."""
    if _PRODUCTION.search(view.document.environment.lower()):
        for name, issuer in view.document.issuers.items():
            if doing := _out_of_place(issuer):
                wanted = "delete it, or name another environment"
                yield Finding(at=("issuers", name), wrote="", wrong=f"{doing} in production", wanted=wanted)
        for at, step in view.every_step():
            if isinstance(step, schema.CredentialsForm) and step.expect.want == "refused":
                wanted = "delete it, or name another environment"
                yield Finding(at=at, wrote="", wrong="tries wrong credentials in production", wanted=wanted)
            if any(map(_opens_doors, placeholders(step.model_dump()))):
                wanted = "delete it, or name another environment"
                yield Finding(at=at, wrote="", wrong="sends a key for tests in production", wanted=wanted)


def _opens_doors(found: Placeholder) -> bool:
    """Whether a secret is sent whose name says that it opens a door for tests."""
    return found.kind == "secret" and _BYPASS.search(found.argument or "") is not None


def _out_of_place(issuer: schema.IssuerForm) -> str | None:
    if isinstance(issuer, schema.RouteIssuerForm):
        names = (issuer.asks[1], *issuer.headers, *(found.text for found in placeholders(issuer.headers)))
        return "tries a door for tests" if any(map(_BYPASS.search, names)) else None
    return _OUT_OF_PLACE.get(issuer.mint)


_OUT_OF_PLACE: Mapping[str, str] = {
    **dict.fromkeys(TAMPERED, "mints bad tokens"),
    **dict.fromkeys(SPOOFED, "spoofs headers"),
    "forged": "forges tokens",
    "expired": "mints expired tokens",
}


# ── telling ────────────────────────────────────────────────────────────────────────────────────────────────────────


def wrong_maintenance(view: View) -> Iterator[Finding]:
    """A maintenance ends after it begins, and is of chains that are there."""
    for index, form in enumerate(view.document.maintenance):
        at, known = ("maintenance", index), view.names["chains"]
        if form.ends <= form.begins:
            yield Finding(at=(*at, "until"), wrong="is not after its beginning", wanted="write a later moment")
        for place, name in enumerate(form.chains):
            if name not in known:
                hint = closest(name, known)
                where = (*at, "chains", place)
                yield Finding(at=where, wrote=quoted(name), wrong="is no chain", wanted=listed(known), hint=hint)


# ── controls ───────────────────────────────────────────────────────────────────────────────────────────────────────


def unasked_controls(view: View) -> Iterator[Finding]:
    """What may leave something behind is tried only where the chain says so."""
    for name, chain in view.document.chains.items():
        if chain.controls != "opt-in" and ("chains", name, "controls") not in view.cuts:
            for at, mint in _controls(view, view.steps[name], Safety.OPT_IN):
                wrong = "may leave something behind, or reach out"
                wanted = "ask the owner of the services, then write `controls: opt-in` in the chain; or delete it"
                yield Finding(at=at, wrote=quoted(mint), wrong=wrong, wanted=wanted)


def lab_controls(view: View) -> Iterator[Finding]:
    """What would be an attack anywhere else is tried on this very machine only."""
    addresses = (address for each in view.document.services.values() for address in (each.url, each.websocket_url))
    if not all(_is_loopback(urlsplit(address or "").hostname or "") for address in addresses):
        for at, mint in _controls(view, view.every_step(), Safety.LAB):
            wrong = "would be an attack on services that are not on this machine"
            yield Finding(at=at, wrote=quoted(mint), wrong=wrong, wanted="delete it here; try it in a lab")


def _controls(
    view: View, steps: Iterable[tuple[Place, schema.AnyStepForm]], safety: Safety
) -> Iterator[tuple[Place, str]]:
    """The steps whose control may be tried under `safety` only, with the control's name."""
    for at, step in steps:
        issuer = view.document.issuers.get(getattr(step, "token", None) or "")
        kind = CONTROLS.get(issuer.mint) if issuer else None
        if issuer and kind and kind.safety is safety:
            yield (*at, "token"), issuer.mint


def harmless_controls(view: View) -> Iterator[Finding]:
    """A bad token has something wrong with it: a claim can be changed only if the imitated token has it."""
    for name, issuer in view.document.issuers.items():
        model = view.document.issuers.get(getattr(issuer, "like", ""))
        kind = CONTROLS.get(issuer.mint)
        if kind and isinstance(model, schema.LocalIssuerForm):
            yield from _harmless(("issuers", name, "mint"), kind, model)


def _harmless(at: Place, kind: ControlKind, model: schema.LocalIssuerForm) -> Iterator[Finding]:
    if kind.changes and not set(kind.changes) & set(model.claims):
        wrong, wanted = "changes a claim that the imitated issuer does not make", f"add one: {', '.join(kind.changes)}"
        yield Finding(at=at, wrong=wrong, wanted=f"{wanted}; or delete this issuer")
    if kind.not_signed_by == model.algorithm:
        yield Finding(at=at, wrong="is how the imitated issuer signs", wanted="delete this issuer")


CHECKS: tuple[Check, ...] = (
    unknown_names,
    unknown_steps,
    same_names,
    same_callers,
    read_by_nobody,
    wrong_receivers,
    wrong_follow_ups,
    awaited_platforms,
    circles,
    wrong_issuers,
    lonely_parties,
    wrong_placeholders,
    wrong_expressions,
    wrong_times,
    busy_refresh,
    busy_selftest,
    busy_schedule,
    too_many,
    wrong_claims,
    disagreeing_expectations,
    unpaired_controls,
    unpaired_mints,
    unsent_tokens,
    door_openers,
    open_wires,
    readable_platforms,
    out_of_reach,
    production,
    unasked_controls,
    lab_controls,
    harmless_controls,
    wrong_maintenance,
)
