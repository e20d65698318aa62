#!/bin/sh
# Measure the engine on a GPU host that has torch and CUDA but no network; see README.md beside it.
# $1: an archive of vLLM's packages; $2, or "-": one of upstream's chatterbox-tts; then the parts,
# all of them unless named. Results and logs go to $OUT in one archive, written anew after each part.
# Several may run side by side, one for each CUDA_VISIBLE_DEVICES.
set -u
archive=$1 upstream=${2:--}
[ $# -gt 1 ] && shift
shift
parts=${*:-upstream engine attention budgets}
card=${CUDA_VISIBLE_DEVICES:-0}
site=/tmp/rhapsode-site-$card
results=/tmp/rhapsode-results-$card
mkdir -p "$results" "$site/rhapsode-0.1.0.dist-info"
tar xJf "$archive" -C "$site"
# vLLM finds T3 by the entry point of an installed package; this is all of one that it looks at.
printf 'Metadata-Version: 2.1\nName: rhapsode\nVersion: 0.1.0\n' \
  > "$site/rhapsode-0.1.0.dist-info/METADATA"
printf '[vllm.general_plugins]\nchatterbox_t3 = worker.chatterbox.t3.plugin:register\n' \
  > "$site/rhapsode-0.1.0.dist-info/entry_points.txt"
# vLLM looks at models in a process of its own: the repository must be on the path, too.
export PYTHONPATH="$site:$PWD" PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 VLLM_LOGGING_LEVEL=INFO
export VLLM_USE_FLASHINFER_SAMPLER=0 VLLM_PLUGINS=chatterbox_t3
# Kernel teams of several processes, each as large as the machine, make all of them ten times slower.
export OMP_NUM_THREADS=4
began=$(date +%s)

# Name, seconds at most, command: its output in a log of that name, the end of it here.
log() {
  name=$1 limit=$2
  shift 2
  timeout -k 3 "$limit" "$@" > "$results/$name.log" 2>&1
  echo "#### $name: status $?, $(($(date +%s) - began)) s after the start"
  tail -n 40 "$results/$name.log" | cut -c 1-160
}
bench() {
  name=$1 limit=$2
  shift 2
  log "$name" "$limit" python3 -m tests.bench.engine --out "$results/$name.json" "$@"
}
check() {
  name=$1 runner=$2
  shift 2
  log "$name" 150 env "VLLM_USE_V2_MODEL_RUNNER=$runner" python3 -m pytest -q -c /dev/null \
    --rootdir=. --import-mode=importlib -p no:cacheprovider -W ignore --tb=short "$@"
}

run_checks() { # side by side: nothing is timed
  check parity-v2 1 --confcutdir=tests/vllm tests/vllm/test_tokens.py &
  v2=$!
  check parity-v1 0 --confcutdir=tests/vllm tests/vllm/test_tokens.py &
  v1=$!
  check gpu 1 --confcutdir=tests/gpu tests/gpu &
  gpu=$!
  log precision 150 python3 -m tests.bench.precision --out "$results/precision.json" &
  wait $v2 $v1 $gpu $!
}

for part in $parts; do
  part_began=$(date +%s)
  case $part in
    engine)
      set --
      [ -s "$results/upstream.json" ] && set -- --upstream "$results/upstream.json"
      bench engine 580 --audio-s 36000 "$@" --parts saturation alone tokens concurrency sound soak
      ;;
    attention)
      log attention 60 python3 -m tests.bench.attention --out "$results/attention.json"
      ;;
    tokens) bench tokens 200 --parts tokens ;;
    soak) bench soak 340 --parts soak ;;
    budgets) # the engines open side by side, beside the checks; then each is measured alone
      turn=/tmp/rhapsode-turn-$card
      exec 9> "$turn"
      flock 9
      for size in 8 16 24; do
        bench "budget-$size" 400 --gpu-memory-gb $size --parts saturation --audio-s 9000 \
          --turn "$turn" &
      done
      run_checks
      until [ "$(grep -ls prepared_s "$results"/budget-*.log | wc -l)" = 3 ] ||
        [ $(($(date +%s) - part_began)) -gt 200 ]; do
        sleep 1
      done
      flock -u 9
      wait
      echo "#### no memory for a graph, batches that failed:"
      grep -cE "no_memory_for_a_graph|render_failed" "$results"/budget-*.log
      ;;
    upstream)
      [ "$upstream" = - ] && continue
      mkdir -p /tmp/upstream
      tar xJf "$upstream" -C /tmp/upstream
      log upstream 60 env "PYTHONPATH=/tmp/upstream:$PWD" python3 -m tests.bench.upstream \
        --out "$results/upstream.json"
      ;;
    *) exit 2 ;;
  esac
  # Whole at any time: what runs this may end before all parts are done.
  packed=$OUT/results-$card.tgz
  tar czf "$packed.new" -C "$results" . && mv "$packed.new" "$packed"
done
