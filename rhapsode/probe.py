"""Asks a process on this machine whether it is ready; Compose runs it as the health check.

    python -m rhapsode.probe [URL]

Imports only the standard library, because it runs every few seconds in every container. It waits
for a process that has just started, which answers once it is ready or cannot become ready.
"""

import sys
import time
import urllib.error
import urllib.request

WORKER = "http://127.0.0.1:9100/readyz?wait_s=1800"
STARTS_WITHIN_S = 180.0
LONGEST_ANSWER_S = 1830.0


def probe(url: str, *, starts_within_s: float = STARTS_WITHIN_S) -> tuple[bool, str]:
    """Return whether a process is ready, and its answer."""
    ends_at = time.monotonic() + starts_within_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=LONGEST_ANSWER_S) as answer:  # noqa: S310
                return True, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return False, refusal.read().decode()
        except OSError as error:
            if time.monotonic() > ends_at:
                return False, f"nothing answers at {url}: {error}\n"
        time.sleep(min(1.0, starts_within_s / 10))


def main() -> None:
    """Print the answer of the process and exit with 0 if it is ready."""
    is_ready, answer = probe(sys.argv[1] if len(sys.argv) > 1 else WORKER)
    sys.stdout.write(answer)
    sys.exit(not is_ready)


if __name__ == "__main__":
    main()
