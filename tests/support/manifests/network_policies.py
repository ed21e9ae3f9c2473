"""What NetworkPolicies let through: who may talk to whom in a build.

A pod that no policy selects for a direction is open in it; one that some select is closed but for what they
allow. An address outside the cluster is asked about by its IP.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Final

from deploy.checks.kustomize import Manifest
from deploy.checks.pods import pods

NAME: Final = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Peer:
    """One end of a connection: a pod by its labels and namespace, or an address outside."""

    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    address: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)


def peer_of(build: Sequence[Manifest], app: str, namespace: str = "v-factory") -> Peer:
    """The pods with the label `app`."""
    [template] = [
        template
        for workload, template in pods(build)
        if workload["metadata"]["namespace"] == namespace and template["metadata"]["labels"]["app"] == app
    ]
    ports = {
        port["name"]: port["containerPort"]
        for container in template["spec"]["containers"]
        for port in container.get("ports", [])
    }
    return Peer(labels=template["metadata"]["labels"], namespace=namespace, ports=ports)


def lets_through(build: Sequence[Manifest], source: Peer, target: Peer, port: int) -> bool:
    """Whether a TCP connection from `source` reaches `port` of `target`."""
    return _open(build, source, target, port, "Egress") and _open(build, target, source, port, "Ingress")


def _open(build: Sequence[Manifest], here: Peer, there: Peer, port: int, direction: str) -> bool:
    if here.address:
        return True
    policies = [
        one["spec"]
        for one in build
        if one["kind"] == "NetworkPolicy"
        and one["metadata"]["namespace"] == here.namespace
        and direction in one["spec"]["policyTypes"]
        and _selects(one["spec"]["podSelector"], here.labels)
    ]
    rules = [rule for policy in policies for rule in policy.get(direction.lower(), [])]
    named = (here if direction == "Ingress" else there).ports
    return not policies or any(
        _has_port(rule, port, named) and _has_peer(rule, here.namespace, there) for rule in rules
    )


def _has_port(rule: Mapping[str, Any], port: int, named: Mapping[str, int]) -> bool:
    tcp = [one["port"] for one in rule.get("ports", []) if one["protocol"] == "TCP"]
    return "ports" not in rule or port in [named.get(one, one) for one in tcp]


def _has_peer(rule: Mapping[str, Any], own: str, there: Peer) -> bool:
    peers = rule.get("to", rule.get("from"))
    return peers is None or any(_is_meant(peer, own, there) for peer in peers)


def _is_meant(peer: Mapping[str, Any], own: str, there: Peer) -> bool:
    if "ipBlock" in peer:
        return bool(there.address) and ip_address(there.address) in ip_network(peer["ipBlock"]["cidr"])
    if there.address:
        return False
    space = peer.get("namespaceSelector")
    same = there.namespace == own if space is None else _selects(space, {NAME: there.namespace})
    return same and _selects(peer.get("podSelector", {}), there.labels)


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    exact = selector.get("matchLabels", {})
    return exact.items() <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", [])
    )
