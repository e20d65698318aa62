"""What operators apply is valid and in step with the code; needs no container engine.

Each check runs the real tool: kustomize and the Kubernetes schemas, Compose, hadolint, promtool.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import narration.telemetry  # noqa: F401 - declares the metrics
from narration.settings import load_settings

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ALERTS = ROOT / "infra/prometheus/alerts.yml"
DASHBOARD = ROOT / "infra/grafana/dashboards/narration.json"
GUIDE = ROOT / "docs/deploy.md"
PROFILE = "RHAPSODE_STORAGE__PROFILES__DEFAULT__"
OVERLAYS = ["dev", "prod"]


def run(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rendered(overlay: str) -> str:
    return run(BIN / "kubectl", "kustomize", f"infra/k8s/overlays/{overlay}")


def resources(overlay: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(rendered(overlay)))


def pods(overlay: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (found["metadata"]["name"], found["spec"]["template"]["spec"])
        for found in resources(overlay)
        if found["kind"] in {"Deployment", "Job"}
    ]


def secrets_of(container: dict[str, Any]) -> set[str]:
    """The keys that a container is given, and the Secrets that it is given whole."""
    whole = {
        source["secretRef"]["name"]
        for source in container.get("envFrom", [])
        if "secretRef" in source
    }
    sources = (variable.get("valueFrom", {}) for variable in container.get("env", []))
    return whole | {found["secretKeyRef"]["key"] for found in sources if "secretKeyRef" in found}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_manifests_match_the_schemas_of_kubernetes(overlay: str, tmp_path: Path) -> None:
    path = tmp_path / f"{overlay}.yaml"
    path.write_text(rendered(overlay))
    run(BIN / "kubernetes-validate", "--strict", path)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_our_pods_run_without_privileges(overlay: str) -> None:
    ours = [pod for _, pod in pods(overlay) if pod.get("serviceAccountName") == "rhapsode"]
    assert len(ours) == 5
    for pod in ours:
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"] + pod.get("initContainers", []):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_get_the_secrets_they_need_and_no_others(overlay: str) -> None:
    store = {f"{PROFILE}ACCESS_KEY_ID", f"{PROFILE}SECRET_ACCESS_KEY", "rhapsode-storage-keys"}
    services = store | {"RHAPSODE_DATABASE__URL", "RHAPSODE_BROKER__URL"}
    given = {name: secrets_of(pod["containers"][0]) for name, pod in pods(overlay)}
    assert given["migrate"] == {"RHAPSODE_DATABASE__URL"}
    assert given["api"] == services | {"rhapsode-api-keys"}
    for name in ("cpu-worker", "gpu-worker", "sweeper"):
        assert given[name] == services
    weights = dict(pods(overlay))["gpu-worker"]["initContainers"][0]
    assert secrets_of(weights) == {"HF_TOKEN"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_given_by_reference(overlay: str) -> None:
    assert "Secret" not in {found["kind"] for found in resources(overlay)}
    config = next(found for found in resources(overlay) if found["kind"] == "ConfigMap")
    assert not [name for name in config["data"] if re.search("SECRET|PASSWORD|KEY|URL$", name)
                and "ENDPOINT" not in name]  # fmt: skip


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_manifests_set_nothing_the_code_does_not_know(
    overlay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = next(found for found in resources(overlay) if found["kind"] == "ConfigMap")
    for name, value in config["data"].items():
        monkeypatch.setenv(name, value)
    assert load_settings().storage.profiles["default"].kind == "s3"


def test_only_production_asks_for_gpus() -> None:
    asks = {
        overlay: [name for name, pod in pods(overlay) if "nvidia.com/gpu" in json.dumps(pod)]
        for overlay in OVERLAYS
    }
    assert asks == {"dev": [], "prod": ["gpu-worker"]}


def test_gpu_workers_speak_as_chatterbox_and_a_small_cluster_as_the_demonstration() -> None:
    models = {}
    for overlay in OVERLAYS:
        config = next(found for found in resources(overlay) if found["kind"] == "ConfigMap")
        models[overlay] = config["data"]["RHAPSODE_MODEL__CHECKPOINT"]
        weights = dict(pods(overlay))["gpu-worker"]["initContainers"][0]
        assert weights["args"][:2] == ["models", "pull"]
    assert models == {"dev": "demo", "prod": "english"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_registry_is_set_in_one_place(overlay: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "infra/k8s", tmp_path / "k8s")
    cluster = tmp_path / "k8s/overlays" / overlay / "cluster.yaml"
    text = re.sub(r"registry: \S+", "registry: registry.example:5000/team", cluster.read_text())
    cluster.write_text(text)
    manifests = run(BIN / "kubectl", "kustomize", tmp_path / "k8s/overlays" / overlay)
    ours = re.findall(r"image: (\S*rhapsode/\S+)", manifests)
    assert len(ours) == 6
    assert all(image.startswith("registry.example:5000/team/rhapsode/") for image in ours)


def test_weights_volume_takes_a_storage_class() -> None:
    cluster = yaml.safe_load((ROOT / "infra/k8s/overlays/prod/cluster.yaml").read_text())
    claim = next(found for found in resources("prod") if found["kind"] == "PersistentVolumeClaim")
    assert claim["spec"]["storageClassName"] == cluster["data"]["storage-class"]


def test_what_is_scaled_has_no_number_of_its_own() -> None:
    found = resources("prod")
    scaled = {
        scaler["spec"]["scaleTargetRef"]["name"]
        for scaler in found
        if scaler["kind"] == "HorizontalPodAutoscaler"
    }
    assert scaled == {"gpu-worker", "cpu-worker"}
    for deployment in (d for d in found if d["kind"] == "Deployment"):
        is_scaled = deployment["metadata"]["name"] in scaled
        assert ("replicas" in deployment["spec"]) is not is_scaled


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_tell_started_ready_and_alive_apart(overlay: str) -> None:
    asked = {
        name: tuple(
            pod["containers"][0][f"{probe}Probe"]["httpGet"]["path"]
            for probe in ("startup", "readiness", "liveness")
        )
        for name, pod in pods(overlay)
        if pod.get("serviceAccountName") == "rhapsode" and name != "migrate"
    }
    process = ("/metrics", "/readyz", "/livez")
    assert asked == {
        "api": ("/livez", "/readyz/api", "/livez"),
        **dict.fromkeys(("cpu-worker", "gpu-worker", "sweeper"), process),
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_sound_is_assembled_on_a_disk_with_a_limit(overlay: str) -> None:
    pod = dict(pods(overlay))["cpu-worker"]
    scratch = next(volume for volume in pod["volumes"] if volume["name"] == "scratch")
    assert "medium" not in scratch["emptyDir"]
    assert scratch["emptyDir"]["sizeLimit"]


def test_worker_has_longer_to_stop_than_it_takes() -> None:
    grace_s = load_settings().worker.grace_s
    stops = {name: pod.get("terminationGracePeriodSeconds", 0) for name, pod in pods("prod")}
    assert min(stops["cpu-worker"], stops["gpu-worker"]) > grace_s


@pytest.mark.parametrize("name", ["Dockerfile.cpu", "Dockerfile.gpu"])
def test_dockerfile_passes_its_linter(name: str) -> None:
    run(BIN / "hadolint", name)


def test_image_holds_what_is_pinned() -> None:
    pins = (ROOT / "constraints-gpu.txt").read_text()
    assert "\nvllm==0.25.1\n" in pins
    assert "\ntorch==2.11.0\n" in pins


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_reads_its_files() -> None:
    run("promtool", "check", "rules", ALERTS)
    run("promtool", "check", "config", "infra/prometheus/prometheus.yml")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_alerts_tell_of_a_full_store_and_of_its_end() -> None:
    run("promtool", "test", "rules", "tests/containers/alerts_test.yml")


def queries() -> dict[str, str]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    alerts = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return alerts | {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in panels
        for target in panel["targets"]
    }


def metrics() -> set[str]:
    names = set()
    for family in REGISTRY.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, [""])}
    return names


@pytest.mark.parametrize("title", sorted(queries()))
def test_queries_name_metrics_that_exist(title: str) -> None:
    named = set(re.findall(r"rhapsode_\w+", queries()[title]))
    assert named
    assert named <= metrics()


def test_scaling_follows_a_metric_that_exists() -> None:
    scalers = [found for found in resources("prod") if found["kind"] == "HorizontalPodAutoscaler"]
    external = [m["external"] for s in scalers for m in s["spec"]["metrics"] if "external" in m]
    assert {metric["metric"]["name"] for metric in external} <= metrics()


def test_alerts_lead_to_their_paragraphs() -> None:
    headings = re.findall(r"^### (\w+)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert rule["alert"] in headings
        assert rule["annotations"]["runbook"] == f"docs/deploy.md#{rule['alert'].lower()}"
