"""An engine in a process of its own: it speaks and makes voices as one in this process does."""

import os
import shutil
import subprocess
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from narration.errors import CheckpointError, EngineDied, RecordingError, SpeechError
from narration.settings import ModelSettings, Settings
from tests.model.worker.engine_process.processes import TEXTS, TIMEOUT_S, utterance
from worker.chatterbox.checkpoint import T3_FILE
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.engine.admission import FIRST
from worker.engine.types import STREAM_PRIORITY, Delivery, Speech, Utterance, make_turn
from worker.engine_process import client
from worker.engine_process.client import EngineClient, start_engine
from worker.engine_process.messages import Start
from worker.model import has_own_process, load_model
from worker.process import LoadedModel


def are_equal(one: Speech, other: Speech) -> bool:
    return (
        np.array_equal(one.tokens, other.tokens)
        and np.array_equal(one.waveform, other.waveform)
        and (one.is_truncated, one.is_watermarked) == (other.is_truncated, other.is_watermarked)
    )


class TestSpeaking:
    def test_says_the_same_as_an_engine_in_this_process(
        self, apart: LoadedModel, here: LoadedModel
    ) -> None:
        assert apart.identity == here.identity
        assert apart.target_concurrency == here.target_concurrency
        assert {n: v.digest for n, v in apart.bundled.items()} == {
            n: v.digest for n, v in here.bundled.items()
        }
        for seed, text in enumerate(TEXTS):
            spoken = [
                model.engine.submit(utterance(model, text, seed=seed)).result(TIMEOUT_S)
                for model in (apart, here)
            ]
            assert are_equal(*spoken), text
            assert spoken[0].waveform.flags.writeable

    def test_notes_the_steps_of_an_utterance(self, apart: LoadedModel) -> None:
        before, spoken = time.monotonic(), utterance(apart, TEXTS[0])
        apart.engine.submit(spoken).result(TIMEOUT_S)
        times = [spoken.steps[name] for name in ("admitted", "first_token", "sound_made")]
        assert before < times[0] < times[1] < times[2] < time.monotonic()

    def test_many_more_than_an_idle_engine_admits(self, apart: LoadedModel) -> None:
        count = 3 * FIRST
        with ThreadPoolExecutor(count) as pool:
            futures = [
                pool.submit(
                    lambda seed: apart.engine.submit(utterance(apart, TEXTS[0], seed=seed)).result(
                        TIMEOUT_S
                    ),
                    seed,
                )
                for seed in range(count)
            ]
            assert all(len(future.result().waveform) for future in futures)

    def test_one_that_cannot_be_spoken_fails_alone(self, apart: LoadedModel) -> None:
        refused = apart.engine.submit(utterance(apart, "word " * 2000))
        with pytest.raises(SpeechError, match="split it"):
            refused.result(TIMEOUT_S)
        assert len(apart.engine.submit(utterance(apart, TEXTS[0])).result(TIMEOUT_S).waveform)

    def test_cancelled_ones_leave_their_places(self, apart: LoadedModel) -> None:
        assert isinstance(apart.engine, EngineClient)
        urgent = make_turn(STREAM_PRIORITY, 0)
        for _ in range(5):
            voice = apart.bundled["default"]
            futures = [
                apart.engine.submit(
                    Utterance(
                        text=TEXTS[2] * 5, voice=voice, delivery=Delivery(), seed=seed, turn=urgent
                    )
                )
                for seed in range(12)  # as many as it takes: see `settings`
            ]
            for future in futures:
                future.cancel()
            for future in futures:
                with pytest.raises(CancelledError):
                    future.result(TIMEOUT_S)
        assert len(apart.engine.submit(utterance(apart, TEXTS[0])).result(TIMEOUT_S).waveform)


class TestVoices:
    def test_a_voice_is_made_compared_and_spoken_as_in_this_process(
        self, apart: LoadedModel, here: LoadedModel, tmp_path: Path
    ) -> None:
        recording, sound = tmp_path / "recording.wav", np.random.default_rng(0)
        time_s = np.arange(8 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
        waveform = 0.2 * np.sin(2 * np.pi * 170 * time_s) + 0.02 * sound.standard_normal(
            len(time_s)
        )
        soundfile.write(recording, waveform.astype(np.float32), SAMPLE_RATE_HZ)
        voice, same = apart.voice_maker.make(recording), here.voice_maker.make(recording)
        assert voice.digest == same.digest
        text = Utterance(text=TEXTS[1], voice=voice, delivery=Delivery(), seed=3)
        speech = apart.engine.submit(text).result(TIMEOUT_S)
        assert are_equal(speech, here.engine.submit(text).result(TIMEOUT_S))
        assert apart.voice_maker.compare(voice, speech.waveform) == pytest.approx(
            here.voice_maker.compare(same, speech.waveform)
        )

    def test_the_reason_why_a_recording_cannot_be_used(
        self, apart: LoadedModel, tmp_path: Path
    ) -> None:
        recording = tmp_path / "recording.wav"
        recording.write_bytes(b"no sound")
        with pytest.raises(RecordingError):
            apart.voice_maker.make(recording)


class TestLoading:
    def test_the_reason_why_a_model_cannot_be_loaded(
        self, settings: Settings, tiny: Path, tmp_path: Path
    ) -> None:
        damaged = tmp_path / "damaged"
        shutil.copytree(tiny, damaged)
        with (damaged / T3_FILE).open("r+b") as weights:
            weights.truncate(1000)
        model = settings.model.model_copy(update={"checkpoint": str(damaged)})
        before = _engine_processes()
        with pytest.raises(CheckpointError, match=T3_FILE):
            load_model(settings.model_copy(update={"model": model}))
        assert _engine_processes() == before

    def test_a_process_that_ends_while_it_loads(
        self, settings: Settings, tiny: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client, "ENTRY", "worker.is_not_there")
        start = Start(
            folder=tiny,
            cache_folder=settings.data_dir,
            model=settings.model,
            telemetry=settings.telemetry,
        )
        with pytest.raises(EngineDied, match="ended with exit code 1 while it loaded"):
            start_engine(start)

    @pytest.mark.parametrize(
        ("device", "chosen", "expected"),
        [
            ("cpu", None, False),
            ("cuda", None, True),
            ("auto", None, True),
            ("cuda:0", False, False),
            ("cpu", True, True),
        ],
    )
    def test_who_gets_a_process(
        self, device: str, chosen: bool | None, expected: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        assert has_own_process(ModelSettings(device=device, has_own_process=chosen)) is expected


def _engine_processes() -> int:
    """Count the engines that this process has started and that have not ended."""
    command = ["ps", "--ppid", str(os.getpid()), "-o", "args="]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    return listed.stdout.count(client.ENTRY)
