"""Looks at engines in processes of their own from outside."""

import time
from pathlib import Path

from worker.engine.types import Delivery, Utterance
from worker.engine_process.client import EngineClient
from worker.process import LoadedModel

TIMEOUT_S = 60.0
TEXTS = ("One.", "A second sentence.", "And a third one, which is longer than the others.")


def pid(model: LoadedModel) -> int:
    assert isinstance(model.engine, EngineClient)
    return model.engine.pid


def utterance(model: LoadedModel, text: str, *, voice: str = "default", seed: int = 0) -> Utterance:
    return Utterance(text=text, voice=model.bundled[voice], delivery=Delivery(), seed=seed)


def wait_for_end(process_id: int) -> None:
    ends_at = time.monotonic() + TIMEOUT_S
    while (state := state_of(process_id)) not in {"", "Z"}:
        assert time.monotonic() < ends_at, f"process {process_id} is still there: {state}"
        time.sleep(0.05)


def state_of(process_id: int) -> str:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""
