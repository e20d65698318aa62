"""Lends rows of the model's conditioning bank to requests, one row per voice and exaggeration.

Used from one event loop only.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from worker.chatterbox.t3.vllm_layout import ConditioningSlot
from worker.chatterbox.voice import Voice


@dataclass(slots=True, eq=False)
class _Tenant:
    slot: ConditioningSlot
    filled: "asyncio.Future[None]"
    users: int = 0


class ConditioningSlots:
    """Fills a row the first time it is wanted, and keeps it until another needs the room.

    A row in use is never taken away: its request may be preempted and read its prompt again.
    """

    def __init__(self, rows: int, fill: Callable[[int, Voice, float], Awaitable[None]]) -> None:
        self._fill = fill
        self._free = list(range(rows))
        self._next_serial = 0
        self._tenants: OrderedDict[tuple[str, float], _Tenant] = OrderedDict()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def lend(self, voice: Voice, exaggeration: float) -> AsyncIterator[ConditioningSlot]:
        """Lend the row of a voice and exaggeration, waiting while all rows are in use.

        Raises: whatever filling the row raised.
        """
        key = (voice.digest, exaggeration)
        tenant = await self._enter(key, voice)
        try:
            await asyncio.shield(tenant.filled)
            yield tenant.slot
        finally:
            await self._leave(key, tenant)

    async def _enter(self, key: tuple[str, float], voice: Voice) -> _Tenant:
        async with self._changed:
            await self._changed.wait_for(lambda: key in self._tenants or self._has_room())
            if key not in self._tenants:
                slot = ConditioningSlot(row=self._take_row(), serial=self._next_serial)
                self._next_serial += 1
                filling = asyncio.ensure_future(self._fill(slot.row, voice, key[1]))
                self._tenants[key] = _Tenant(slot, filling)
            self._tenants.move_to_end(key)
            self._tenants[key].users += 1
            return self._tenants[key]

    async def _leave(self, key: tuple[str, float], tenant: _Tenant) -> None:
        async with self._changed:
            tenant.users -= 1
            if tenant.users == 0 and not _is_filled(tenant):
                del self._tenants[key]
                self._free.append(tenant.slot.row)
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return bool(self._free) or any(not tenant.users for tenant in self._tenants.values())

    def _take_row(self) -> int:
        if not self._free:
            key = next(k for k, tenant in self._tenants.items() if not tenant.users)
            self._free.append(self._tenants.pop(key).slot.row)
        return self._free.pop()


def _is_filled(tenant: _Tenant) -> bool:
    filled = tenant.filled
    return filled.done() and not filled.cancelled() and filled.exception() is None
