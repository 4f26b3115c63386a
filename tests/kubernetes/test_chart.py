"""The chart as Helm renders it, hooks and tests too. It needs the extra `chart`; scripts/check runs it."""

import json
import os
import re
import subprocess
import sys

import pytest

from deploy.kubernetes.manifests import CHART, EXAMPLES, ROOT, documents, objects, values
from tests.kubernetes.objects import misshapen, of_kind, pods, the
from tests.kubernetes.pod_security import complaints
from tests.kubernetes.test_docs import after, lines
from tests.kubernetes.test_manifests import parsed

if os.environ.get("PROBER_REQUIRE_HELM") == "1":
    import helm_python
    import kubernetes_validate
else:
    helm_python = pytest.importorskip("helm_python", reason="needs the extra `chart`; scripts/check runs it")
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="needs the extra `chart`")

OLDEST, NEWEST = "1.27", "1.37"


def made(given):
    """The objects that the chart makes of these values."""
    return [each for text in documents(given) for each in objects(text)]


@pytest.fixture(scope="module", params=EXAMPLES)
def whole(request):
    """Each example, with hooks and tests."""
    return made(values(request.param))


def merged(example, **more):
    """The values of an example, and others."""
    return {**values(example), **more}


# ── form ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("example", EXAMPLES)
def test_lint_has_nothing_against_it(example):
    """Neither warning nor error; that there is no icon is no fault."""
    report = helm_python.lint(CHART, values(example), strict=True)

    assert [] == [each["error"] for each in report["messages"] if "icon" not in each["error"]]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_knows_every_field(whole, version):
    """Of its own kinds; those of others have schemas of ours."""
    foreign = [each for each in whole if "monitoring.coreos.com" in each["apiVersion"]]
    for each in whole:
        if each not in foreign:
            kubernetes_validate.validate(each, version, strict=True)

    assert [] == [wrong for each in foreign for wrong in misshapen(each)]


def test_a_field_that_kubernetes_does_not_know_is_found(whole):
    """So the test above can fail."""
    wrong = the("Deployment", whole)
    wrong = {**wrong, "spec": {**wrong["spec"], "replica": 1}}

    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


def test_all_pods_are_restricted(whole):
    """Those of hooks and tests too."""
    found = dict(pods(whole))

    assert {"Deployment prober", "Job prober-check", "Pod prober-test"} <= set(found)
    assert {} == {name: wrong for name, spec in found.items() if (wrong := complaints(spec))}


def test_all_pods_say_our_words(whole, tmp_path):
    """Each container's arguments are parsed by the real command line."""
    token = tmp_path / "token"
    token.write_text("t")
    words = [each["args"] for _, spec in pods(whole) for each in spec["containers"]]

    assert {"serve", "check", "run"} <= {each[0] for each in words}
    for each in words:
        parsed([str(token) if word == "/run/secrets/prober/token" else word for word in each])


def test_all_pods_mount_what_there_is(whole):
    """A volume that is missing keeps a pod from starting, one that nobody mounts is a mistake."""
    for name, spec in pods(whole):
        there = {each["name"] for each in spec["volumes"]}
        used = {mount["name"] for each in spec["containers"] for mount in each["volumeMounts"]}

        assert there == used, name


def test_what_is_committed_is_what_is_rendered():
    """`scripts/manifests` writes deploy/kubernetes and the chart's files."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.kubernetes.manifests", "--check"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (0, "") == (done.returncode, done.stderr), done.stdout[:2000]


# ── what may not be ──────────────────────────────────────────────────────────────────────────────────────────────────

TOKEN = {"name": "jwt", "existingSecret": "keys", "key": "jwt"}
ATTESTED = {"enabled": True, "workloads": [{"namespace": "staging", "deployments": ["auth"]}]}
TARGET = {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [443]}

#: By the schema: each says where and what.
MISTYPED = [
    ({"replica": 2}, "at '': additional properties 'replica' not allowed"),
    ({"replicas": "two"}, "at '/replicas': got string, want integer"),
    ({"replicas": 0}, "at '/replicas': minimum: got 0, want 1"),
    ({"shards": 0}, "at '/shards': minimum: got 0, want 1"),
    ({"shards": "1/3"}, "at '/shards': got string, want integer"),
    ({"config": {"version": 1}}, "at '/config': got object, want string"),
    ({"secrets": [{**TOKEN, "value": "hunter2"}]}, "at '/secrets/0': additional properties 'value' not allowed"),
    ({"secrets": [{"name": "jwt"}]}, "at '/secrets/0': missing properties 'existingSecret', 'key'"),
    ({"secrets": [{**TOKEN, "name": "../etc"}]}, "at '/secrets/0/name': '../etc' does not match pattern"),
    ({"env": {"AUTH_URL": 1}}, "at '/env/AUTH_URL': got number, want string"),
    ({"image": {"repository": "prober:latest"}}, "at '/image/repository': 'prober:latest' does not match pattern"),
    ({"image": {"repository": "prober", "digest": "latest"}}, "at '/image/digest': 'latest' does not match pattern"),
    ({"persistence": {"size": "2"}}, "at '/persistence/size': '2' does not match pattern"),
    (
        {"service": {"type": "External"}},
        "at '/service/type': value must be one of 'ClusterIP', 'NodePort', 'LoadBalancer'",
    ),
    ({"metrics": {"port": 9464}}, "at '/metrics/port': 'not' failed"),
    (
        {"networkPolicy": {"targets": [{**TARGET, "ports": ["https"]}]}},
        "at '/networkPolicy/targets/0/ports/0': got string",
    ),
    ({"networkPolicy": {"targets": [{**TARGET, "to": [{"host": "api"}]}]}}, "additional properties 'host' not allowed"),
    ({"networkPolicy": {"targets": [{**TARGET, "to": [{}]}]}}, "minProperties: got 0, want 1"),
    ({"prometheusRule": {"rules": "- alert: A"}}, "at '/prometheusRule/rules'"),
    (
        {"attestation": {"enabled": True, "workloads": [{"namespace": "staging", "deployments": []}]}},
        "at '/attestation/workloads/0/deployments': minItems: got 0, want 1",
    ),
    ({"terminationGracePeriodSeconds": 5}, "at '/terminationGracePeriodSeconds': minimum: got 5, want 30"),
]

#: By the templates: what no schema can say.
CONTRADICTIONS = [
    ({"replicas": 2}, "replicas: 2 share no SQLite file: set postgresql.existingSecret"),
    ({"shards": 2, "env": {"PROBER_SHARD": "1/2"}}, "shards: 2 and env.PROBER_SHARD are both set"),
    ({"shards": 2, "persistence": {"existingClaim": "mine"}}, "shards: 2 share no volume"),
    ({"shards": 2, "ingress": {"enabled": True, "host": "prober.example"}}, "ingress.enabled is for one shard"),
    ({"shards": 2, "gate": {"enabled": True, "token": {"existingSecret": "t"}}}, "gate.enabled is for one shard"),
    ({"config": "version: 1", "existingConfigMap": "mine"}, "config and existingConfigMap are both set"),
    ({"config": "version: 1", "postgresql": {"existingSecret": "db"}}, "write `history: {database: store}`"),
    ({"config": "version: 1", "prometheusRule": {"enabled": True}}, "prober rules --config probes.yaml > rules.yml"),
    ({"env": {"JWT_SECRET": "hunter2"}}, "env.JWT_SECRET looks like a secret: put it into a Secret"),
    ({"gate": {"enabled": True}}, "gate.enabled wants gate.token.existingSecret"),
    ({"ingress": {"enabled": True}}, "ingress.enabled wants ingress.host"),
    ({"attestation": {"enabled": True}}, "attestation.enabled wants attestation.workloads"),
    ({"networkPolicy": {"enabled": True}}, "networkPolicy.enabled wants networkPolicy.targets"),
    (
        {"networkPolicy": {"enabled": True, "targets": [TARGET]}, "postgresql": {"existingSecret": "db"}},
        "wants networkPolicy.postgresql",
    ),
    (
        {"networkPolicy": {"enabled": True, "targets": [TARGET]}, "attestation": ATTESTED},
        "wants networkPolicy.apiServer",
    ),
    ({"secrets": [TOKEN, TOKEN]}, 'secrets: "jwt" is there twice'),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "told"), MISTYPED + CONTRADICTIONS, ids=lambda it: it if isinstance(it, str) else "")
def test_what_may_not_be_is_refused_with_a_sentence(wrong, told):
    """That names the place; and no value that might be a secret."""
    with pytest.raises(helm_python.HelmError) as caught:
        made({**values("minimal"), **wrong})

    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_each_sentence_of_the_templates_is_said_once():
    """A refusal that no test asks for may never come."""
    said = (CHART / "templates" / "_helpers.tpl").read_text().count("{{- fail ")

    assert said == len(CONTRADICTIONS)


# ── what is given is taken ───────────────────────────────────────────────────────────────────────────────────────────


def checksum(given):
    """That of the config, as the pod carries it."""
    return the("Deployment", made(given))["spec"]["template"]["metadata"]["annotations"].get("checksum/config")


def test_another_config_is_another_pod():
    """And the same is the same."""
    config = (ROOT / "prober/lab/probes.yaml").read_text()

    assert checksum(merged("minimal", config=config)) == checksum(merged("minimal", config=config))
    assert 2 == len({checksum(values("minimal")), checksum(merged("minimal", config=config))})
    assert checksum(merged("minimal", existingConfigMap="mine")) is None


def test_a_config_of_yours_is_taken_word_for_word(tmp_path):
    """For the pod and for the check before it; nothing in it is filled in by Helm."""
    config = (ROOT / "prober/lab/probes.yaml").read_text()
    found = made(merged("minimal", config=config))
    texts = {each["metadata"]["name"]: each["data"]["probes.yaml"] for each in of_kind("ConfigMap", found)}

    assert {"prober": config.strip(), "prober-check": config.strip()} == {
        name: it.strip() for name, it in texts.items()
    }


def test_rules_of_yours_are_taken(tmp_path):
    """As `prober rules` printed them."""
    config = ROOT / "prober/lab/probes.yaml"
    rules = "groups:\n  - name: prober\n    rules:\n      - {alert: A, expr: up == 0}\n"
    found = made(merged("minimal", config=config.read_text(), prometheusRule={"enabled": True, "rules": rules}))

    assert objects(rules)[0] == the("PrometheusRule", found)["spec"]


def test_the_check_before_an_upgrade_sees_the_new_config():
    """It is there before the release is touched, and needs nothing of it."""
    found = made(values("minimal"))
    job, config = the("Job", found, "prober-check"), the("ConfigMap", found, "prober-check")
    pod = job["spec"]["template"]["spec"]

    assert ["pre-install,pre-upgrade"] * 2 == [
        each["metadata"]["annotations"]["helm.sh/hook"] for each in (job, config)
    ]
    assert "serviceAccountName" not in pod
    assert [{"configMap": {"name": "prober-check"}, "name": "config"}] == pod["volumes"]


def test_a_database_comes_before_a_volume():
    """Where there is one, no claim is made."""
    found = made(merged("minimal", postgresql={"existingSecret": "db"}))

    assert [] == of_kind("PersistentVolumeClaim", found)
    assert "RollingUpdate" == the("Deployment", found)["spec"]["strategy"]["type"]


# ── shards ───────────────────────────────────────────────────────────────────────────────────────────────────────────

STORED = {"postgresql": {"existingSecret": "db"}}


def named(kind, found):
    """Of each object of a kind its spec, by its name."""
    return {each["metadata"]["name"]: each["spec"] for each in of_kind(kind, found)}


def chosen(spec, labels):
    """Whether a selector takes a pod with these labels."""
    return spec.items() <= labels.items()


@pytest.mark.parametrize(("more", "replicas"), [({}, 1), ({**STORED, "replicas": 2}, 2)], ids=["files", "one store"])
def test_each_shard_is_a_process_of_its_own(more, replicas):
    """Told which it is, with a page and a history of its own; all are scraped as one job."""
    found = made(merged("minimal", shards=3, **more))
    shards, services = named("Deployment", found), named("Service", found)
    labels = {name: spec["template"]["metadata"]["labels"] for name, spec in shards.items()}
    args = {name: spec["template"]["spec"]["containers"][0]["args"] for name, spec in shards.items()}

    assert ["prober-1", "prober-2", "prober-3"] == sorted(shards)
    assert {f"prober-{each}": f"{each}/3" for each in (1, 2, 3)} == {
        name: words[words.index("--shard") + 1] for name, words in args.items()
    }
    assert {replicas} == {spec["replicas"] for spec in shards.values()}
    for name, spec in shards.items():
        assert [name] == [each for each, of in labels.items() if chosen(spec["selector"]["matchLabels"], of)]
        assert [name] == [each for each, of in labels.items() if chosen(services[name]["selector"], of)]
    assert all(chosen(services["prober-metrics"]["selector"], of) for of in labels.values())
    assert {*shards, "prober-metrics"} == set(services)


def test_each_shard_has_a_volume_of_its_own():
    """SQLite knows one process."""
    found = made(merged("minimal", shards=2))
    data = [
        volume["persistentVolumeClaim"]["claimName"]
        for spec in named("Deployment", found).values()
        for volume in spec["template"]["spec"]["volumes"]
        if volume["name"] == "data"
    ]

    assert ["prober-1", "prober-2"] == sorted(data) == sorted(named("PersistentVolumeClaim", found))


def test_shards_are_as_safe_as_one():
    """In form, in what they may, and in the words they are given."""
    found = made(merged("full", shards=2, ingress={"enabled": False}, gate={"enabled": False}))
    for each in found:
        if "monitoring.coreos.com" not in each["apiVersion"]:
            kubernetes_validate.validate(each, NEWEST, strict=True)
    for name, spec in pods(found):
        assert [] == list(complaints(spec)), name
        for each in spec["containers"]:
            parsed(each["args"])

    assert 2 == len(named("Deployment", found))


def test_one_shard_is_as_if_there_were_none():
    """Also where values of an older chart are used again, which know of no shards."""
    assert made(values("minimal")) == made(merged("minimal", shards=1)) == made(merged("minimal", shards=None))


def test_each_value_is_told_of_and_checked():
    """values.yaml and its schema have the same names, and the schema lets in no others."""
    schema, known = (
        json.loads((CHART / "values.schema.json").read_text()),
        objects((CHART / "values.yaml").read_text())[0],
    )

    assert set(schema["properties"]) - {"global"} == set(known)
    for name, form in schema["properties"].items():
        if "properties" in form:
            assert form["additionalProperties"] is False, name
            assert set(known.get(name) or {}) - set(form["properties"]) == set(), name


def test_the_notes_say_words_that_are_ours():
    """Each line of `prober` in them is parsed by the real command line."""
    notes = (CHART / "templates" / "NOTES.txt").read_text()
    lines = re.findall(r"^ .*?\b(prober (?:gate|run|check).*)$", notes, re.MULTILINE)

    assert lines
    for line in lines:
        parsed(line.split()[1:])


# ── what the documents say ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("line", [it for it in lines("helm") if it[1] != "test"], ids=lambda it: " ".join(it[5:]))
def test_each_install_that_is_told_of_renders(line):
    """With the values of the first one, which the later ones keep."""
    given = values("minimal")
    for each in after("--set", line):
        given = {**given, **helm_python.parse_set_string(each)}
    for each in after("--set-file", line):
        rules = "groups: [{name: prober, rules: [{alert: A, expr: up == 0}]}]"
        given["prometheusRule" if "rules" in each else "config"] = {"rules": rules} if "rules" in each else "version: 1"

    assert of_kind("Deployment", made(given))
