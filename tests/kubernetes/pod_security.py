"""The Pod Security Standard «restricted», read rule by rule of a pod's spec; and what we want of every pod beside it.

The rules are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/, «baseline» among them.
"""

#: What a pod may mount.
_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip

_SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
}  # fmt: skip

_SECCOMP = {"RuntimeDefault", "Localhost"}


def complaints(pod):
    """Which rules the spec of a pod breaks; none, if it may run."""
    whole = [name for name, holds in OF_PODS.items() if not holds(pod)]
    return whole + [
        f"{each['name']}: {name}"
        for each in containers(pod)
        for name, holds in OF_CONTAINERS.items()
        if not holds(each, pod.get("securityContext", {}))
    ]


def containers(pod):
    """All of them."""
    return [each for kind in ("containers", "initContainers", "ephemeralContainers") for each in pod.get(kind, [])]


def _own(container):
    return container.get("securityContext", {})


def _effective(name, container, pod):
    return _own(container).get(name, pod.get(name))


OF_PODS = {
    "host namespaces": lambda pod: not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")),
    "volume types": lambda pod: all((each.keys() - {"name"}) <= _VOLUMES for each in pod.get("volumes", [])),
    "sysctls": lambda pod: all(each["name"] in _SYSCTLS for each in pod.get("securityContext", {}).get("sysctls", [])),
    "ours: the account's token is asked for or not, never by default": lambda pod: isinstance(
        pod.get("automountServiceAccountToken"), bool
    ),
    "ours: no addresses of other services in the environment": lambda pod: pod.get("enableServiceLinks") is False,
}

OF_CONTAINERS = {
    "privileged": lambda each, _pod: not _own(each).get("privileged"),
    "host process": lambda each, pod: not _effective("windowsOptions", each, pod),
    "capabilities are dropped": lambda each, _pod: "ALL" in _own(each).get("capabilities", {}).get("drop", []),
    "capabilities are added": lambda each, _pod: (
        set(_own(each).get("capabilities", {}).get("add", [])) <= {"NET_BIND_SERVICE"}
    ),
    "host ports": lambda each, _pod: not any(port.get("hostPort") for port in each.get("ports", [])),
    "AppArmor": lambda each, pod: (
        (_effective("appArmorProfile", each, pod) or {"type": "RuntimeDefault"})["type"] != "Unconfined"
    ),
    "SELinux": lambda each, pod: not (_effective("seLinuxOptions", each, pod) or {}).keys() & {"user", "role"},
    "proc mount": lambda each, _pod: _own(each).get("procMount", "Default") == "Default",
    "seccomp": lambda each, pod: (_effective("seccompProfile", each, pod) or {}).get("type") in _SECCOMP,
    "privilege escalation": lambda each, _pod: _own(each).get("allowPrivilegeEscalation") is False,
    "not root": lambda each, pod: _effective("runAsNonRoot", each, pod) is True,
    "user": lambda each, pod: _effective("runAsUser", each, pod) != 0,
    "ours: the image is read only": lambda each, _pod: _own(each).get("readOnlyRootFilesystem") is True,
    "ours: memory is bounded": lambda each, _pod: "memory" in each.get("resources", {}).get("limits", {}),
    "ours: no secret in the environment": lambda each, _pod: not any("valueFrom" in it for it in each.get("env", [])),
}
