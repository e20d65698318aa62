"""The page on one machine with a model that makes tones: `python -m tests.page_server --port N`.

A process of its own, so that a test can kill it and start it again over the same data.
"""

import argparse
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--chunk-s", type=float, default=0.0)
    parser.add_argument("--key")
    parser.add_argument("--speech-wait-s", type=float, default=60.0)
    parser.add_argument("--lease-s", type=float, default=60.0)
    parser.add_argument("--speech-at-once", type=int, default=1000)
    options = parser.parse_args()
    # Here, not above: processes that read uploads import this module, too, and are short of memory.
    from narration.settings import Settings
    from rhapsode.http_server import serve_machine
    from tests.fakes import ToneEngine, make_model

    api: dict[str, object] = {"port": options.port}
    if options.key:
        api["keys"] = {"anna": options.key}
    limits = {"speech_wait_s": options.speech_wait_s, "speech_at_once": options.speech_at_once}
    worker = {"lease_s": options.lease_s, "heartbeat_s": options.lease_s / 4}
    settings = Settings.model_validate(
        {"data_dir": options.data_dir, "api": api, "limits": limits, "worker": worker}
    )
    engine = ToneEngine(chunk_s=options.chunk_s)
    return serve_machine(settings, lambda _: make_model(engine, target_concurrency=4))


if __name__ == "__main__":
    sys.exit(main())
