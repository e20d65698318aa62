"""Lends rows of T3's conditioning bank to utterances, one row per voice and exaggeration.

Used from one thread.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable

from worker.chatterbox.t3.vllm_layout import BankRow
from worker.chatterbox.voice import Voice


class ConditioningBank:
    """Fills a row when it is first needed, and keeps it until another voice needs the row.

    A row in use is never overwritten: vLLM may preempt its utterance and read its prompt again.
    """

    def __init__(self, rows: int, fill: Callable[[int, Voice, float], None]) -> None:
        """`fill` writes the conditioning of a voice and exaggeration to a row."""
        self._fill = fill
        self._free = list(range(rows))
        self._next_serial = 0
        self._rows: OrderedDict[tuple[str, float], BankRow] = OrderedDict()  # oldest use first
        self._users: Counter[BankRow] = Counter()

    def borrow(self, voice: Voice, exaggeration: float) -> BankRow | None:
        """Lend the row of a voice and exaggeration; None while others use all rows.

        Raises: whatever filling the row raised.
        """
        key = (voice.digest, exaggeration)
        row = self._rows.get(key) or self._add(voice, exaggeration)
        if row is not None:
            self._rows.move_to_end(key)
            self._users[row] += 1
        return row

    def give_back(self, row: BankRow) -> None:
        """End one use of a row."""
        self._users[row] -= 1
        if not self._users[row]:
            del self._users[row]

    def _add(self, voice: Voice, exaggeration: float) -> BankRow | None:
        self._make_room()
        if not self._free:
            return None
        # The row stays free if filling it fails.
        self._fill(self._free[-1], voice, exaggeration)
        row = BankRow(index=self._free.pop(), serial=self._next_serial)
        self._next_serial += 1
        self._rows[voice.digest, exaggeration] = row
        return row

    def _make_room(self) -> None:
        if self._free:
            return
        unused = next((key for key, row in self._rows.items() if row not in self._users), None)
        if unused is not None:
            self._free.append(self._rows.pop(unused).index)
