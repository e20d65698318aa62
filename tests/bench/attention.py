"""Measure the attention of one decoding step of T3, kernel by kernel: table and JSON.

    python -m tests.bench.attention --out attention.json    # needs a GPU, torch and vLLM

Both guidance streams, 32 heads of width 64, bfloat16, blocks of 16; sequences of half to one and a
half times `--positions`. A row is one layer; GB/s counts keys and values once. Error is the
largest difference from float32.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

HEADS, WIDTH, BLOCK = 32, 64, 16
SCALE = WIDTH**-0.5
CALLS = 30  # layers
SPLITS = 32  # what vLLM allows FlashAttention 3 in a graph
FEW, SEGMENTS = 4, 16  # when and how vLLM's Triton splits a sequence
COLD_BYTES = 1 << 28  # more data than the GPU's cache holds, so that it is read from memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A batch of sequences with several KV caches, used in turn.

    Shapes: query, out (N, heads, E); caches (blocks, 2, places, heads, E) each.
    """

    query: Tensor
    out: Tensor
    caches: list[Tensor]
    blocks: Tensor
    lengths: Tensor
    starts: Tensor  # (N + 1,): one query each

    @property
    def used_bytes(self) -> int:
        """Keys and values of one layer."""
        return int(self.lengths.sum()) * 2 * HEADS * WIDTH * 2


Call = Callable[[Tensor], None]  # of one layer's cache
Kernel = Callable[[Case], Call]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("attention.json"))
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32, 128, 316, 512])
    parser.add_argument("--positions", type=int, default=330)
    arguments = parser.parse_args()
    rows = []
    for batch in arguments.batches:
        case = make_case(batch, arguments.positions)
        for name, kernel in KERNELS.items():
            row = {"batch": batch, "kernel": name} | measure(kernel, case)
            rows.append(row)
            print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
            arguments.out.write_text(
                json.dumps({"device": torch.cuda.get_device_name(), "rows": rows}, indent=1)
            )


def make_case(batch: int, positions: int) -> Case:
    """Make sequences whose blocks are in random places."""
    draw = torch.Generator("cuda").manual_seed(batch)
    lengths = torch.randint(
        positions // 2, positions * 3 // 2, (batch,), generator=draw, device="cuda"
    )
    most = -(-(positions * 3 // 2) // BLOCK)
    blocks = torch.randperm(batch * most, generator=draw, device="cuda").view(batch, most)
    shape = (batch * most, 2, BLOCK, HEADS, WIDTH)
    size = 2 * batch * most * 2 * BLOCK * HEADS * WIDTH
    count = min(CALLS, max(2, -(-COLD_BYTES // size)))
    half = {"device": "cuda", "dtype": torch.bfloat16}
    return Case(
        query=torch.randn(batch, HEADS, WIDTH, **half),
        out=torch.empty(batch, HEADS, WIDTH, **half),
        caches=[torch.randn(shape, **half) for _ in range(count)],
        blocks=blocks.int(),
        lengths=lengths.int(),
        starts=torch.arange(batch + 1, device="cuda", dtype=torch.int32),
    )


def measure(kernel: Kernel, case: Case) -> dict[str, float | str]:
    """Time the layers of one step in a graph, as vLLM runs them."""
    try:
        call = kernel(case)
        call(case.caches[0])
        error = float((case.out.float() - attend_exactly(case)).abs().max())
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for index in range(CALLS):
                call(case.caches[index % len(case.caches)])
        seconds = time_of(graph.replay) / CALLS
    except Exception as refusal:  # noqa: BLE001 - a kernel that fails is a row of the table
        return {"refused": repr(refusal)[:120]}
    return {
        "us": round(1e6 * seconds, 1),
        "GB/s": round(case.used_bytes / seconds / 1e9),
        "error": round(error, 5),
    }


def time_of(action: Callable[[], None], repeats: int = 10) -> float:
    """Return the seconds of a call, measured on the GPU."""
    action()
    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    began.record()
    for _ in range(repeats):
        action()
    ended.record()
    ended.synchronize()
    return began.elapsed_time(ended) / 1e3 / repeats


def attend_exactly(case: Case) -> Tensor:
    rows = []
    for index, length in enumerate(case.lengths.tolist()):
        places = case.caches[0][case.blocks[index].long()].transpose(0, 1).flatten(1, 2)
        keys, values = places[:, :length].float()
        scores = torch.einsum("he,lhe->hl", case.query[index].float(), keys) * SCALE
        rows.append(torch.einsum("hl,lhe->he", scores.softmax(-1), values))
    return torch.stack(rows)


def flash(case: Case, version: int) -> Call:
    from vllm.vllm_flash_attn import flash_attn_varlen_func, get_scheduler_metadata

    longest = case.blocks.shape[1] * BLOCK
    plan = {}
    if version == 3:  # as vLLM does, once for all layers of a step
        plan["num_splits"] = SPLITS
        plan["scheduler_metadata"] = get_scheduler_metadata(
            batch_size=len(case.query),
            max_seqlen_q=1,
            max_seqlen_k=longest,
            num_heads_q=HEADS,
            num_heads_kv=HEADS,
            headdim=WIDTH,
            cache_seqlens=case.lengths,
            cu_seqlens_q=case.starts,
            page_size=BLOCK,
            causal=True,
            num_splits=SPLITS,
        )

    def call(cache: Tensor) -> None:
        keys, values = cache.unbind(1)
        flash_attn_varlen_func(
            case.query,
            keys,
            values,
            max_seqlen_q=1,
            cu_seqlens_q=case.starts,
            max_seqlen_k=longest,
            seqused_k=case.lengths,
            softmax_scale=SCALE,
            causal=True,
            block_table=case.blocks,
            out=case.out,
            fa_version=version,
            **plan,
        )

    return call


def unified(case: Case) -> Call:
    from vllm.v1.attention.ops.triton_unified_attention import unified_attention

    segments = {}
    if len(case.query) <= FEW:  # as vLLM does: with few sequences, their positions are split
        shape = (FEW, HEADS, SEGMENTS)
        segments = {
            "seq_threshold_3D": FEW,
            "num_par_softmax_segments": SEGMENTS,
            "softmax_segm_output": torch.empty(*shape, WIDTH, device="cuda"),
            "softmax_segm_max": torch.empty(shape, device="cuda"),
            "softmax_segm_expsum": torch.empty(shape, device="cuda"),
        }

    def call(cache: Tensor) -> None:
        keys, values = cache.unbind(1)
        unified_attention(
            q=case.query,
            k=keys,
            v=values,
            out=case.out,
            cu_seqlens_q=case.starts,
            max_seqlen_q=1,
            seqused_k=case.lengths,
            max_seqlen_k=case.blocks.shape[1] * BLOCK,
            softmax_scale=SCALE,
            causal=True,
            window_size=(-1, -1),
            block_table=case.blocks,
            softcap=0,
            q_descale=None,
            k_descale=None,
            v_descale=None,
            **segments,
        )

    return call


def ours(case: Case) -> Call:
    from worker.chatterbox.t3.paged_attention import attend_one

    told = {"blocks": case.blocks, "lengths": case.lengths, "scale": SCALE, "out": case.out}
    return lambda cache: attend_one(case.query, (cache[:, 0], cache[:, 1]), **told)


KERNELS: dict[str, Kernel] = {
    "FlashAttention 2": lambda case: flash(case, 2),
    "FlashAttention 3": lambda case: flash(case, 3),
    "vLLM's Triton": unified,
    "ours": ours,
}

if __name__ == "__main__":
    main()
