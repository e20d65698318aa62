"""Which steps of T3 replay a graph by vLLM's own rules, and on a GPU, that tokens stay the same."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from vllm.config.compilation import CUDAGraphMode
from vllm.v1.worker.gpu import cudagraph_utils
from vllm.v1.worker.gpu.cudagraph_utils import BatchExecutionDescriptor, CudaGraphManager

from tests.generate import generate
from tests.vllm.test_tokens import speak_all
from tests.vllm.toy import BANK_ROWS, ENGLISH, encode_conditioning, mixed_prompts, toy_t3, write_toy
from worker.chatterbox.t3 import vllm_graphs
from worker.chatterbox.t3.vllm_layout import PromptLayout
from worker.engine.options import EngineOptions, resolve
from worker.engine.sharing import share_device
from worker.engine.vllm_decoder import VllmDecoder
from worker.engine.vllm_open import (
    _capture_joining_steps,
    graph_sizes,
    joining_sizes,
    open_decoder,
    start_vllm,
)

SLOTS = 64


@dataclass
class Runner:
    """vLLM's model runner with its own choice of graphs; to capture is to note them."""

    cudagraph_manager: CudaGraphManager
    captured: list[BatchExecutionDescriptor] = field(default_factory=list)

    def capture_model(self) -> int:
        self.captured += [d for ds in self.cudagraph_manager._capture_descs.values() for d in ds]
        self.cudagraph_manager._graphs_captured = True
        return 0


def make_runner(slots: int, monkeypatch: pytest.MonkeyPatch) -> Runner:
    group = SimpleNamespace(is_first_rank=True, is_last_rank=True)
    monkeypatch.setattr(cudagraph_utils, "get_pp_group", lambda: group)
    monkeypatch.setattr(
        cudagraph_utils.current_platform.__class__, "get_global_graph_pool", lambda _: None
    )
    sizes = graph_sizes(slots)
    config = SimpleNamespace(
        scheduler_config=SimpleNamespace(max_num_seqs=slots),
        compilation_config=SimpleNamespace(
            cudagraph_capture_sizes=sizes, max_cudagraph_capture_size=max(sizes)
        ),
        parallel_config=SimpleNamespace(data_parallel_size=1, tensor_parallel_size=1),
        cache_config=SimpleNamespace(use_kda_recoverssm=False),
        speculative_config=None,
    )
    mode = CUDAGraphMode.FULL_AND_PIECEWISE
    runner = Runner(CudaGraphManager(config, torch.device("cpu"), mode, 1))  # type: ignore[arg-type, unused-ignore]
    runner.capture_model()
    return runner


def test_a_step_that_reads_prompts_replays_a_whole_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = make_runner(512, monkeypatch)
    before = list(runner.captured)
    assert vllm_graphs.capture_joining_steps(runner, joining_sizes(512)) == 512
    manager = runner.cudagraph_manager
    alone = manager.dispatch(1, 45, 45, 0)
    assert (alone.cg_mode, alone.num_tokens) == (CUDAGraphMode.FULL, 64)
    beside_forty = manager.dispatch(41, 40 + 45, None, 0)
    assert beside_forty.cg_mode is CUDAGraphMode.FULL
    assert {alone, beside_forty} <= set(runner.captured) - set(before)


def test_what_the_graphs_do_not_fit_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    runner, plain = make_runner(512, monkeypatch), make_runner(512, monkeypatch)
    vllm_graphs.capture_joining_steps(runner, joining_sizes(512))
    others = [(n, n, 1) for n in (1, 3, 8, 64, 500, 512)]  # one token each
    others += [(300, 345, None), (2, 600, None)]  # too many sequences, too many tokens
    for step in others:
        asked = (*step, 0)
        assert runner.cudagraph_manager.dispatch(*asked) == plain.cudagraph_manager.dispatch(*asked)


def test_graphs_have_no_more_rows_than_the_buffer_of_logits() -> None:
    assert joining_sizes(17) == []
    assert max(joining_sizes(133)) <= 133
    assert max(joining_sizes(512)) == 512


@pytest.mark.parametrize(("slots", "most"), [(512, 512), (466, 448), (270, 0), (17, 0)])
def test_prompts_are_limited_to_steps_of_large_graphs(slots: int, most: int) -> None:
    engine: Any = SimpleNamespace(collective_rpc=lambda _, args: [max(args[0])])
    options: Any = SimpleNamespace(device="cuda", t3_slots=slots)
    assert _capture_joining_steps(engine, options) == most


@pytest.fixture
def decoder(tmp_path: Path) -> Iterator[VllmDecoder]:
    model = toy_t3(ENGLISH)
    layout = PromptLayout.of(model.config)
    options = resolve(
        EngineOptions(device="cuda", precision="float32", t3_slots=SLOTS, gpu_memory_gb=8)
    )
    engine = start_vllm(
        write_toy(model, tmp_path), layout, options, share_device(options).open_t3_stream
    )
    decoder = open_decoder(engine, layout, partial(encode_conditioning, model), options, BANK_ROWS)
    yield decoder
    decoder.close()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="graphs need a GPU")
def test_tokens_are_the_plain_models_where_prompts_are_read_within_a_graph(
    decoder: VllmDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    replayed: list[BatchExecutionDescriptor] = []
    run = CudaGraphManager.run_fullgraph

    def run_and_note(manager: Any, desc: BatchExecutionDescriptor) -> Any:
        replayed.append(desc)
        return run(manager, desc)

    monkeypatch.setattr(CudaGraphManager, "run_fullgraph", run_and_note)
    model = toy_t3(ENGLISH)
    prompts = mixed_prompts(48, model.config)
    said = speak_all(decoder, prompts)
    expected = generate(model, prompts, slots=SLOTS)
    assert [one.tokens.tolist() for one in said] == [one.tokens.tolist() for one in expected]
    assert sum(desc.uniform_token_count is None for desc in replayed) > 0
