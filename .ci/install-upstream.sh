#!/usr/bin/env bash
# Builds the environment in which upstream Chatterbox makes golden outputs: install-upstream.sh PYTHON VENV.
# Nothing of it is imported by the project.
set -euo pipefail
python=$1 venv=$2
"$python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip install --quiet "$@"; }

# setuptools: resemble-perth asks for pkg_resources, which left in 81. numpy: librosa 0.11 wants numba,
# which is built against numpy up to 2.4. The others are upstream's own pins.
pip torch==2.13.0 'numpy<2.5' safetensors librosa==0.11.0 transformers==5.2.0 diffusers==0.29.0 \
  conformer==0.3.2 einops omegaconf pyloudnorm tqdm onnx 'setuptools<81'
# Without dependencies: they would replace torch.
pip --no-deps torchaudio==2.11.0 s3tokenizer==0.3.0 chatterbox-tts==0.1.7 resemble-perth==1.0.1
# torchaudio's compiled half is for CUDA; the Python half that upstream uses works without it.
rm -f "$venv"/lib/python3*/site-packages/torchaudio/lib/*.so
