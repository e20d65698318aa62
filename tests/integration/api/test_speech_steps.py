"""The steps that processes log at level `debug` lead from a request to its first sound."""

import json
import time
from pathlib import Path

from tests.api_process import Api
from tests.bench.speech_steps import Asked, read_times
from tests.builders import make_text
from tests.cluster import open_cluster
from tests.servers import Postgres, SeaweedFS, Valkey

STEPS = [
    *("asked", "received", "read", "on_thread", "laid_out", "written", "called", "claimed"),
    *("settings_read", "cache_read", "handed_over", "spoken", "noticed", "fetched"),
    *("encoded", "heard"),
]


def test_every_step_of_speech_is_logged(
    tmp_path: Path, postgres: Postgres, valkey: Valkey, seaweedfs: SeaweedFS
) -> None:
    with open_cluster(tmp_path, postgres, valkey, seaweedfs) as cluster:
        telemetry = {"log_format": "json", "log_level": "debug"}
        cluster._environment["RHAPSODE_TELEMETRY"] = json.dumps(telemetry)
        cluster.start_worker("gpu")
        api = Api(cluster)
        try:
            api.start()
            cluster.wait_until_ready()
            asked = _ask(api)
        finally:
            api.close()
    (times,) = read_times([asked], tmp_path)
    assert [times[step] for step in STEPS] == sorted(times[step] for step in STEPS)


def _ask(api: Api) -> Asked:
    asked_at = time.monotonic()
    body = {"model": "rhapsode", "input": make_text(4), "response_format": "pcm"}
    with api.client.stream("POST", "/v1/audio/speech", json=body) as answer:
        next(answer.iter_raw())
        return Asked(
            request_id=answer.headers["x-request-id"],
            job_id=answer.headers["x-job-id"],
            asked_at=asked_at,
            heard_at=time.monotonic(),
        )
