"""Build: a complete document that no check complains of becomes a Plan. Pure, one small function per kind of thing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict, Unpack

from prober.config import schema
from prober.config.placeholders import introduced
from prober.model.alarm import Alerting, Maintenance, Severity
from prober.model.caller import THE_TRIGGER, Admission, Caller, Scope
from prober.model.chain import (
    Carrier,
    Chain,
    CredentialsStep,
    Expectation,
    ExpiredIssuer,
    ForgedIssuer,
    HttpStep,
    Identity,
    IdentityToken,
    Issuer,
    Keeping,
    Load,
    LocalIssuer,
    MintStep,
    NoToken,
    Party,
    Plan,
    PlatformStep,
    Proof,
    Request,
    ResignedIssuer,
    Role,
    RouteIssuer,
    SecretMatchStep,
    Service,
    Shows,
    SpoofedIssuer,
    Step,
    StreamStep,
    TamperedIssuer,
    TcpStep,
    Tells,
    TlsStep,
    ValidateStep,
    Want,
    WebSocketStep,
)
from prober.model.controls import HEADERS
from prober.model.heartbeat import Heartbeat
from prober.model.notice import Receiver
from prober.model.platform import FORBIDDEN, REQUIRED, USUAL_NAMES, Platform, PlatformKind, Thing
from prober.model.reach import Reach, networks

_METHOD_OF = {Proof.KEYED: "POST", Proof.HASH: "GET"}


_ImitationForm = schema.ForgedIssuerForm | schema.ExpiredIssuerForm
_VariantForm = schema.SecondIssuerForm | schema.BackdatedIssuerForm


class Common(TypedDict):
    """What every step has."""

    name: str
    needs: tuple[str, ...]
    after: tuple[str, ...]
    deadline_seconds: float
    is_follow_up: bool


def build(document: schema.Document) -> Plan:
    """The plan that a document says."""
    builder = Builder(document)
    return Plan(
        environment=document.environment,
        services=builder.services,
        issuers=builder.issuers,
        secrets=dict(document.secrets),
        chains={name: builder.chain(name, chain) for name, chain in document.chains.items()},
        admission=_admission(document.trigger) if document.trigger else Admission(),
        alerting=_alerting(document.alerts),
        maintenance=tuple(
            Maintenance(begins=form.begins, ends=form.ends, chains=form.chains) for form in document.maintenance
        ),
        receivers={form.name: _receiver(form) for form in document.notify},
        external_url=document.external_url,
        secrets_refresh_seconds=document.secrets_refresh,
        secrets_overlap_seconds=document.secrets_overlap,
        selftest_seconds=document.selftest.interval,
        heartbeat=_heartbeat(document.heartbeat),
        location=document.location,
        history=_keeping(document.history),
        load=Load(requests_per_second=document.budget.requests_per_second, burst=document.budget.burst),
        reach=reach(document),
    )


def reach(document: schema.Document) -> Reach:
    """Where names may lead."""
    return Reach(tuple(network for written in document.addresses for network in networks(written)))


def _admission(form: schema.TriggerForm) -> Admission:
    everything = [Caller(name=THE_TRIGGER, secret=form.secret, scopes=frozenset(Scope))] if form.secret else []
    others = [_caller(each) for each in form.callers]
    return Admission(
        callers=(*everything, *others),
        per_minute=form.per_minute,
        burst=form.burst,
        reads_are_open=form.reading == "open",
    )


def _caller(form: schema.CallerForm) -> Caller:
    return Caller(name=form.name, secret=form.secret, scopes=frozenset(map(Scope, form.may)))


def _keeping(form: schema.HistoryForm) -> Keeping:
    return Keeping(file=form.file, database_secret=form.database, seconds=form.keep, mebibytes=form.keep_mib)


class Builder:
    """Follows the names of one document to what they name."""

    def __init__(self, document: schema.Document) -> None:
        """Build what others refer to: services and identities first, then issuers."""
        self._document = document
        self._known: dict[str, Step] = {}  # by what is written
        self._together: dict[tuple[int, ...], tuple[Step, ...]] = {}
        self.services = {name: _service(name, form) for name, form in document.services.items()}
        self.identities = {name: _identity(name, form) for name, form in document.identities.items()}
        self.issuers = {name: self._issuer(name, form) for name, form in document.issuers.items()}

    def chain(self, name: str, form: schema.ChainForm) -> Chain:
        """One chain."""
        return Chain(
            name=name,
            steps=self._steps([self._step(step) for step in form.steps if self._has_whom_to_ask(step)]),
            interval_seconds=form.interval,
            deadline_seconds=form.deadline or form.interval,
            jitter_seconds=form.jitter,
            threshold=form.threshold,
            pace_seconds=form.pace,
        )

    def _steps(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """Those of one chain; many chains take the same, and 10,000 of them need not be kept 10,000 times."""
        which = tuple(map(id, steps))
        if which not in self._together:
            self._together[which] = _beside_good_tokens(tuple(steps))
        return self._together[which]

    def _has_whom_to_ask(self, form: schema.AnyStepForm) -> bool:
        """Where no platform can be asked, a step that asks platforms is no part of the chain."""
        return not isinstance(form, schema.PlatformStepForm) or bool(self._attested(form))

    def _attested(self, form: schema.PlatformStepForm) -> tuple[Service, ...]:
        named = [self.services[name] for name in form.services or self.services]
        return tuple(service for service in named if service.platform)

    # Issuers

    def _issuer(self, name: str, form: schema.IssuerForm) -> Issuer:
        build_one: Callable[..., Issuer] = self._ways_to_mint()[type(form)]
        return build_one(form, name=name, identity=self.identities[form.identity or ""])

    def _ways_to_mint(self) -> Mapping[type[schema.IssuerForm], Callable[..., Issuer]]:
        """A new kind of issuer is its form, one line here, and a mint."""
        return {
            schema.LocalIssuerForm: _local,
            schema.RouteIssuerForm: self._route,
            schema.SecondIssuerForm: self._variant("second"),
            schema.BackdatedIssuerForm: self._variant("backdated"),
            schema.ResignedIssuerForm: self._resigned,
            schema.ForgedIssuerForm: self._imitation(ForgedIssuer),
            schema.ExpiredIssuerForm: self._imitation(ExpiredIssuer),
            schema.TamperedIssuerForm: self._tampered,
            schema.SpoofedIssuerForm: _spoofed,
            schema.NoTokenForm: _no_token,
        }

    def _route(self, form: schema.RouteIssuerForm, name: str, identity: Identity) -> RouteIssuer:
        return RouteIssuer(name=name, identity=identity, request=self._request(form), token_at=form.token_at)

    def _variant(self, variant: str) -> Callable[..., Issuer]:
        def build_one(form: _VariantForm, name: str, identity: Identity) -> Issuer:
            model = self._model(form.like, identity)
            backdate = getattr(form, "backdate", model.backdate_seconds)
            return replace(model, name=name, variant=variant, backdate_seconds=backdate)

        return build_one

    def _imitation(self, kind: type[ForgedIssuer | ExpiredIssuer]) -> Callable[..., Issuer]:
        def build_one(form: _ImitationForm, name: str, identity: Identity) -> Issuer:
            return kind(name=name, identity=identity, like=self._model(form.like, identity))

        return build_one

    def _resigned(self, form: schema.ResignedIssuerForm, name: str, identity: Identity) -> ResignedIssuer:
        route = self._document.issuers[form.route]
        assert isinstance(route, schema.RouteIssuerForm)  # noqa: S101 - checks.wrong_issuers has seen to it
        asked = self._route(route, form.route, self.identities[route.identity or ""])
        return ResignedIssuer(name=name, identity=identity, like=self._model(form.like, identity), route=asked)

    def _tampered(self, form: schema.TamperedIssuerForm, name: str, identity: Identity) -> TamperedIssuer:
        return TamperedIssuer(name=name, identity=identity, control=form.mint, like=self._model(form.like, identity))

    def _model(self, name: str, identity: Identity) -> LocalIssuer:
        """The local issuer that is imitated, as if it minted for this identity."""
        form = self._document.issuers[name]
        assert isinstance(form, schema.LocalIssuerForm)  # noqa: S101 - checks.wrong_issuers has seen to it
        return _local(form, name, identity)

    # Requests

    def _request(self, form: schema.RouteIssuerForm | schema.AskingForm) -> Request:
        method, path = form.asks
        service = self.services[form.service]
        return Request(
            service=service,
            method=method,
            path=path,
            headers=dict(form.headers),
            json=form.body,
            form=form.form,
            keeps_connection=form.connection == "kept",
        )

    def _party(self, name: str, form: schema.PartyForm, method: Proof) -> Party:
        if form.ask is None or form.service is None:
            return Party(name=name, hash_at=form.hash)
        service, headers = self.services[form.service], dict(form.headers)
        request = Request(service=service, method=_METHOD_OF[method], path=form.ask, headers=headers)
        return Party(name=name, request=request, hash_at=form.hash)

    # Steps

    def _step(self, form: schema.AnyStepForm) -> Step:
        """What a form says; two that say the same are one step."""
        written = repr(form)
        if written not in self._known:
            self._known[written] = self._new_step(form)
        return self._known[written]

    def _new_step(self, form: schema.AnyStepForm) -> Step:
        build_one: Callable[..., Step] = self._kinds()[type(form)]
        return build_one(
            form,
            name=form.name,
            needs=form.needs,
            after=form.after,
            deadline_seconds=form.timeout,
            is_follow_up=form.follow_up,
        )

    def _kinds(self) -> Mapping[type[schema.StepForm], Callable[..., Step]]:
        """A new kind of step is its form, one function here, and a probe."""
        return {
            schema.HttpForm: self._http,
            schema.StreamForm: self._asking(StreamStep),
            schema.ValidateForm: self._asking(ValidateStep),
            schema.CredentialsForm: self._asking(CredentialsStep),
            schema.MintForm: self._mint,
            schema.WebSocketForm: self._websocket,
            schema.SecretMatchForm: self._secret_match,
            schema.TcpForm: self._tcp,
            schema.TlsForm: self._tls,
            schema.PlatformStepForm: self._platforms,
        }

    def _http(self, form: schema.HttpForm, **common: Unpack[Common]) -> HttpStep:
        return HttpStep(**common, **self._asked(form), shows=Shows(form.shows) if form.shows else None)

    def _asking(self, kind: type[HttpStep]) -> Callable[..., Step]:
        def build_one(form: schema.AnyAskingForm, **common: Unpack[Common]) -> Step:
            return kind(**common, **self._asked(form))

        return build_one

    def _asked(self, form: schema.AnyAskingForm) -> dict[str, Any]:
        token = self.issuers[form.token] if form.token else None
        request, expect = self._request(form), expectation(form.expect, token)
        return {"service": request.service, "request": request, "token": token, "expect": expect}

    def _mint(self, form: schema.MintForm, **common: Unpack[Common]) -> MintStep:
        issuer = self.issuers[form.token]
        assert isinstance(issuer, RouteIssuer)  # noqa: S101 - checks.wrong_issuers has seen to it
        expect = Expectation(want=Want(form.expect.want))
        return MintStep(**common, service=issuer.request.service, token=issuer, expect=expect)

    def _websocket(self, form: schema.WebSocketForm, **common: Unpack[Common]) -> WebSocketStep:
        token = self.issuers[form.token] if form.token else None
        return WebSocketStep(
            **common,
            service=self.services[form.service],
            token=token,
            expect=expectation(form.expect, token),
            path=form.path,
            carrier=Carrier(form.carrier),
            subprotocols=form.subprotocols,
            headers=dict(form.headers),
            welcome=dict(form.welcome or {}),
            identity_at=form.identity or (),
            ping=form.ping or "",
            pong=form.pong if isinstance(form.pong, dict) else {"type": form.pong},
            grace_seconds=form.grace,
        )

    def _secret_match(self, form: schema.SecretMatchForm, **common: Unpack[Common]) -> SecretMatchStep:
        method = Proof(form.method)
        parties = tuple(self._party(name, party, method) for name, party in form.parties.items())
        return SecretMatchStep(
            **common,
            service=next(party.request.service for party in parties if party.request),
            secret=form.secret,
            method=method,
            parties=parties,
            algorithm=form.algorithm,
            encoding=form.encoding,
            length=form.length,
            environment=self._document.environment,
        )

    def _tcp(self, form: schema.TcpForm, **common: Unpack[Common]) -> TcpStep:
        return TcpStep(**common, service=self.services[form.service])

    def _tls(self, form: schema.TlsForm, **common: Unpack[Common]) -> TlsStep:
        expect = Expectation(days_left=form.expect.days_left)
        return TlsStep(**common, service=self.services[form.service], expect=expect)

    def _platforms(self, form: schema.PlatformStepForm, **common: Unpack[Common]) -> PlatformStep:
        services = self._attested(form)
        return PlatformStep(**common, service=services[0], services=services)


def _beside_good_tokens(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Tell each control what a good token meets at its door, so that a 200 that says no is not taken for a yes."""
    good = (step for step in steps if step.token and not (step.is_control or step.is_follow_up))
    met = {step.door: step.expect.json for step in good}
    return tuple(
        replace(step, expect=replace(step.expect, accepted_json=met.get(step.door, {}))) if step.is_control else step
        for step in steps
    )


def expectation(form: schema.ExpectForm | schema.SocketExpectForm, token: Issuer | None) -> Expectation:
    """What should be seen; `{subject}` and `{email}` are those of the token's user, known already now."""
    common: dict[str, Any] = {"want": Want(form.want), "statuses": form.status}
    if isinstance(form, schema.SocketExpectForm):
        return Expectation(**common, close_codes=form.close)
    conditions = introduced(form.body, token.identity if token else None)
    return Expectation(**common, json=conditions, first_event=getattr(form, "first_event", None))


def _heartbeat(form: schema.HeartbeatForm | None) -> Heartbeat | None:
    return Heartbeat(url=form.url, method=form.method.upper()) if form else None


def _service(name: str, form: schema.ServiceForm) -> Service:
    return Service(
        name=name,
        role=Role(form.role),
        url=form.url,
        websocket_url=form.websocket_url or "",
        ca_file=form.ca_file,
        tells=Tells(version=form.tells.version, revision=form.tells.revision, uptime=form.tells.uptime),
        identity_token=_identity_token(form),
        platform=_platform(form),
    )


def _identity_token(service: schema.ServiceForm) -> IdentityToken | None:
    form = service.identity_token
    if form is None or form.source == "none":
        return None
    return IdentityToken(audience=form.audience or service.url, source=form.source, header=form.header)


def _platform(service: schema.ServiceForm) -> Platform | None:
    """Whom to ask about the service; None where nobody was named."""
    form = service.platform
    if not (place := form.cloud_run or form.kubernetes):
        return None
    names = {thing: form.names.get(thing.value, usual) for thing, usual in USUAL_NAMES.items()}
    return Platform(
        kind=PlatformKind.CLOUD_RUN if form.cloud_run else PlatformKind.KUBERNETES,
        place=place,
        api=form.api or "",
        secrets_api=form.secrets_api,
        token_file=form.token_file,
        ca_file=form.ca_file,
        asks_versions=form.versions,
        names=names,
        required=_named(REQUIRED.get(service.role, ()), names),
        forbidden=_named(FORBIDDEN.get(service.role, ()), names),
        requires=form.requires,
        forbids=form.forbids,
        port=form.port,
    )


def _named(things: Sequence[Thing], names: Mapping[Thing, tuple[str, ...]]) -> tuple[Thing, ...]:
    """Those that have a name: what has none the service does without."""
    return tuple(thing for thing in things if names[thing])


def _identity(name: str, form: schema.IdentityForm) -> Identity:
    return Identity(name=name, subject=form.subject, email=form.email)


def _local(form: schema.LocalIssuerForm, name: str, identity: Identity) -> LocalIssuer:
    return LocalIssuer(
        name=name,
        identity=identity,
        secret=form.secret,
        algorithm=form.algorithm,
        lifetime_seconds=form.lifetime,
        backdate_seconds=form.backdate,
        claims=introduced(form.claims, identity),
        key_id=form.key_id,
    )


def _no_token(_form: schema.NoTokenForm, name: str, identity: Identity) -> NoToken:
    return NoToken(name=name, identity=identity)


def _spoofed(form: schema.SpoofedIssuerForm, name: str, identity: Identity) -> SpoofedIssuer:
    headers = dict(form.headers or HEADERS[form.mint])
    return SpoofedIssuer(name=name, identity=identity, control=form.mint, headers=headers)


def _alerting(form: schema.AlertsForm) -> Alerting:
    return Alerting(
        deploy_grace_seconds=form.deploy_grace,
        page=form.page,
        ticket=form.ticket,
        team=form.team or "",
        runbook_url=form.runbook_url or "",
        dashboard_url=form.dashboard_url or "",
    )


def _receiver(form: schema.ReceiverForm) -> Receiver:
    severities = tuple(map(Severity, form.severities))
    return Receiver(name=form.name, url=form.url, chains=form.chains, severities=severities)
