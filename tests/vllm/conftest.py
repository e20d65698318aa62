"""Needs vLLM's CPU build in an environment of its own: `make test-vllm`."""

import os

# Before vLLM is imported: one process per engine is enough here, and starts sooner.
os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
os.environ["VLLM_LOGGING_LEVEL"] = "WARNING"
os.environ["HF_HUB_OFFLINE"] = "1"
