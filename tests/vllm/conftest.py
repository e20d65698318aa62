"""Needs vLLM's CPU build in a separate environment: `make test-vllm`."""

import os

import pytest

# Before vLLM is imported: one process per engine is enough here, and starts faster.
# Before vLLM is imported: its CPU build would compute in a child process otherwise.
os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
os.environ["VLLM_LOGGING_LEVEL"] = "WARNING"
os.environ["HF_HUB_OFFLINE"] = "1"
# On a GPU, Triton would round the factors of float32 products to TF32.
os.environ["TRITON_F32_DEFAULT"] = "ieee"

# Warnings of vLLM, at its import and its end; our own are still errors.
VLLM_WARNINGS = (
    "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning",
    "ignore:`torch.distributed.reduce_op` is deprecated:FutureWarning",
    "ignore:[Uu]nclosed .*<zmq:ResourceWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    for warning in VLLM_WARNINGS:
        config.addinivalue_line("filterwarnings", warning)
