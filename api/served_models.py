"""The model names that a request may use: the service's own, and the model of its workers."""

import time
from dataclasses import dataclass
from datetime import datetime

import anyio
from anyio.to_thread import run_sync
from sqlalchemy import Engine

from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import NotFoundError
from narration.workers import warm_models

SERVICE = "rhapsode"  # stands for whatever model runs here
CACHED_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model name, and since when it has been available."""

    name: str
    since: datetime


class ServedModels:
    """Looks names up, at most every few seconds; used from one event loop."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._started_at = utc_now()
        self._names: list[ServedModel] = []
        self._checked_at = float("-inf")
        self._guard = anyio.Lock()

    async def all(self) -> list[ServedModel]:
        """Return every name that a request may give. Raises: DatabaseUnavailable."""
        async with self._guard:
            if time.monotonic() - self._checked_at > CACHED_S:
                self._names = await run_sync(self._look_up)
                self._checked_at = time.monotonic()
        return [ServedModel(name=SERVICE, since=self._started_at), *self._names]

    async def get(self, name: str) -> ServedModel:
        """Return one model. Raises: NotFoundError, DatabaseUnavailable."""
        models = await self.all()
        for model in models:
            if model.name == name:
                return model
        names = ", ".join(model.name for model in models)
        raise NotFoundError(f"there is no model {name!r}: choose among {names}")

    async def require(self, name: str) -> None:
        """Check a name; the service's own costs no query. Raises: see `get`."""
        if name != SERVICE:
            await self.get(name)

    def _look_up(self) -> list[ServedModel]:
        with session_scope(self._database, is_read_only=True) as session:
            models = warm_models(session, now=utc_now())
        # If workers run different models, no particular one can be promised.
        if len(models) != 1:
            return []
        return [ServedModel(name=name, since=since) for name, since in models.items()]
