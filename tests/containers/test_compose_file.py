"""docker-compose.yml and .env as rendered by Compose, without starting anything."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from narration.settings import load_settings
from tests.containers.test_settings_example import settings_with_defaults

ROOT = Path(__file__).parents[2]
COMPOSE = Path(sys.executable).parent / "docker-compose"
SECRETS = {"POSTGRES_PASSWORD": "p", "S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "s"}
PROFILE = "RHAPSODE_STORAGE__PROFILES__DEFAULT__"
OUR_OWN = {"api", "cpu-worker", "sweeper", "gpu-worker", "render-worker"}
# Fixed by the container image, or meant for the command line on the host.
FIXED = re.compile(
    r"RHAPSODE_(DATA_DIR|API__HOST|API__PORT|TELEMETRY__METRICS_PORT|CLIENT__\w+"
    r"|API__KEYS__ALICE|WORKER__SCRATCH_DIR|STORAGE__PROFILES__DEFAULT__(KIND|PATH))"
)


def rendered(**environment: str) -> dict[str, Any]:
    done = compose(environment)
    assert done.returncode == 0, done.stderr
    services: dict[str, Any] = json.loads(done.stdout)["services"]
    return services


def compose(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [COMPOSE, "--env-file", "/dev/null", "--profile", "*", "config", "--format", "json"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RHAPSODE_")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=clean | {"SETTINGS_FILE": "/dev/null"} | environment,
    )


def settings_of(service: dict[str, Any]) -> dict[str, str]:
    """Return the variables a container would get; those without a value are left out."""
    return {name: value for name, value in service["environment"].items() if value is not None}


def is_started(service: dict[str, Any]) -> bool:
    return bool(service.get("scale", 1) > 0)


@pytest.mark.parametrize("secret", SECRETS)
def test_secret_that_is_missing_is_asked_for(secret: str) -> None:
    done = compose({name: value for name, value in SECRETS.items() if name != secret})
    assert done.returncode != 0
    assert f"required variable {secret} is missing a value: set it in .env" in done.stderr


@pytest.mark.parametrize("name", sorted(OUR_OWN))
def test_our_processes_understand_what_they_are_given(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in settings_of(rendered(**SECRETS)[name]).items():
        monkeypatch.setenv(variable, value)
    profile = load_settings().storage.profiles["default"]
    assert profile.kind == "s3"
    assert profile.endpoint_url == "http://seaweedfs:8333"


def test_every_setting_of_dot_env_reaches_whoever_has_a_use_for_it() -> None:
    chosen = {
        name: f"chosen-{name}" for name, _ in settings_with_defaults() if not FIXED.fullmatch(name)
    }
    services = rendered(**chosen).values()
    given = {item for found in services for item in found.get("environment", {}).items()}
    assert set(chosen.items()) - given == set()


def test_gpu_profile_speaks_with_chatterbox_and_cpu_profile_with_the_demonstration() -> None:
    services = rendered(**SECRETS)
    for names, model in ((("weights", "gpu-worker"), "english"),
                         (("render-weights", "render-worker"), "demo")):  # fmt: skip
        for name in names:
            assert services[name]["environment"]["RHAPSODE_MODEL__CHECKPOINT"] == model


def test_one_variable_changes_the_model() -> None:
    services = rendered(**SECRETS, RHAPSODE_MODEL__CHECKPOINT="other")
    for name in ("weights", "gpu-worker", "render-weights", "render-worker"):
        assert services[name]["environment"]["RHAPSODE_MODEL__CHECKPOINT"] == "other"


def test_folder_of_weights_takes_the_place_of_the_volume() -> None:
    services = rendered(**SECRETS, MODEL_FOLDER="/srv/my-model")
    for name in ("weights", "gpu-worker", "render-weights", "render-worker"):
        checkpoint = Path(services[name]["environment"]["RHAPSODE_MODEL__CHECKPOINT"])
        mounts = {Path(mount["target"]): mount for mount in services[name]["volumes"]}
        assert mounts[checkpoint]["source"] == "/srv/my-model"
        assert checkpoint.name == "my-model"  # the name that jobs and manifests show


def test_workers_wait_for_weights_and_never_fetch_any() -> None:
    services = rendered(**SECRETS)
    for worker, weights in (("gpu-worker", "weights"), ("render-worker", "render-weights")):
        waits = services[worker]["depends_on"][weights]
        assert waits["condition"] == "service_completed_successfully"
        assert services[worker]["environment"]["HF_HUB_OFFLINE"] == "1"
        shared = {mount["target"]: mount for mount in services[worker]["volumes"]}
        assert shared["/model/weights"]["read_only"]


def test_containers_get_the_secrets_they_need_and_no_others() -> None:
    secrets = {
        "POSTGRES_PASSWORD": "db-secret",
        "S3_ACCESS_KEY_ID": "s3-id",
        "S3_SECRET_ACCESS_KEY": "s3-secret",
        "HF_TOKEN": "hub-secret",
        "RHAPSODE_API__KEYS": '{"alice": "api-secret"}',
        "RHAPSODE_CLIENT__KEY": "client-secret",
    }
    known = {
        name: set(re.findall(r"\w+-secret|s3-id", " ".join(settings_of(service).values())))
        for name, service in rendered(**secrets).items()
        if "environment" in service
    }  # fmt: skip
    store = {"s3-id", "s3-secret"}
    assert known == {
        "postgres": {"db-secret"},
        "seaweedfs": store,
        "migrate": {"db-secret"},
        "weights": {"hub-secret"},
        "render-weights": {"hub-secret"},
        "api": store | {"db-secret", "api-secret"},
        **dict.fromkeys(OUR_OWN - {"api"}, store | {"db-secret"}),
    }


def test_keys_of_owners_reach_the_api_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("RHAPSODE_API__KEYS__ALICE=api-secret\nHF_TOKEN=hub-secret\n")
    services = rendered(**SECRETS, SETTINGS_FILE=str(file))
    holders = [name for name, found in services.items() if "api-secret" in json.dumps(found)]
    assert holders == ["api"]
    assert "hub-secret" not in json.dumps(services["api"])


ELSEWHERE = {
    "postgres": ("RHAPSODE_DATABASE__URL", "postgresql://me@db.example/books", "POSTGRES_PASSWORD"),
    "redis": ("RHAPSODE_BROKER__URL", "redis://broker.example/1", None),
    "seaweedfs": (f"{PROFILE}BUCKET", "my-bucket", "S3_SECRET_ACCESS_KEY"),
}


@pytest.mark.parametrize("bundled", ELSEWHERE)
def test_what_is_elsewhere_is_used_and_its_bundled_service_is_not_started(bundled: str) -> None:
    variable, value, needless = ELSEWHERE[bundled]
    secrets = {name: given for name, given in SECRETS.items() if name != needless}
    services = rendered(**secrets, **{variable: value})
    for name in OUR_OWN:
        assert services[name]["environment"][variable] == value
    assert [name for name, found in services.items() if not is_started(found)] == [bundled]


def test_bucket_elsewhere_is_reached_as_its_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    services = rendered(**SECRETS, **{f"{PROFILE}BUCKET": "my-bucket", f"{PROFILE}REGION": "eu-1"})
    for variable, value in settings_of(services["sweeper"]).items():
        monkeypatch.setenv(variable, value)
    profile = load_settings().storage.profiles["default"]
    assert profile.kind == "s3"
    assert (profile.bucket, profile.region) == ("my-bucket", "eu-1")
    assert profile.endpoint_url is None  # the cloud's own
    assert profile.access_key_id is None  # the machine's role


def test_gpu_workers_are_as_many_as_asked_for_and_see_every_card() -> None:
    worker = rendered(**SECRETS, GPU_WORKERS="3")["gpu-worker"]
    assert worker["scale"] == 3
    (cards,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert (cards["driver"], cards["count"]) == ("nvidia", -1)  # all of them


def test_sound_is_assembled_on_a_volume() -> None:
    worker = rendered(**SECRETS)["cpu-worker"]
    folder = worker["environment"]["RHAPSODE_WORKER__SCRATCH_DIR"]
    (mount,) = [mount for mount in worker["volumes"] if mount["target"] == folder]
    assert mount["type"] == "volume"


def test_worker_has_longer_to_stop_than_it_takes() -> None:
    grace_s = load_settings().worker.grace_s
    services = rendered(**SECRETS)
    for name in ("cpu-worker", "gpu-worker", "render-worker"):
        minutes, _, seconds = services[name]["stop_grace_period"].rstrip("s").rpartition("m")
        assert 60 * int(minutes or 0) + int(seconds) > grace_s
