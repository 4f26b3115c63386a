"""The whole way from a file to a plan, or to every complaint; one broken file in `bad/` per complaint."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.config.limits import LARGEST_BYTES
from prober.config.load import effective, find, load
from prober.model.alarm import Alerting
from prober.model.chain import SecretMatchStep
from prober.model.errors import ConfigError

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TOP, LAB = ROOT / "probes.yaml", ROOT / "prober" / "lab" / "probes.yaml"

LAB_ENVIRON = {
    "AUTH_URL": "http://127.0.0.1:8081",
    "BACKEND_URL": "http://127.0.0.1:8082",
    "BACKEND_REVISION": "backend-00096",
    "LAB_MINT_PATH": "/auth/e2e/test-auth",
    "LAB_SECRET_METHOD": "proof",
    "LAB_AUTH_SECRET_PATH": "/internal/secret-proof",
    "LAB_BACKEND_SECRET_PATH": "/internal/secret-proof",
}

#: What is said of each file in `bad/`, after the file's own name: `LINE: path: what was written; what would do`.
_A_REFERENCE = "write env:NAME, file:PATH, gcp:projects/P/secrets/S or vault:MOUNT/PATH#KEY, never the secret itself"

BAD: Mapping[str, tuple[str, ...]] = {
    "empty": (" the file is empty; start with `version: 1`; `prober schema` tells the rest",),
    "tab": ("7: the line is indented with a tab; write spaces",),
    "alias": (
        "12: &own is an anchor; delete it and write the value out",
        "15: *own is an alias; write the value out",
    ),
    "duplicate_key": ('5: "jwt" is written twice; the first is on line 4; keep one of them',),
    "two_documents": ("23: a second document begins here; write one document; delete the `---`",),
    "too_deep": ("13: this is nested deeper than 20 levels; make it flatter",),
    "yaml_tag": ("1: a !tag changes how a value is read; write the plain value",),
    "directive": ("1: a % directive changes how the text is read; delete it",),
    "no_yaml": ("10: this is not YAML: could not find expected ':'; see the line before too",),
    "number_as_key": ("5: 404 is not text and cannot be a key; write it in quotes",),
    "huge_number": ('13: "99999999999999999999" is no number that JSON can carry; write a smaller one, or quote it',),
    "token_in_file": (
        (
            "21: chains.main.steps[2].headers.X-Other: this value is shaped like a token; keep it elsewhere, name"
            " it under `secrets:` and write {secret:NAME}"
        ),
    ),
    "variable_missing": ("7: services.auth.url: ${AUTH_URL} is not set; set it, or write ${AUTH_URL:-default}",),
    "variable_unclosed": (
        (
            "7: services.auth.url: ${ begins a variable that does not end; write ${NAME}, ${NAME:-default}, or "
            "$${ for the text itself"
        ),
    ),
    "variable_default_hidden": (f"4: secrets.jwt: this value is not a reference; {_A_REFERENCE}",),
    "unknown_key": ('21: chains.main.steps[2].need: "need" is not a key here; did you mean "needs"?',),
    "unknown_key_far": (
        (
            '2: colour: "colour" is not a key here; known are: version, environment, location, history, secrets, '
            "secrets_refresh, secrets_overlap, trigger, alerts, maintenance, selftest, budget, heartbeat, addresses, "
            "services, identities, issuers, "
            "chains, external_url, notify"
        ),
    ),
    "unknown_probe": ('19: chains.main.steps[0].probe: "htpp" is not known here; did you mean "http"?',),
    "missing_probe": ('20: chains.main.steps[1].probe: is missing; add "probe: http", or another kind of probe',),
    "missing_key": ('10: identities.tester.subject: is missing; add "subject: THE-TEST-USER"',),
    "missing_section": ('1: environment: is missing; add "environment: staging"',),
    "wrong_role": ('7: services.auth.role: "authn" is not known here; did you mean "auth"?',),
    "not_a_mapping": ('7: services.auth: "https://auth.example" is not a mapping; write `key: value` pairs here',),
    "empty_chains": ("16: chains: an empty value is not a mapping; write `key: value` pairs here",),
    "no_steps": ("18: chains.main.steps: is empty; add at least one",),
    "bad_name": (
        ('10: identities["The Tester"]: "The Tester" is not a name; write lower-case letters, digits and hyphens'),
    ),
    "bad_version": ("1: version: 2 is not a version we know; write version: 1",),
    "bad_environment": ('2: environment: "our staging" is not a name; write one such as staging',),
    "secret_in_file": (f"4: secrets.jwt: this value is not a reference; {_A_REFERENCE}",),
    "duration_without_unit": ("18: chains.main.interval: 30 is not a duration; write 30s",),
    "duration_word": ('18: chains.main.interval: "often" is not a duration; write 30s, 250ms, 5m or 1h',),
    "duration_zero": ('19: chains.main.steps[0].timeout: "0s" is no time at all; write 1s or more',),
    "ratio_over_one": ("18: chains.main.threshold: 95 is not a ratio; write 95% or 0.95",),
    "status_word": ('19: chains.main.steps[0].expect.status: "ok" is not an HTTP status; write a number such as 200',),
    "expect_word": ('22: chains.main.steps[3].expect: "refuse" is not known here; did you mean "refused"?',),
    "close_word": ('23: chains.main.steps[4].expect.close: "normal" is not a close code; write 1000',),
    "url_userinfo": (
        ("7: services.auth.url: this value carries a user or a password; write https://HOST or https://HOST:PORT"),
    ),
    "url_scheme": (
        (
            '7: services.auth.url: "auth.example" is not an address that begins with http:// or https://; write '
            "https://HOST or https://HOST:PORT"
        ),
    ),
    "url_query": (
        (
            '7: services.auth.url: "https://auth.example/?a=1" carries a query or a fragment; write https://HOST '
            "or https://HOST:PORT"
        ),
    ),
    "two_methods": (
        "19: chains.main.steps[0]: needs exactly one request; write get:, post:, put: or head: with a path",
    ),
    "no_method": ("19: chains.main.steps[0]: needs exactly one request; write get:, post:, put: or head: with a path",),
    "path_relative": (
        '19: chains.main.steps[0].get: "health" is not a path; write one that begins with /, such as /health',
    ),
    "identity_header": (
        (
            '8: services.backend.identity_token.header: "authorization" is not a header for it; write '
            "X-Serverless-Authorization; in Authorization travel the service's own tokens"
        ),
    ),
    "identity_source": (
        '8: services.backend.identity_token.from: "env:TOKEN" is not where one is; write metadata, file:PATH or none',
    ),
    "identity_over_plain_http": (
        (
            '8: services.docs.url: "http://docs.example" would carry tokens or secrets unencrypted; write '
            "https://, or allow it with `allow_http: true`"
        ),
    ),
    "header_name": ('19: chains.main.steps[0].headers["X Y"]: "X Y" is not a header\'s name; write X-Some-Name',),
    "header_value": (
        ("19: chains.main.steps[0].headers.X-Y: this value is not a header's value; write visible ASCII in one line"),
    ),
    "number_for_text": ("10: identities.tester.subject: 17 is not text; write it in quotes",),
    "flag_word": ('19: chains.main.steps[0].follow_up: "maybe" is neither true nor false; write true or false',),
    "algorithm_none": ('12: issuers.local.algorithm: "none" signs nothing; write HS256, HS384 or HS512',),
    "algorithm_other": (
        '12: issuers.local.algorithm: "RS1" is not an algorithm we sign with; write HS256, HS384 or HS512',
    ),
    "steps_no_list": ('18: chains.main.steps: "all" is not a list; write it as [a, b]',),
    "unknown_service": ('19: chains.main.steps[0].service: "backent" is no service; did you mean "backend"?',),
    "unknown_identity": ('12: issuers.local.identity: "testr" is no identity; did you mean "tester"?',),
    "unknown_issuer": ('21: chains.main.steps[2].token: "loval" is no issuer; did you mean "local"?',),
    "unknown_secret": ('12: issuers.local.secret: this value names no secret; did you mean "jwt"?',),
    "unknown_secret_placeholder": (
        '19: chains.main.steps[0].headers.X-Key: {secret:…} names no secret; did you mean "service"?',
    ),
    "unknown_trigger_secret": ("6: trigger.secret: this value names no secret; there are: jwt, service",),
    "unknown_caller_secret": ("8: trigger.callers[0].secret: this value names no secret; there are: jwt, service",),
    "caller_same_name": ('9: trigger.callers[1].name: "ci" is the name of another caller too; rename one of them',),
    "caller_scope": ("8: trigger.callers[0].may: \"root\" is not known here; write 'read', 'run' or 'admin'",),
    "read_by_nobody": ('6: trigger.reading: "token" lets nobody read; add a caller with `may: read`, or write open',),
    "unknown_step": ('21: chains.main.steps[2].needs[0]: "helth" is no step of this chain; did you mean "health"?',),
    "follow_up_waited_for": (
        '21: chains.main.steps[2].needs[1]: "more" is a follow-up, which may never be taken; wait for an ordinary step',
    ),
    "follow_up_control": (
        "22: chains.main.steps[3].follow_up: true answers no question of the diagnosis; write a good token or `shows:`",
    ),
    "same_name": ('20: chains.main.steps[1].name: "health" is the name of an earlier step too; rename one of them',),
    "circle": (
        ("19: chains.main.steps[0]: waits for itself: health → refuses → messages → health; take one of them out"),
    ),
    "waits_for_itself": ("19: chains.main.steps[0]: waits for itself: health → health; take one of them out",),
    "like_a_route": ('14: issuers.forged.like: "route" is no issuer with `mint: local`; there are: local',),
    "mint_local": ('20: chains.main.steps[1].token: "local" is no issuer with `mint: route`; there are: route',),
    "no_identity": ("9: issuers: mint for nobody; add `identities:` with a test user",),
    "unknown_placeholder": (
        (
            '13: issuers.route.json.email: "{mail}" is no placeholder; there are: {token}, {token:base64url}, '
            "{subject}, {email}, {random}, {secret:NAME}"
        ),
    ),
    "secret_in_path": (
        (
            "13: issuers.route.post: {secret} cannot stand here; URLs are logged wherever they pass; send it in a"
            " header or in json"
        ),
    ),
    "token_in_path": (
        (
            "23: chains.main.steps[4].get: {token} cannot stand here; URLs are logged wherever they pass; send it"
            " in a header or in json"
        ),
    ),
    "token_without_issuer": (
        (
            "19: chains.main.steps[0].headers.Authorization: {token} cannot stand here; this step has no token; "
            "add `token: NAME` with a name from `issuers:`"
        ),
    ),
    "token_of_none": (
        (
            "23: chains.main.steps[4].headers.X-Token: {token} cannot stand here; this step sends no token on "
            "purpose; delete it here"
        ),
    ),
    "secret_in_claim": (
        ("12: issuers.local.claims.note: {secret} cannot stand here; a claim is about the user: {subject} or {email}"),
    ),
    "expression": (
        (
            '19: chains.main.steps[0].expect.json["status.."]: "status.." is not JMESPath; write JMESPath, such '
            "as data.user_id"
        ),
    ),
    "expression_function": (
        (
            '19: chains.main.steps[0].expect.json["size(items)"]: "size(items)" calls size(), which does not '
            "exist; write JMESPath, such as data.user_id"
        ),
    ),
    "heartbeat_address": (f"3: heartbeat.url: this value is not a reference; {_A_REFERENCE}",),
    "heartbeat_method": ("3: heartbeat.method: this value is not known here; write 'get' or 'post'",),
    "budget_none": (
        "3: budget.requests_per_second: 0 is not a rate; write a number up to 10000, such as 20",
        "3: budget.burst: 3 is not a number of requests; write one of 10 or more, such as 60",
    ),
    "budget_too_small": (
        (
            "3: budget.requests_per_second: 0.05 is less than the schedule alone asks of backend: 0.1 a second; write "
            "more, where that is no burden, or longer intervals"
        ),
    ),
    "refresh_often": ('3: secrets_refresh: "1s" is too often; write 5s or more',),
    "selftest_often": ('3: selftest.interval: "1s" is too often: it costs the time of real turns; write 5s or more',),
    "interval_short": ('18: chains.main.interval: "2s" is too often for a target; write 5s or more',),
    "deadline_long": ('19: chains.main.deadline: "20s" is longer than the interval; write 10s or less',),
    "timeout_long": (
        '19: chains.main.steps[0].timeout: "40s" is longer than the chain\'s deadline; write 20s or less',
    ),
    "lifetime_long": ('12: issuers.local.lifetime: "10m" is too long for a test token; write 5m or less',),
    "claim_made": ('12: issuers.local.claims.sub: "sub" is made for each token; delete it here',),
    "forged_accepted": (
        (
            "22: chains.main.steps[3].expect: expects that a token of forged is accepted; write `expect: "
            "refused`, or take a good token (local, route)"
        ),
    ),
    "good_refused": (
        (
            "21: chains.main.steps[2].expect: expects that a token of local is refused; write `expect: accepted`,"
            " or take a bad token (forged, none)"
        ),
        (
            "22: chains.main.steps[3].expect: a refusal proves nothing where no good token is accepted; add a "
            "http step at /messages with a good token and `expect: accepted`"
        ),
    ),
    "control_alone": (
        (
            "22: chains.main.steps[3].expect: a refusal proves nothing where no good token is accepted; add a "
            "http step at /messages with a good token and `expect: accepted`"
        ),
    ),
    "two_bodies": ("21: chains.main.steps[2]: has two bodies; keep json: or form:",),
    "token_never_sent": (
        '21: chains.main.steps[2].token: "local" is never sent; write {token} in a header or in json',
    ),
    "door_opener": (
        (
            '21: chains.main.steps[2].headers.X-E2E-Test: "X-E2E-Test" is a name that switches authentication off'
            " in some services; rename it, or send it in the request of a `mint: route` issuer"
        ),
    ),
    "address_disguised": (
        '8: services.backend.url: "https://0x7f.1" holds an address in a disguise; write https://HOST or https://HOST:PORT',
    ),
    "address_link_local": (
        (
            '8: services.backend.url: "https://169.254.169.254" is an address where clouds keep secrets; '
            "write a name; or list the address in `addresses:`, if it is meant"
        ),
    ),
    "address_no_network": (
        '3: addresses[1]: "10.0.0.1/8" is no network; write loopback, private, or a network such as 10.1.0.0/16',
    ),
    "plain_http": (
        (
            '8: services.backend.url: "http://api.example" would carry tokens or secrets unencrypted; write '
            "https://, or allow it with `allow_http: true`"
        ),
    ),
    "production": (
        "13: issuers.route: tries a door for tests in production; delete it, or name another environment",
        "14: issuers.forged: forges tokens in production; delete it, or name another environment",
    ),
    "parties_alone": (
        (
            "23: chains.main.steps[4].parties: one party has nothing to compare with; add another, such as "
            "`prober: {}` for our own copy"
        ),
    ),
    "parties_unasked": (
        (
            '23: chains.main.steps[4].parties.auth: "auth" cannot be asked; add `ask: /PATH`; only one party can '
            "be ourselves"
        ),
    ),
    "party_unknown": ('23: chains.main.steps[4].parties.atuh.service: is no service; did you mean "auth"?',),
    "control_unasked": (
        (
            '24: chains.main.steps[4].token: "exp-decade" may leave something behind, or reach out; ask'
            " the owner of the services, then write `controls: opt-in` in the chain; or delete it"
        ),
    ),
    "control_for_the_lab": (
        (
            '24: chains.main.steps[4].token: "kid-sql" would be an attack on services that are not on '
            "this machine; delete it here; try it in a lab"
        ),
    ),
    "platform_alone": (
        ("24: chains.other.steps: has nothing to look at: no service has a `platform:`; name one, or add a step"),
    ),
    "platform_deployment": (
        (
            '8: services.backend.platform.kubernetes: "backend" is no deployment; write NAMESPACE/DEPLOYMENT '
            "or NAMESPACE/DEPLOYMENT/CONTAINER, or nothing"
        ),
    ),
    "platform_place": (
        (
            '8: services.backend.platform.cloud_run: "services/s" is no service of Cloud Run; write '
            "projects/PROJECT/locations/REGION/services/NAME, or nothing"
        ),
    ),
    "platform_plain_http": (
        (
            '8: services.backend.platform.api: "http://run.example" would carry our access token '
            "unencrypted; write https://"
        ),
    ),
    "platform_port": ("8: services.backend.platform.port: 0 is no port; write one from 1 to 65535, such as 8080",),
    "platform_setting": (
        ('8: services.backend.platform.requires: "A=b" is no name of a setting; write one such as SERVICE_SECRET'),
    ),
    "platform_thing": (
        (
            "8: services.backend.platform.names.password: \"PASSWORD\" is not known here; write 'jwt_secret', "
            "'service_id', 'service_secret' or 'bypass_key'"
        ),
    ),
    "platform_two": ("8: services.backend.platform: names two platforms; keep cloud_run: or kubernetes:",),
    "platform_unknown_service": ('23: chains.main.steps[4].services: "backnd" is no service; did you mean "backend"?',),
    "platform_waited_for": (
        (
            '21: chains.main.steps[2].needs[1]: "configuration" asks platforms, and is left out where there '
            "are none; wait for another step, or for none"
        ),
    ),
    "control_unknown": ('16: issuers.bad.mint: "alg-nome" is not known here; did you mean "alg-none"?',),
    "control_unchanged": (
        (
            '16: issuers.bad.mint: "iss-prefix" changes a claim that the imitated issuer does not make;'
            " add one: iss; or delete this issuer"
        ),
    ),
    "control_same_algorithm": (
        '16: issuers.bad.mint: "alg-hs512" is how the imitated issuer signs; delete this issuer',
    ),
    "control_accepted": (
        (
            "24: chains.main.steps[4].expect: expects that a token of bad is accepted; write `expect: "
            "refused`, or take a good token (local, route)"
        ),
    ),
    "control_in_production": (
        "15: issuers.bad: mints bad tokens in production; delete it, or name another environment",
        "16: issuers.spoofed: spoofs headers in production; delete it, or name another environment",
    ),
    "credentials_in_production": (
        ("23: chains.main.steps[5]: tries wrong credentials in production; delete it, or name another environment"),
    ),
    "spoofed_secret": (
        (
            "16: issuers.spoofed.headers.X-User: {secret} cannot stand here; what is spoofed proves "
            "nothing when it is real: {subject}, {email} or {random}"
        ),
    ),
    "wrong_key_alone": (
        (
            "24: chains.main.steps[4].expect: a refusal proves nothing where no good key gets a token; "
            "add a mint step with an issuer that has the right key at the same route"
        ),
    ),
    "two_tokens": ("21: chains.main.steps[2]: has two places for its tokens; keep token: or tokens:",),
    "group_unknown_issuer": ('22: chains.main.steps[3].token: "fogred" is no issuer; did you mean "forged"?',),
    "no_token_asked": (
        ('23: chains.main.steps[4]: asks about no token; add "token: NAME" with a name from `issuers:`'),
    ),
    "pace_slow": (
        (
            '18: chains.main.pace: "10s" is too slow: the last of 4 steps would start after 30 s; write'
            " less, or a longer deadline"
        ),
    ),
    "notify_address": (f"17: notify[0].url: this value is not a reference; {_A_REFERENCE}",),
    "notify_text": ("16: notify[0]: this value is not a mapping; write `key: value` pairs here",),
    "notify_unknown_chain": ('17: notify[0].chains[0]: "mains" is no chain; did you mean "main"?',),
    "notify_same_name": ('18: notify[1].name: "ops" is the name of an earlier receiver too; rename one of them',),
    "notify_severity": ('17: notify[0].severities[1]: this value is not known here; did you mean "ticket"?',),
    "notify_no_severity": ("17: notify[0].severities: is empty; add at least one",),
    "external_url_userinfo": (
        "16: external_url: this value carries a user or a password; write https://HOST or https://HOST:PORT",
    ),
    "controls_word": ("18: chains.main.controls: \"all\" is not known here; write 'staging' or 'opt-in'",),
    "maintenance_backwards": (
        ('24: maintenance[0].until: "2026-11-22T09:00:00Z" is not after its beginning; write a later moment'),
    ),
    "maintenance_unknown_chain": ('24: maintenance[0].chains[1]: "mains" is no chain; did you mean "main"?',),
    "moment_word": (
        ('24: maintenance[0].from: "tomorrow" is not a moment; write 2026-11-22T09:00:00Z, or with another offset'),
        (
            '24: maintenance[0].until: "2026-11-22 09:00" is not a moment; write 2026-11-22T09:00:00Z, '
            "or with another offset"
        ),
    ),
    "moment_impossible": (
        (
            '24: maintenance[0].from: "2026-02-30T09:00:00Z" is not a moment; write 2026-11-22T09:00:00Z, '
            "or with another offset"
        ),
    ),
    "link_word": (
        '23: alerts.runbook_url: "wiki/page" is not a link; write one such as https://wiki.example/page',
        "23: alerts.dashboard_url: this value is not a link; write one such as https://wiki.example/page",
    ),
    "five_faults": (
        f"4: secrets.jwt: this value is not a reference; {_A_REFERENCE}",
        '7: services.auth.role: "authn" is not known here; did you mean "auth"?',
        "8: services.backend.url: ${BACKEND_URL} is not set; set it, or write ${BACKEND_URL:-default}",
        '19: chains.main.steps[0].expekt: "expekt" is not a key here; did you mean "expect"?',
        '21: chains.main.steps[2].needs[0]: "helth" is no step of this chain; did you mean "health"?',
    ),
}


def complaints(path: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    """Everything that is wrong with a file."""
    with pytest.raises(ConfigError) as refused:
        load(path, environ or {})
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("name", BAD)
def test_each_bad_file_is_told_what_is_wrong_with_it(name):
    """A complaint names file, line and place, what was written and what would do; and nothing else is complained of."""
    path = HERE / "bad" / f"{name}.yaml"

    told = complaints(path)

    assert [f"{path}:{message}" for message in BAD[name]] == told


def test_every_bad_file_is_in_the_table():
    """No broken file lies about that nothing is expected of."""
    files = {path.stem for path in (HERE / "bad").glob("*.yaml")}

    assert set(BAD) == files


def test_all_faults_of_a_file_are_told_at_once():
    """A secret, a role, a variable, a key and a step that is not there: one round of corrections is enough."""
    told = complaints(HERE / "bad" / "five_faults.yaml")

    assert 5 == len(told)


@pytest.mark.parametrize(
    "name",
    [
        *("secret_in_file", "url_userinfo", "variable_default_hidden", "token_in_file"),
        *("notify_address", "notify_text", "external_url_userinfo", "heartbeat_address"),
    ],
)
def test_what_looks_like_a_secret_is_never_quoted(name):
    """A complaint may end in a build log; what was written by mistake must not."""
    told = "".join(complaints(HERE / "bad" / f"{name}.yaml"))

    assert not [part for part in ("kR8vTq2L", "hunter2", "correct-horse", "eyJ") if part in told]


def test_what_a_variable_holds_is_never_quoted():
    """The complaint shows the variable as it is written in the file."""
    told = complaints(HERE / "bad" / "variable_missing.yaml", {"AUTH_URL": "hunter2"})

    assert ['"${AUTH_URL}" is not an address that begins with http:// or https://'] == [
        line.split("url: ")[1].split(";")[0] for line in told
    ]


# ── the files that are shipped ─────────────────────────────────────────────────────────────────────────────────────


def test_the_shipped_config_needs_nothing_but_itself():
    """It loads with an empty environment: secrets are fetched when they are used."""
    plan = load(TOP, {})

    assert ("staging", "https://auth.staging.example") == (plan.environment, plan.services["auth"].url)


#: What the lab's turn holds beside that of the shipped file: nobody is locked out of a lab, and it can compare secrets.
LAB_ONLY = (
    *("secret-match", "messages-refuses-spoofed", "websocket-refuses-spoofed", "service-credentials-refuses-wrong"),
    *("backend-revision", "websocket-from-the-page"),
)


def test_the_lab_config_differs_by_what_the_real_services_cannot_answer_so_often():
    """Both files hold the same steps in the same order, but for those few."""
    top, lab = load(TOP, {}).chains["validation"], load(LAB, LAB_ENVIRON).chains["validation"]

    assert [step.name for step in top.steps] == [step.name for step in lab.steps if step.name not in LAB_ONLY]


@pytest.mark.parametrize(("method", "verb"), [("proof", "POST"), ("hash", "GET")])
def test_the_lab_config_follows_the_dialect(method, verb):
    """How secrets are compared comes from a variable; the verb follows from it."""
    step = load(LAB, {**LAB_ENVIRON, "LAB_SECRET_METHOD": method}).chains["validation"].step("secret-match")

    assert isinstance(step, SecretMatchStep)
    assert (method, [None, verb, verb]) == (
        step.method,
        [party.request and party.request.method for party in step.parties],
    )


def test_nothing_at_the_backend_waits_for_auths_health():
    """A backend may go on while auth is down, and that must be seen."""
    steps = load(TOP, {}).chains["validation"].steps

    assert not [s.name for s in steps if s.service.name == "backend" and "auth-health" in (*s.needs, *s.after)]


# ── effective ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [TOP, LAB])
def test_the_effective_config_says_the_same_plan(path, tmp_path):
    """Written out with every default, and read again without any variable, the file means what it meant."""
    written = tmp_path / "effective.yaml"
    written.write_text(effective(path, LAB_ENVIRON))

    assert load(path, LAB_ENVIRON) == load(written, {})


def test_alerts_and_maintenance_mean_the_same_written_out(tmp_path):
    """Every key of both, read, written and read again."""
    path, written = tmp_path / "probes.yaml", tmp_path / "effective.yaml"
    more = (
        "alerts: {deploy_grace: 3m, page: false, ticket: true, team: auth,\n"
        '         runbook_url: "https://wiki.example/p#a", dashboard_url: "https://grafana.example/d/x?orgId=1"}\n'
        "maintenance: [{chains: main, from: 2026-11-22T10:00:00+01:00, until: 2026-11-22T10:30:00.5Z}]\n"
    )
    path.write_text((HERE / "good.yaml").read_text() + more)
    written.write_text(effective(path, {}))

    plan = load(path, {})
    (time,) = plan.maintenance
    assert plan == load(written, {})
    assert (
        Alerting(
            deploy_grace_seconds=180.0,
            page=False,
            ticket=True,
            team="auth",
            runbook_url="https://wiki.example/p#a",
            dashboard_url="https://grafana.example/d/x?orgId=1",
        )
        == plan.alerting
    )
    assert (("main",), datetime(2026, 11, 22, 9, tzinfo=UTC)) == (time.chains, time.begins)
    assert datetime(2026, 11, 22, 10, 30, 0, 500_000, tzinfo=UTC) == time.ends


def test_the_effective_config_shows_secrets_as_references_only(tmp_path):
    """A header that was filled from a variable may hold anything; it is masked unless a placeholder stands there."""
    path = tmp_path / "probes.yaml"
    wrote = 'get: /messages, token: local, headers: {X-Api-Key: "${KEY}", X-Note: "costs $${5"},'
    path.write_text((HERE / "good.yaml").read_text().replace("get: /messages, token: local,", wrote))

    shown = effective(path, {"KEY": "hunter2"})

    assert ["X-Api-Key: '[masked]'", "X-Note: costs $${5"] == [
        line.strip() for line in shown.splitlines() if "X-Api" in line or "X-Note" in line
    ]


def test_the_effective_config_says_the_same_receivers(tmp_path, good):
    """Who is told, of what, and where they are sent to look, written out and read again."""
    path, written = tmp_path / "probes.yaml", tmp_path / "effective.yaml"
    told = 'external_url: "https://prober.example/base/"\nnotify:\n'
    told += "  - {name: ops, url: env:OPS_URL, chains: main, severities: page}\n  - {name: all, url: file:/run/all}\n"
    path.write_text(good(more=told))
    written.write_text(effective(path, {}))

    assert load(path, {}) == load(written, {})
    assert {"ops", "all"} == set(load(written, {}).receivers)


@pytest.mark.parametrize("told", ["heartbeat: {url: env:BEAT, method: post}\n", "selftest: {interval: 1m}\n"])
def test_who_watches_us_is_said_again(told, good, tmp_path):
    """The heartbeat by its reference, the self-test by its interval."""
    path, written = tmp_path / "probes.yaml", tmp_path / "effective.yaml"
    path.write_text(good(more=told))
    written.write_text(effective(path, {}))

    assert load(path, {}) == load(written, {})


# ── finding and reading ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_file_is_the_one_named_then_the_variables_then_the_usual_one(tmp_path, monkeypatch):
    """The nearest wish counts."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "b.yaml", "probes.yaml"):
        (tmp_path / name).touch()

    found = [find(Path("a.yaml"), {"PROBER_CONFIG": "b.yaml"}), find(None, {"PROBER_CONFIG": "b.yaml"}), find(None, {})]

    assert ["a.yaml", "b.yaml", "probes.yaml"] == list(map(str, found))


@pytest.mark.parametrize(
    ("explicit", "environ", "looked"),
    [
        (Path("a.yaml"), {}, "a.yaml"),
        (None, {"PROBER_CONFIG": "b.yaml"}, "PROBER_CONFIG=b.yaml"),
        (None, {}, "PROBER_CONFIG (not set), ./probes.yaml"),
    ],
)
def test_where_no_file_is_it_says_where_it_looked(explicit, environ, looked, tmp_path, monkeypatch):
    """And that the demo needs none."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError) as refused:
        find(explicit, environ)

    advice = "write a probes.yaml, name one, or try `prober demo`: it needs none"
    assert f"no config found (looked at {looked}); {advice}" == str(refused.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"version: 1\n# \xff\n", ":2: this is not UTF-8; save the file as UTF-8"),
        (
            b"#" * (LARGEST_BYTES + 1),
            ": is larger than 1 MiB; write less, or several files, or allow for more by PROBER_MOST_STEPS",
        ),
        (b"a: \x00\n", ": this is not YAML; save it as plain UTF-8 text, without control characters"),
    ],
)
def test_what_cannot_be_a_config_is_refused_as_a_whole(content, complaint, tmp_path):
    """Bytes that are no text of a sensible size are not looked at further."""
    path = tmp_path / "probes.yaml"
    path.write_bytes(content)

    assert [f"{path}{complaint}"] == complaints(path)


def test_a_folder_is_no_config(tmp_path):
    """Only a regular file has an end."""
    assert [f"{tmp_path}: is not a file; name a file"] == complaints(tmp_path)


def test_a_file_that_is_not_there_is_no_crash(tmp_path):
    """It may have been deleted since it was found."""
    path = tmp_path / "gone.yaml"

    assert [f"{path}: cannot be read: No such file or directory; name another file"] == complaints(path)


def test_a_byte_order_mark_is_no_fault(tmp_path):
    """Some editors write one."""
    path = tmp_path / "probes.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + (HERE / "good.yaml").read_bytes())

    assert load(HERE / "good.yaml", {}) == load(path, {})


# ── any bytes ──────────────────────────────────────────────────────────────────────────────────────────────────────

_GOOD = (HERE / "good.yaml").read_bytes()
_PIECES = [
    *_GOOD.splitlines(keepends=True),
    *_GOOD.split(),
    b"{",
    b"}",
    b"[",
    b"]",
    b": ",
    b"- ",
    b"\n",
    b"? ",
    b"<<: ",
]
_MORE = [
    b"&a ",
    b"*a ",
    b"!!int ",
    b"${X",
    b"${X:-y}",
    b"|\n",
    b'"\\ud800"',
    b"\t",
    b".inf",
    b"9" * 40,
    b"null",
    b"{secret:x}",
]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


@st.composite
def mutations(draw):
    """The good file with pieces of itself, and of what is odd in YAML, put in at some places."""
    content = _GOOD
    for _ in range(draw(st.integers(1, 4))):
        at, cut = draw(st.integers(0, len(content))), draw(st.integers(0, 12))
        content = content[:at] + draw(st.sampled_from(_PIECES + _MORE)) + content[at + cut :]
    return content


@settings(max_examples=300, deadline=None)
@given(content=st.one_of(mutations(), mutations(), st.binary(max_size=200), st.text(max_size=200).map(_encoded)))
def test_any_bytes_are_a_plan_or_a_list_of_complaints(content, tmp_path_factory):
    """Whatever is in the file: a plan, or complaints that can be printed; never another exception."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)

    try:
        said = load(path, {"X": "y"}).environment
    except ConfigError as error:
        said = str(error)

    assert said.encode()
