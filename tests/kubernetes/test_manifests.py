"""The plain manifests as they are committed: what they say agrees with itself, and with the program."""

import copy
import json
import re
import shlex

import pytest
from typer.main import get_command

from deploy.kubernetes.manifests import CHART, EXAMPLES, ROOT, files, objects
from prober.app import _patience_seconds
from prober.cli import app
from prober.config import load as loader
from tests.ci.test_examples import read
from tests.kubernetes.objects import CI, PLAIN, SCHEMAS, misshapen, of_kind, pods, the
from tests.kubernetes.pod_security import complaints

every = pytest.mark.parametrize("found", PLAIN.values(), ids=PLAIN)
each_example = pytest.mark.parametrize("example", EXAMPLES)


def pod(found):
    """That of the Deployment."""
    return the("Deployment", found)["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """What the prober makes of each config, with the settings of its pod."""
    path = tmp_path_factory.mktemp("config") / "probes.yaml"
    return {example: loaded(found, path) for example, found in PLAIN.items()}


def loaded(found, path):
    """One of them."""
    path.write_text(the("ConfigMap", found)["data"]["probes.yaml"])
    (container,) = pod(found)["containers"]
    return loader.load(path, {each["name"]: each["value"] for each in container["env"]})


def parsed(args):
    """The words of a container, as the real command line takes them."""
    commands = get_command(app).commands
    return commands[args[0]].make_context(args[0], list(args[1:])).params


# ── the chart's own files ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("path", "text"), list(files()), ids=lambda it: it.name if hasattr(it, "name") else "")
def test_what_the_chart_brings_of_ours_is_ours(path, text):
    """Its config, rules and dashboard are those of the project: `scripts/manifests` copies them."""
    assert text == path.read_text()


def test_its_version_is_the_program_s():
    """A chart names the image that was released with it."""
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    (chart,) = objects((CHART / "Chart.yaml").read_text())

    assert (version, version) == (chart["version"], chart["appVersion"])


# ── config and secrets ───────────────────────────────────────────────────────────────────────────────────────────────


@each_example
def test_each_secret_of_the_config_is_a_file_that_is_mounted(example, plans):
    """Where the config looks; the token for calls may be left out."""
    found, references = PLAIN[example], plans[example].references
    (volume,) = [each["projected"] for each in pod(found)["volumes"] if each["name"] == "secrets"]
    (mount,) = [each for each in pod(found)["containers"][0]["volumeMounts"] if each["name"] == "secrets"]
    paths = {f"file:{mount['mountPath']}/{item['path']}" for it in volume["sources"] for item in it["secret"]["items"]}

    assert (0o400, True) == (volume["defaultMode"], mount["readOnly"])
    assert set() == paths - set(references.values())
    assert set(references.values()) - paths <= {"file:/run/secrets/prober/trigger"}


def test_several_share_a_database(plans):
    """One alone does not."""
    assert ["replicas"] == [example for example in EXAMPLES if plans[example].history.database_secret == "store"]
    assert ["minimal", "full"] == [example for example in EXAMPLES if not plans[example].history.database_secret]


@each_example
def test_it_looks_at_what_the_settings_say(example, plans):
    """The addresses come from the environment of the pod."""
    addresses = {each.url for each in plans[example].services.values()}

    assert {"https://auth.staging.example", "https://api.staging.example"} == addresses


# ── life and death ───────────────────────────────────────────────────────────────────────────────────────────────────


@every
def test_its_words_are_ours(found):
    """A pod that ends with 2 for a misspelt option is started again for ever."""
    (container,) = pod(found)["containers"]

    written = {"listen": "0.0.0.0:9464", "metrics_listen": "0.0.0.0:9465"}
    assert {**written, "config": None, "shard": None} == parsed(container["args"])


@each_example
def test_nobody_is_killed_in_the_middle_of_a_run(example, plans):
    """A stop has as long as the longest run may still take."""
    assert pod(PLAIN[example])["terminationGracePeriodSeconds"] > _patience_seconds(plans[example])


@every
def test_one_file_has_one_process(found):
    """With SQLite the old pod ends first; several have a database, and are replaced one by one."""
    spec = the("Deployment", found)["spec"]
    claims = [each for each in pod(found)["volumes"] if "persistentVolumeClaim" in each]

    assert ("Recreate" if claims else "RollingUpdate", bool(claims)) == (
        spec["strategy"]["type"],
        spec["replicas"] == 1,
    )
    assert bool(claims) is bool(of_kind("PersistentVolumeClaim", found))


@every
def test_only_its_own_health_restarts_it(found):
    """What tells of targets, store or self-test takes it out of a Service, and kills nobody."""
    (container,) = pod(found)["containers"]
    paths = {kind: container[kind]["httpGet"]["path"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}

    assert {"startupProbe": "/-/healthy", "livenessProbe": "/-/healthy", "readinessProbe": "/-/ready"} == paths


# ── what finds what ──────────────────────────────────────────────────────────────────────────────────────────────────


def selects(selector, labels):
    """Whether each label that is asked for is there."""
    return selector.items() <= labels.items()


def labels(found):
    """Those of the pods."""
    return the("Deployment", found)["spec"]["template"]["metadata"]["labels"]


@every
def test_what_selects_pods_finds_them(found):
    """Deployment, Services, budget and policy."""
    wanted = [each["spec"]["selector"] for each in of_kind("Service", found)]
    wanted += [the("Deployment", found)["spec"]["selector"]["matchLabels"]]
    wanted += [each["spec"]["selector"]["matchLabels"] for each in of_kind("PodDisruptionBudget", found)]
    wanted += [each["spec"]["podSelector"]["matchLabels"] for each in of_kind("NetworkPolicy", found)]

    assert [] == [each for each in wanted if not selects(each, labels(found))]


@every
def test_ports_are_those_of_the_pod(found):
    """Where Services lead to, and what the policy lets in."""
    ports = {each["name"]: each["containerPort"] for each in pod(found)["containers"][0]["ports"]}
    led_to = {port["targetPort"] for each in of_kind("Service", found) for port in each["spec"]["ports"]}
    rules = [rule for each in of_kind("NetworkPolicy", found) for rule in each["spec"]["ingress"]]

    assert set(ports) == led_to
    assert {port["port"] for rule in rules for port in rule["ports"]} in (set(), set(ports.values()))


@pytest.mark.parametrize("example", ["full", "replicas"])
def test_the_monitor_finds_the_metrics_and_nothing_else(example):
    """By the labels of their Service, at its port."""
    found = PLAIN[example]
    spec = the("ServiceMonitor", found)["spec"]
    wanted = spec["selector"]["matchLabels"]
    (seen,) = [each for each in of_kind("Service", found) if selects(wanted, each["metadata"]["labels"])]

    assert ("prober-metrics", True) == (seen["metadata"]["name"], seen["spec"]["publishNotReadyAddresses"])
    assert [each["port"] for each in spec["endpoints"]] == [each["name"] for each in seen["spec"]["ports"]]


def test_several_are_spread_and_not_all_taken_at_once():
    """Over nodes and zones; whoever drains a node takes one."""
    found = PLAIN["replicas"]
    spread = [each["topologyKey"] for each in pod(found)["topologySpreadConstraints"]]

    assert ["kubernetes.io/hostname", "topology.kubernetes.io/zone"] == spread
    assert 1 == the("PodDisruptionBudget", found)["spec"]["maxUnavailable"]


def test_it_reaches_what_is_listed_and_nothing_else():
    """Names, itself, targets, whom it tells, and the API server where it may ask that."""
    out = the("NetworkPolicy", PLAIN["full"])["spec"]["egress"]
    ports = [sorted({each["port"] for each in rule["ports"]}) for rule in out]

    assert [[53], [9464], [443], [8080], [443], [6443]] == ports
    assert all(rule["to"] for rule in out)


@every
def test_the_api_server_knows_it_only_where_it_attests(found):
    """Then it may get two Deployments by name."""
    roles = [(each["metadata"]["namespace"], each["rules"]) for each in of_kind("Role", found)]
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["auth", "backend"], "verbs": ["get"]}
    may = [("staging", [rule])]

    assert (may if found is PLAIN["full"] else []) == roles
    assert (found is PLAIN["full"]) is pod(found)["automountServiceAccountToken"]
    assert False is the("ServiceAccount", found)["automountServiceAccountToken"]


# ── form ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@every
def test_its_pods_are_restricted(found):
    """By each rule of that standard."""
    assert {} == {name: wrong for name, spec in pods(found) if (wrong := complaints(spec))}


@pytest.mark.parametrize("name", ["argo-rollouts.yaml", "flagger.yaml"])
def test_the_examples_have_the_form_that_their_readers_want(name):
    """And their pods may run where others may not."""
    found = read(name)

    assert {} == {each["metadata"]["name"]: wrong for each in found if (wrong := misshapen(each))}
    assert {} == {name: wrong for name, spec in pods(found) if (wrong := complaints(spec))}


def test_the_job_of_the_example_says_our_words():
    """With its arguments filled in."""
    (_, spec), *more = pods(read("argo-rollouts.yaml"))
    words = re.sub(r"\{\{args\.\w+\}\}", "x", shlex.join(spec["containers"][0]["args"]))
    token = spec["containers"][0]["volumeMounts"][0]["mountPath"] + "/token"

    assert [] == more
    assert f"--token-file {token}" in words
    assert ["x"] == parsed([word.replace(token, str(CI / "flagger.yaml")) for word in shlex.split(words)])["chains"]


@every
def test_what_operators_read_has_their_form(found):
    """Of ServiceMonitors and PrometheusRules."""
    assert {} == {each["kind"]: wrong for each in found if each["kind"] in SCHEMAS and (wrong := misshapen(each))}


BAD = {
    "ServiceMonitor": lambda it: it["spec"]["endpoints"][0].update(every="15s"),
    "PrometheusRule": lambda it: it["spec"]["groups"][0]["rules"][0].update(alert="Both"),
    "AnalysisTemplate": lambda it: it["spec"]["metrics"][0]["provider"]["web"].update(jsonPath="$.ok"),
    "Canary": lambda it: it["spec"]["analysis"]["webhooks"][0].update(type="gate"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_schema_of_ours_finds_a_mistake(kind):
    """One that accepts everything would check nothing."""
    whole = [*PLAIN["full"], *read("argo-rollouts.yaml"), *read("flagger.yaml")]
    wrong = copy.deepcopy(of_kind(kind, whole)[0])
    BAD[kind](wrong)

    assert set(SCHEMAS) == set(BAD)
    assert 1 == len(misshapen(wrong))


def test_the_alerts_are_those_of_the_rules():
    """What Prometheus reads beside its operator, word for word; promtool has judged that."""
    rules = read(ROOT / "deploy/prometheus/rules.yml")[0]

    assert rules == the("PrometheusRule", PLAIN["full"])["spec"]


def test_the_dashboard_is_ours():
    """Packed, but the same."""
    packed = the("ConfigMap", PLAIN["full"], "prober-dashboard")["data"]["prober.json"]

    assert json.loads((ROOT / "deploy/grafana/dashboard.json").read_text()) == json.loads(packed)
