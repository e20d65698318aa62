"""A bundle can be trained further: it reads back as it was written."""

import time
from pathlib import Path

import torch

from training.bundle import LOGIT_SCALE, read_weights, write_weights
from training.encode_stage import load_hearing
from training.run_state import RunState
from training.sizes import DEMO
from worker.chatterbox.checkpoint import CONFIG_FILE, T3_FILE, TOKENIZER_FILE
from worker.chatterbox.hub import DEMO_FOLDER
from worker.chatterbox.speech_tokenizer import SpeechTokenizer
from worker.chatterbox.weights import read_tensors


def test_what_is_read_of_a_bundle_gives_the_same_bundle(tmp_path: Path) -> None:
    networks = read_weights(DEMO_FOLDER)
    write_weights(networks, tmp_path)
    for name in (CONFIG_FILE, TOKENIZER_FILE):
        assert (tmp_path / name).read_bytes() == (DEMO_FOLDER / name).read_bytes()
    again = read_weights(tmp_path)
    for network, tensors in networks.items():
        for name, tensor in tensors.items():
            step = float(tensor.abs().max()) / 127  # of int8
            torch.testing.assert_close(again[network][name], tensor, atol=step, rtol=0.001)


def test_a_run_begins_without_the_scale_of_a_bundle_s_logits() -> None:
    name = "speech_head.weight"
    stored = read_tensors(DEMO_FOLDER / T3_FILE, DEMO.storage)[name]
    trained = read_weights(DEMO_FOLDER)["t3"][name]
    torch.testing.assert_close(trained * LOGIT_SCALE, stored)


def test_a_run_begins_with_a_bundle_s_weights(tmp_path: Path) -> None:
    trained = read_weights(DEMO_FOLDER)["tokenizer"]
    fresh = SpeechTokenizer(DEMO.speech_tokenizer)
    RunState(tmp_path, "tokenizer", time.time(), DEMO_FOLDER).begin_with(fresh)
    for name, tensor in fresh.state_dict().items():
        assert torch.equal(tensor, trained[name])


def test_a_bundle_s_networks_hear(tmp_path: Path) -> None:
    tokenizer, speakers = load_hearing(tmp_path, DEMO_FOLDER, torch.device("cpu"))
    trained = read_weights(DEMO_FOLDER)
    assert torch.equal(
        tokenizer.state_dict()["encoder.conv1.weight"], trained["tokenizer"]["encoder.conv1.weight"]
    )
    name = "x_vector.xvector.tdnn.linear.weight"
    assert torch.equal(speakers.state_dict()[name], trained["speakers"][name])
