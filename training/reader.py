"""Reads new shards on a separate thread, so that training does not wait for them."""

import threading
import time

from training.corpus import Corpus, Utterance

PAUSE_S = 2.0


class Reader:
    """Reads new shards until there is enough speech; `take` returns what was read since."""

    def __init__(self, corpus: Corpus, most_hours: float) -> None:
        self._corpus = corpus
        self._most_hours = most_hours
        self._new: list[Utterance] = []
        self._lock = threading.Lock()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop reading; everything read so far is in the corpus."""
        self._is_stopped = True
        self._thread.join()

    def take(self) -> list[Utterance]:
        """Return the utterances read since the last call, without those held out."""
        with self._lock:
            new, self._new = self._new, []
        return new

    def _read(self) -> None:
        while not self._is_stopped and self._corpus.hours() < self._most_hours:
            found = self._corpus.refresh()
            with self._lock:
                self._new += found
            time.sleep(PAUSE_S)
