"""What Kubernetes' schemas cannot check in the overlays: that references between parts match."""

import re
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from tests.containers.test_infra import OVERLAYS, ROOT, pods, resources

README = ROOT / "infra/README.md"
DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
UNITS = {"m": Decimal("0.001"), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "": Decimal(1)}


def names(overlay: str, kind: str) -> set[str]:
    return {found["metadata"]["name"] for found in resources(overlay) if found["kind"] == kind}


def deployments(overlay: str) -> list[dict[str, Any]]:
    return [found for found in resources(overlay) if found["kind"] == "Deployment"]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def matched(overlay: str, selector: dict[str, str]) -> list[dict[str, Any]]:
    """Return the pod templates of the deployments that a selector matches."""
    templates = [found["spec"]["template"] for found in deployments(overlay)]
    return [found for found in templates if selector.items() <= found["metadata"]["labels"].items()]


def port_names(pod: dict[str, Any]) -> set[str]:
    return {port["name"] for found in pod["containers"] for port in found.get("ports", [])}


def amount(written: str) -> Decimal:
    number, unit = re.fullmatch(r"(\d+)(\D*)", str(written)).groups()  # type: ignore[union-attr]
    return Decimal(number) * UNITS[unit]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_names_are_valid_and_each_is_given_once(overlay: str) -> None:
    found = resources(overlay)
    counted = Counter((item["kind"], item["metadata"]["name"]) for item in found)
    assert [name for name, count in counted.items() if count > 1] == []
    assert [name for _, name in counted if not DNS_LABEL.fullmatch(name)] == []
    assert len({item["metadata"]["namespace"] for item in found}) == 1


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_deployments_select_their_own_pods(overlay: str) -> None:
    for found in deployments(overlay):
        selector = found["spec"]["selector"]["matchLabels"]
        assert matched(overlay, selector) == [found["spec"]["template"]]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_mounts_and_volumes_go_together(overlay: str) -> None:
    claims = names(overlay, "PersistentVolumeClaim")
    for _, pod in pods(overlay):
        volumes = {volume["name"] for volume in pod["volumes"]}
        mounted = {
            mount["name"] for found in containers(pod) for mount in found.get("volumeMounts", [])
        }
        assert mounted == volumes
        wanted = [
            v["persistentVolumeClaim"] for v in pod["volumes"] if "persistentVolumeClaim" in v
        ]
        assert {claim["claimName"] for claim in wanted} <= claims


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_refer_to_what_is_applied_with_them(overlay: str) -> None:
    maps, accounts = names(overlay, "ConfigMap"), names(overlay, "ServiceAccount")
    for _, pod in pods(overlay):
        assert pod.get("serviceAccountName") in accounts | {None}
        sources = [source for found in containers(pod) for source in found.get("envFrom", [])]
        named = {source["configMapRef"]["name"] for source in sources if "configMapRef" in source}
        assert named <= maps


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_that_pods_need_are_those_that_the_guide_has_made(overlay: str) -> None:
    text = README.read_text(encoding="utf-8")
    variables = [variable for _, pod in pods(overlay) for found in containers(pod)
                 for variable in found.get("env", [])]  # fmt: skip
    given = [found["valueFrom"]["secretKeyRef"] for found in variables if "valueFrom" in found]
    assert {secret["name"] for secret in given} == {"rhapsode-secrets"}
    assert [secret["key"] for secret in given if secret["key"] not in text] == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_and_services_name_ports_that_are_there(overlay: str) -> None:
    for _, pod in pods(overlay):
        assert all(len(name) <= 15 for name in port_names(pod))
        probes = [probe for found in pod["containers"] for name, probe in found.items()
                  if name.endswith("Probe") and "httpGet" in probe]  # fmt: skip
        assert {probe["httpGet"]["port"] for probe in probes} <= port_names(pod)
    for service in (found for found in resources(overlay) if found["kind"] == "Service"):
        (template,) = matched(overlay, service["spec"]["selector"])
        targets = {port["targetPort"] for port in service["spec"]["ports"]}
        assert targets <= port_names(template["spec"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nobody_asks_for_more_than_its_limit(overlay: str) -> None:
    for _, pod in pods(overlay):
        for found in containers(pod):
            limits = found["resources"]["limits"]
            for name, asked in found["resources"]["requests"].items():
                assert name not in limits or amount(asked) <= amount(limits[name])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_scalers_and_budgets_are_for_deployments_that_exist(overlay: str) -> None:
    existing = names(overlay, "Deployment")
    for found in resources(overlay):
        if found["kind"] == "HorizontalPodAutoscaler":
            assert found["spec"]["scaleTargetRef"]["name"] in existing
            assert found["spec"]["minReplicas"] <= found["spec"]["maxReplicas"]
        if found["kind"] == "PodDisruptionBudget":
            assert len(matched(overlay, found["spec"]["selector"]["matchLabels"])) == 1
