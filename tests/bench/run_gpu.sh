#!/bin/sh
# Measure the engine on a GPU host that has torch and CUDA but no network; see README.md beside it.
# $1: the archive that holds vLLM. Results and logs go to $OUT. Then either nothing (measure
# everything), or `parity` (T3 on vLLM against plain PyTorch), or arguments of the benchmark.
set -eu
archive=$1
site=/tmp/rhapsode-site
if [ ! -d "$site" ]; then
  mkdir -p "$site/rhapsode-0.1.0.dist-info"
  tar xJf "$archive" -C "$site"
  # vLLM finds T3 by the entry point of an installed package; this is all of one that it looks at.
  printf 'Metadata-Version: 2.1\nName: rhapsode\nVersion: 0.1.0\n' \
    > "$site/rhapsode-0.1.0.dist-info/METADATA"
  printf '[vllm.general_plugins]\nchatterbox_t3 = worker.chatterbox.t3.plugin:register\n' \
    > "$site/rhapsode-0.1.0.dist-info/entry_points.txt"
fi
# vLLM looks at models in a process of its own: the repository must be on the path, too.
export PYTHONPATH="$site:$PWD" PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 VLLM_LOGGING_LEVEL=WARNING
export VLLM_USE_FLASHINFER_SAMPLER=0 VLLM_PLUGINS=chatterbox_t3
shift
if [ "${1:-}" = parity ]; then
  for runner in 1 0; do # model runner V2, then V1
    VLLM_USE_V2_MODEL_RUNNER=$runner timeout 240 python3 -m pytest -q -c /dev/null --rootdir=. \
      --import-mode=importlib --confcutdir=tests/vllm -W ignore --tb=short tests/vllm/test_tokens.py \
      > "$OUT/parity-$runner.log" 2>&1 || echo "#### parity, runner V2=$runner, ended with $?"
    grep -E '^(E |FAILED|ERROR)|passed|failed' "$OUT/parity-$runner.log" | tail -n 30
  done
  exit 0
fi
if [ $# -gt 0 ]; then
  exec python3 -m tests.bench.engine --out "$OUT/engine.json" "$@"
fi

bench() {
  name=$1
  shift
  echo "#### $name: $*"
  timeout "$limit" python3 -m tests.bench.engine --out "$OUT/$name.json" "$@" \
    > "$OUT/$name.log" 2>&1 || echo "#### $name ended with $?"
  tail -n 45 "$OUT/$name.log"
}

limit=330
bench thread --core thread
limit=110
bench process --core process --parts saturation --audio-s 12000
bench eager --core thread --eager --parts alone sound
