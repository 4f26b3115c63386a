"""Our own reading of «restricted»: each rule is broken once and says so."""

import copy

import pytest

from tests.kubernetes.pod_security import OF_CONTAINERS, OF_PODS, complaints

GOOD = {
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "containers": [
        {
            "name": "one",
            "env": [{"name": "AUTH_URL", "value": "https://auth.example"}],
            "ports": [{"containerPort": 9464}],
            "resources": {"limits": {"memory": "1Gi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
        }
    ],
}

POD, CONTAINER = ("securityContext",), ("containers", 0, "securityContext")
BAD = {
    "host namespaces": ((), {"hostPID": True}),
    "volume types": ((), {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}),
    "sysctls": (POD, {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
    "ours: the account's token is asked for or not, never by default": ((), {"automountServiceAccountToken": None}),
    "ours: no addresses of other services in the environment": ((), {"enableServiceLinks": True}),
    "one: privileged": (CONTAINER, {"privileged": True}),
    "one: host process": (POD, {"windowsOptions": {"hostProcess": True}}),
    "one: capabilities are dropped": (CONTAINER, {"capabilities": {"drop": ["NET_RAW"]}}),
    "one: capabilities are added": (CONTAINER, {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}),
    "one: host ports": (("containers", 0), {"ports": [{"containerPort": 80, "hostPort": 80}]}),
    "one: AppArmor": (CONTAINER, {"appArmorProfile": {"type": "Unconfined"}}),
    "one: SELinux": (POD, {"seLinuxOptions": {"user": "system_u"}}),
    "one: proc mount": (CONTAINER, {"procMount": "Unmasked"}),
    "one: seccomp": (CONTAINER, {"seccompProfile": {"type": "Unconfined"}}),
    "one: privilege escalation": (CONTAINER, {"allowPrivilegeEscalation": None}),
    "one: not root": (POD, {"runAsNonRoot": None}),
    "one: user": (CONTAINER, {"runAsUser": 0}),
    "one: ours: the image is read only": (CONTAINER, {"readOnlyRootFilesystem": False}),
    "one: ours: memory is bounded": (("containers", 0), {"resources": {}}),
    "one: ours: no secret in the environment": (
        ("containers", 0),
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]},
    ),
}


def test_a_pod_that_may_run_is_not_complained_of():
    """No rule is broken by what breaks none."""
    assert [] == complaints(GOOD)


@pytest.mark.parametrize("rule", BAD)
def test_whatever_breaks_a_rule_is_found(rule):
    """By that rule, and by no other."""
    pod = copy.deepcopy(GOOD)
    place, wrong = BAD[rule]
    there = pod
    for key in place:
        there = there[key]
    there.update(wrong)

    assert [rule] == complaints(pod)


def test_each_rule_is_broken_once():
    """A rule that nothing breaks may be none."""
    assert set(BAD) == set(OF_PODS) | {f"one: {name}" for name in OF_CONTAINERS}


def test_the_containers_that_begin_count_too():
    """A pod may be taken by its first container."""
    pod = copy.deepcopy(GOOD)
    pod["initContainers"] = [{**pod["containers"][0], "name": "first", "securityContext": {}}]

    assert "first: privilege escalation" in complaints(pod)
