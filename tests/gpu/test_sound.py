"""S3Gen, HiFT and the watermark on a GPU: equal to the CPU, and independent of the batch.

`pytest tests/gpu/test_sound.py`; the toy goldens are enough.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.bench.precision import sound
from tests.model.worker.chatterbox.goldens import read_golden, relative_error
from tests.model.worker.chatterbox.hift import test_vocoder as vocoder_rows
from tests.model.worker.chatterbox.s3gen.test_flow import read_rows, speak
from tests.model.worker.chatterbox.s3gen.test_graphs import load_flow
from worker.chatterbox.config import ChatterboxConfig, HiftConfig
from worker.chatterbox.hift.fast import accelerate_vocoder
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.s3gen.graphs import GraphedEstimator, accelerate
from worker.chatterbox.t3.prompt import SpeechTokens
from worker.chatterbox.watermark import Watermarker
from worker.engine.options import EngineOptions, resolve
from worker.engine.renderer import TorchRenderer
from worker.engine.sharing import share_device
from worker.engine.types import STREAM_PRIORITY, Delivery, Utterance, make_turn

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

HALF = 0.02  # allowed change of a mel or a waveform by half precision, root mean square


@pytest.fixture(autouse=True)
def exact_convolutions() -> None:
    torch.backends.cudnn.allow_tf32 = False


@pytest.fixture(scope="module")
def fast_flow() -> Flow:
    flow = load_flow().to("cuda")
    accelerate(flow)
    return flow


def spread(actual: Tensor, expected: Tensor) -> float:
    return float((actual.cpu() - expected.cpu()).std() / expected.cpu().std())


def test_mel_equals_the_cpu_in_full_precision() -> None:
    golden = read_golden("s3gen", "toy")
    for index, mel in enumerate(speak(load_flow().to("cuda"), read_rows(golden))):
        assert relative_error(mel.cpu(), golden[f"{index}.mel"]) < 1e-4


def test_fast_mel_is_near_the_exact_one(fast_flow: Flow) -> None:
    rows = read_rows(read_golden("s3gen", "toy"))
    exact = speak(load_flow(), rows)
    for mel, expected in zip(speak(fast_flow, rows), exact, strict=True):
        assert spread(mel, expected) < HALF


def test_fast_mel_does_not_depend_on_the_batch(fast_flow: Flow) -> None:
    rows = read_rows(read_golden("s3gen", "toy"))
    exact = speak(load_flow(), rows)
    crowd = [rows[index % 3] for index in range(24)]  # too many rows for a graph
    for index, mel in enumerate(speak(fast_flow, crowd)):
        assert spread(mel, exact[index % 3]) < HALF
        [alone] = speak(fast_flow, [rows[index % 3]])
        assert spread(mel, alone.cpu()) < HALF


def test_a_graph_gives_the_same_mel_each_time_it_is_replayed(fast_flow: Flow) -> None:
    rows = read_rows(read_golden("s3gen", "toy"))
    first = speak(fast_flow, rows)
    speak(fast_flow, rows[::-1])
    for mel, again in zip(first, speak(fast_flow, rows), strict=True):
        assert torch.equal(mel, again)
    assert isinstance(fast_flow.fast_estimate, GraphedEstimator)


def test_waveform_equals_the_cpu() -> None:
    golden = read_golden("hift", "toy")
    slow, exact = vocoder_rows.build(golden), vocoder_rows.build(golden).to("cuda")
    rows = vocoder_rows.draw_rows([9, 31, 14, 14], HiftConfig())
    expected = vocoder_rows.synthesize(slow, rows)
    for wave, other in zip(vocoder_rows.synthesize(exact, rows), expected, strict=True):
        assert (wave.cpu() - other).abs().max() < 1e-3


def test_fast_waveform_is_near_the_exact_one_whatever_the_batch() -> None:
    golden = read_golden("hift", "toy")
    slow, fast = vocoder_rows.build(golden), vocoder_rows.build(golden).to("cuda")
    accelerate_vocoder(fast)
    rows = vocoder_rows.draw_rows([9, 31, 14, 14], HiftConfig())
    expected = vocoder_rows.synthesize(slow, rows)
    for row, wave, other in zip(rows, vocoder_rows.synthesize(fast, rows), expected, strict=True):
        assert spread(wave, other) < HALF
        [alone] = vocoder_rows.synthesize(fast, [row])
        assert spread(alone, other) < HALF


def test_an_utterance_is_the_same_alone_and_among_others() -> None:
    with torch.inference_mode():
        changed = sound(ChatterboxConfig(), torch.device("cuda"))
    assert changed["batch_mel"]["rms"] < HALF
    assert changed["batch_waveform"]["rms"] < HALF


def test_a_broken_row_is_not_heard_in_the_next_one() -> None:
    golden = read_golden("hift", "toy")
    fast = vocoder_rows.build(golden).to("cuda")
    accelerate_vocoder(fast)
    long, short = vocoder_rows.draw_rows([31, 9], HiftConfig())
    [expected] = vocoder_rows.synthesize(fast, [short])
    mel, noise = long
    vocoder_rows.synthesize(fast, [(mel * torch.nan, noise)])
    [again] = vocoder_rows.synthesize(fast, [short])
    # Not bit by bit: equal on an H100, but not on an H200.
    assert spread(again, expected) < HALF


@pytest.mark.parametrize("is_graphed", [False, True])
def test_mark_equals_the_cpu(is_graphed: bool) -> None:
    speech = read_golden("watermark", "toy")["samples"].float() / 32768
    rows = [speech, speech[4000:20_000]]
    torch.manual_seed(0)
    network = Watermarker().eval()  # the official weights are in a separate package
    expected = network.mark(rows)
    network.to("cuda")
    if is_graphed:
        network.accelerate()
        network.mark([rows[1].to("cuda"), rows[0].to("cuda")])  # captures
    marked = network.mark([row.to("cuda") for row in rows])
    for wave, other, plain in zip(marked, expected, rows, strict=True):
        assert (wave.cpu() - other).abs().max() < 1e-4
        assert (other - plain).abs().max() > 1e-3


def test_first_sounds_are_the_same_on_a_stream_of_their_own_beside_other_batches() -> None:
    config = ChatterboxConfig()
    torch.manual_seed(0)
    with torch.device("cuda"):
        flow = Flow(config.flow).eval().requires_grad_(False)
        vocoder = Vocoder(config.hift).eval().requires_grad_(False)
    options = resolve(EngineOptions(device="cuda", back_end="torch", gpu_memory_gb=40))
    renderer = TorchRenderer(flow, vocoder, None, options, share_device(options))
    assert renderer.first_tokens
    tokens = SpeechTokens(tokens=torch.arange(40), is_truncated=False)
    first = Utterance(
        text="", voice=renderer._silent_voice, delivery=Delivery(), seed=1,
        turn=make_turn(STREAM_PRIORITY, 0),
    )  # fmt: skip
    later = replace(first, turn=make_turn(STREAM_PRIORITY, 3))
    [[expected], _] = [renderer.render([one], [tokens]) for one in (later, first)]  # captures
    with ThreadPoolExecutor() as threads:
        both = threads.map(lambda one: renderer.render([one], [tokens]), [first, later] * 8)
        for [waveform] in both:
            assert spread(torch.from_numpy(waveform), torch.from_numpy(expected)) < HALF
