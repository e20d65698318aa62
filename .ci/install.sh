#!/usr/bin/env bash
# Installs the project into a virtual environment: install.sh PYTHON VENV WHAT...
# WHAT is what `pip install` takes after its constraints, for example '.[render]' or '--group dev'.
#
# uv is used where it is there or can be had, since it is ten times faster; else pip. torch comes
# first and by itself: a CUDA build is 3 GB that a machine without a GPU has no use for, and only
# pip looks where the machine's own wheels may lie.
set -euo pipefail
python=$1 venv=$2
shift 2

"$python" - <<'PY' || { echo "rhapsode needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
import sys
sys.exit(sys.version_info < (3, 11))
PY
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
py=$venv/bin/python
# An activated environment elsewhere must not attract the installation.
unset VIRTUAL_ENV CONDA_PREFIX

uv=$(command -v uv || true)
if [ -z "$uv" ] && { [ -x "$venv/bin/uv" ] || "$py" -m pip install --quiet uv 2>/dev/null; }; then
  uv=$venv/bin/uv
fi

torch=$(grep '^torch==' constraints-cpu.txt)
if [[ $* == *render* ]] && ! "$py" -c 'import torch' 2>/dev/null; then
  "$py" -m pip install --quiet --no-deps --no-index "$torch" 2>/dev/null \
    || { [ -n "$uv" ] && "$uv" pip install --quiet --python "$py" --torch-backend auto "$torch"; } \
    || "$py" -m pip install --quiet "$torch"
fi

if [ -n "$uv" ]; then
  "$uv" pip install --quiet --python "$py" --constraint constraints-cpu.txt "${@/#./--editable=.}" && exit 0
fi
"$py" -m pip install --quiet --upgrade 'pip>=25.1' # --group came with pip 25.1
"$py" -m pip install --quiet --constraint constraints-cpu.txt "${@/#./--editable=.}"
