"""What must hold for a running project: it narrates, reports its state, survives lost parts."""

import json
import re
import time
import urllib.request
from pathlib import Path
from typing import Any

import av

from narration.jobs.request import JobSettings, OutputFormat
from rhapsode.http_client import ApiClient
from rhapsode.outputs import Output
from rhapsode.submit import NarrationRequest, read_text
from tests.containers.project import BUCKET, OURS, Project, wait_for
from tests.submission import submit

TEXT = "# One\n\nThe containers are up. A job came in.\n\n# Two\n\nIts sound is in the bucket.\n"
LONG = "\n\n".join(
    f"This is sentence number {number} of a text that takes a while to be spoken."
    for number in range(1, 25)
)
HEARTBEAT_S = 15
AWAY_S = 90.0


def narrates_at_once(project: Project) -> str:
    """`up --wait` came back, so a job can be narrated, without waiting for anything else."""
    status, ready = project.get("/readyz")
    assert status == 200, ready
    text = project.scratch / "story.md"
    text.write_text(TEXT)
    outputs = [
        Output(path=project.scratch / f"story.{name}", format=OutputFormat(name))
        for name in ("m4b", "vtt")
    ]
    settings = JobSettings(outputs=tuple(output.format for output in outputs))
    request = NarrationRequest(
        text=read_text(text), settings=settings, outputs=outputs, prefix="books/42"
    )
    client = ApiClient(project.url, None)
    started = time.monotonic()
    job = submit(client, request, lambda _: None)
    client.close()
    manifest = check_delivery(project, outputs[0].path, job.id)
    _, body = project.get(f"/v1/jobs/{job.id}")
    models = {engine["model"] for engine in body["engines"] + manifest["engines"]}
    assert models == {"demo"}, models
    assert "demonstration voice" in ready["notice"], ready
    return f"in {time.monotonic() - started:.1f} s, model {models}: {ready['notice']}"


def check_delivery(project: Project, book: Path, job_id: str) -> dict[str, Any]:
    """What arrived is a book with two chapters; what lies in the bucket is the whole delivery."""
    with av.open(str(book)) as container:
        chapters = [chapter["metadata"]["title"] for chapter in container.chapters()]
    assert chapters == ["One", "Two"], chapters
    bucket, prefix = project.bucket(), f"books/42/{job_id}/"
    found = bucket.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
    keys = [item["Key"].removeprefix(prefix) for item in found]
    assert any(key.endswith(".m4b") for key in keys), keys
    body = bucket.get_object(Bucket=BUCKET, Key=f"{prefix}manifest.json")["Body"]
    manifest: dict[str, Any] = json.load(body)
    return manifest


def gives_each_container_its_own_secrets(project: Project) -> str:
    names = ("POSTGRES_PASSWORD", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
    secrets = {project.environment[name]: name for name in names}
    known = {
        service: {
            name
            for secret, name in secrets.items()
            if secret in json.dumps(project.inspect(service)["Config"]["Env"])
        }
        for service in (*OURS, "postgres", "redis", "seaweedfs")
    }
    database, store = set(names[:1]), set(names[1:])
    assert known == {
        "postgres": database,
        "migrate": database,
        "seaweedfs": store,
        "redis": set(),
        "render-weights": set(),
        **dict.fromkeys(("api", "cpu-worker", "render-worker", "sweeper"), database | store),
    }, known
    return "as docker-compose.yml says"


def runs_without_privileges(project: Project) -> str:
    for service in OURS:
        config = project.inspect(service)
        assert config["Config"]["User"].startswith("10001"), service
        assert config["HostConfig"]["ReadonlyRootfs"], service
    return "user 10001, read-only"


def survives_its_containers(project: Project) -> str:
    """Kill each container while a job is under way."""
    seconds = {}
    for service in (
        "render-worker",
        "cpu-worker",
        "sweeper",
        "api",
        "redis",
        "seaweedfs",
        "postgres",
    ):
        started = time.monotonic()
        job_id = project.submit(f"{LONG}\n\n{service} was killed.", "mp3")
        wait_for(
            lambda job_id=job_id: project.job(job_id)["progress"]["chunks_done"], 120, "a chunk"
        )
        project.kill(service)
        job = project.ended(job_id)
        assert job["state"] == "succeeded", (service, job)
        seconds[service] = round(time.monotonic() - started, 1)
    return str(seconds)


def forgets_a_killed_worker_within_a_heartbeat(project: Project) -> str:
    project.compose("stop", "--timeout", "0", "render-worker")
    started = time.monotonic()
    status, ready = wait_for(lambda: _if_not_ready(project), HEARTBEAT_S + 3, "missing worker")
    took_s = time.monotonic() - started
    project.up()
    return f"after {took_s:.1f} s: {status} {ready['checks']['workers']}"


def _if_not_ready(project: Project) -> tuple[int, dict[str, Any]] | None:
    status, ready = project.get("/readyz")
    return None if status == 200 else (status, ready)


def says_that_the_broker_is_away(project: Project) -> str:
    project.compose("stop", "redis")
    job_id = project.submit("The broker was away when this was sent.")
    status, ready = project.get("/readyz")
    assert status == 503, ready
    said = project.warning(job_id, "broker_unavailable", AWAY_S + 60)
    project.up()
    assert project.ended(job_id)["state"] == "succeeded"
    return f"/readyz: {ready['checks']['broker']}; job: {said}"


def says_that_the_store_is_away(project: Project) -> str:
    job_id = project.submit(f"{LONG}\n\nThe store went away.")
    wait_for(lambda: project.job(job_id)["progress"]["chunks_done"], 120, "a chunk")
    project.compose("stop", "seaweedfs")
    said = project.warning(job_id, "storage_unavailable", AWAY_S + 90)
    _, ready = project.get("/readyz")
    project.up()
    assert project.ended(job_id)["state"] == "succeeded"
    return f"/readyz: {ready['checks']['store']}; job: {said}"


def says_that_the_schema_is_missing(project: Project) -> str:
    """Without tables: 503 with the remedy, no new API process is ready, one line of the sweeper."""
    sql = "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO rhapsode"
    ask = f'PGPASSWORD=$POSTGRES_PASSWORD psql -h 127.0.0.1 -U rhapsode -c "{sql}" rhapsode'
    project.execute("postgres", "sh", "-c", ask)
    status, problem = project.get("/v1/jobs")
    assert status == 503, problem
    assert "rhapsode migrate" in problem["detail"], problem
    status, ready = project.get("/readyz")
    assert status == 503, ready
    time.sleep(20)
    told = [event for event in project.events("sweeper") if event["event"] == "sweep_failed"
            and "rhapsode migrate" in event["reason"]]  # fmt: skip
    assert len(told) == 1, told
    project.compose("restart", "--timeout", "20", "api")
    status, unready = wait_for(lambda: project.get("/readyz/api"), 60, "an answer")
    assert (status, unready["code"]) == (503, "schema_outdated"), unready
    project.compose("run", "--rm", "-T", "migrate")
    project.up()
    assert project.ended(project.submit("The tables are back."))["state"] == "succeeded"
    return f"GET /v1/jobs: 503 {problem['detail']}; /readyz: {ready['checks']['database']}"


def keeps_everything_over_down_and_up(project: Project) -> str:
    job_id = project.submit("What was spoken stays.")
    project.ended(job_id)
    project.down()
    took_s = project.up()
    _, artifacts = project.get(f"/v1/jobs/{job_id}/artifacts")
    audio = next(item for item in artifacts["items"] if item["name"].endswith(".mp3"))
    with urllib.request.urlopen(audio["url"], timeout=30) as answer:
        assert len(answer.read()) == audio["size_bytes"]
    return f"up again in {took_s:.1f} s"


def takes_more_workers(project: Project) -> str:
    project.up("--scale", "cpu-worker=2")
    assert len(project.containers("cpu-worker")) == 2
    project.up()
    return "cpu-worker: 2, then 1"


def logs_events_only(project: Project) -> str:
    """Whatever happened before, including lost brokers and shutdowns: one JSON line per event."""
    # Not `restart`: podman begins the log of a container that it restarts anew.
    project.compose("stop", "--timeout", "60", "cpu-worker", "render-worker", "sweeper", "api")
    project.up()
    counts = {service: len(project.events(service)) for service in OURS}
    names = {event["event"] for service in OURS for event in project.events(service)}
    wanted = {"worker_started", "worker_draining", "worker_ended", "sweeper_ended", "api_ended",
              "component_awaited", "weights_present", "database_migrated"}  # fmt: skip
    assert wanted <= names, wanted - names
    secrets = (project.environment[name] for name in ("POSTGRES_PASSWORD", "S3_SECRET_ACCESS_KEY"))
    assert not re.search("|".join(secrets), project.log(*OURS))
    return str(counts)


CHECKS = (
    narrates_at_once,
    gives_each_container_its_own_secrets,
    runs_without_privileges,
    survives_its_containers,
    forgets_a_killed_worker_within_a_heartbeat,
    says_that_the_broker_is_away,
    says_that_the_store_is_away,
    takes_more_workers,
    says_that_the_schema_is_missing,
    logs_events_only,
    keeps_everything_over_down_and_up,
)
