"""The theoretical maximum of the GPU for each stage, and the share of it that was reached."""

from typing import Any

from worker.chatterbox.config import TOKEN_RATE_HZ, ChatterboxConfig

# Measured on these GPUs: bf16 matrix product TFLOP/s, copy TB/s.
CEILINGS = {"H200": (788.0, 4.3), "H100": (798.0, 3.0)}

# Counted from the shapes for a 10 s chunk behind a 10 s reference, 10 steps with guidance.
FLOW_GFLOP_PER_S = 494.0
HIFT_GFLOP_PER_S = 30.6


def shares(report: dict[str, Any], config: ChatterboxConfig) -> dict[str, float]:
    """Return the shares of the GPU's maximum for the best row of each stage."""
    found = [values for name, values in CEILINGS.items() if name in report["device"]]
    if not found:
        return {}
    tflops, tbps = found[0]
    result = {}
    if "tokens" in report:
        best = max(report["tokens"], key=lambda row: row["tokens_per_s"])
        result["t3_of_bandwidth"] = best["tokens_per_s"] * t3_bytes(best["batch"], config) / 1e12
        result["t3_of_bandwidth"] /= tbps
    if "sound" in report:
        flow = max(row["flow_x"] for row in report["sound"])
        hift = max(row["hift_x"] for row in report["sound"])
        result["flow_of_bf16"] = flow * FLOW_GFLOP_PER_S / 1e3 / tflops
        result["hift_of_bf16"] = hift * HIFT_GFLOP_PER_S / 1e3 / tflops
    return result


def t3_bytes(batch: float, config: ChatterboxConfig) -> float:
    """Return the least bytes to read per token: its share of the weights, and both KV caches."""
    t3 = config.t3
    layer = 2 * t3.width * (t3.heads + t3.kv_heads) * t3.head_width + 3 * t3.width * t3.ffn_width
    weights = 2 * (t3.layers * layer + t3.speech_vocab * t3.width)
    position = 2 * 2 * t3.layers * 2 * t3.kv_heads * t3.head_width
    tokens = 12 * TOKEN_RATE_HZ
    mean_context = t3.conditioning_length + 0.4 * tokens + tokens / 2
    return weights / batch + position * mean_context


def table(report: dict[str, Any]) -> str:
    """Return one line per figure, in audio seconds per second unless a unit is given."""
    lines = [f"device                 {report['device']}"]
    lines += [f"start                  {report['start']['first_chunk_s']:.1f} s to first chunk"]
    lines += [f"T3, batch {r['batch']:<12} {r['x']:.0f}" for r in report.get("tokens", [])]
    for row in report.get("sound", []):
        lines += [
            f"flow, batch {row['batch']:<10} {row['flow_x']:.0f}",
            f"HiFT, batch {row['batch']:<10} {row['hift_x']:.0f}",
            f"watermark, batch {row['batch']:<5} {row['watermark_x']:.0f}",
            f"noise on the host      {row['host_x']:.0f}",
        ]
    if "alone" in report:
        lines += [f"one 10 s chunk         {report['alone']['p50_s']:.3f} s"]
    for row in report.get("first_chunk", []):
        lines += [f"1.5 s beside {row['listeners']:3}       {row['mean_s']:.3f} s on average"]
    for row in report.get("concurrency", []):
        times = f"p50 {row['p50_s']:.2f} s, p95 {row['p95_s']:.2f} s"
        lines += [f"end to end, {row['batch']:<10} {row['x']:.0f} ({times})"]
    if "saturation" in report:
        row = report["saturation"]
        lines += [
            f"saturation             {row['x']:.0f}, steady {row['steady_x']:.0f}",
            f"host cores busy        {row['host_cores']:.1f}",
        ]
        if "upstream" in report:
            lines += [f"over upstream          {row['x'] / report['upstream']['x']:.0f} times"]
    lines += [f"{name:<22} {share:.0%}" for name, share in report["roofline"].items()]
    lines += [f"{name:<22} {size:.1f}" for name, size in report["memory"].items()]
    return "\n".join(lines)
