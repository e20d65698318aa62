"""The sound of a text's first chunk, sent straight to the API process whose client waits for it.

It is a hint like a notice: it may be lost, and then the listener hears what is stored, a little
later. Source of the order of work: docs/decisions/0028.
"""

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import structlog

from narration.errors import BrokerUnavailable

if TYPE_CHECKING:
    from narration.broker.notices import RedisNotices

SOUNDS = "rhapsode:sounds"  # the channel
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Who waits for a first chunk, and what its row and its job will say about its sound."""

    owner: str
    job_id: str
    gain_db: float
    pause_after_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSound:
    """A first chunk that has passed its checks; `level` as `narration.sound.take.pack_peak`."""

    waiting: Waiting
    level: bytes
    flac: bytes

    def pack(self) -> str:
        """Return the message; its first line says whose sound it is, as a notice does."""
        waiting = self.waiting
        body = {
            "gain_db": waiting.gain_db,
            "pause_after_ms": waiting.pause_after_ms,
            "level": base64.b64encode(self.level).decode(),
            "flac": base64.b64encode(self.flac).decode(),
        }
        return f"{waiting.job_id} {waiting.owner}\n{json.dumps(body)}"

    @classmethod
    def unpack(cls, message: str) -> Self:
        """Read a message."""
        notice, _, text = message.partition("\n")
        job_id, _, owner = notice.partition(" ")
        body = json.loads(text)
        waiting = Waiting(
            owner=owner,
            job_id=job_id,
            gain_db=body["gain_db"],
            pause_after_ms=body["pause_after_ms"],
        )
        return cls(
            waiting=waiting,
            level=base64.b64decode(body["level"]),
            flac=base64.b64decode(body["flac"]),
        )


class FirstSoundSender:
    """Sends first sounds; used by processes that know nothing of tasks."""

    def __init__(self, broker_url: str | None) -> None:
        """Without a broker, or with one that is not Redis, nothing is sent."""
        self._notices = None if broker_url is None else _connect(broker_url)

    def send(self, sound: FirstSound) -> None:
        """Send a first sound; a failure is logged, since the sound is stored in any case."""
        if self._notices is None:
            return
        try:
            self._notices.publish([sound.pack()], channel=SOUNDS)
        except BrokerUnavailable as error:
            log.warning("first_sound_not_sent", job_id=sound.waiting.job_id, reason=str(error))


def _connect(broker_url: str) -> "RedisNotices | None":
    from narration.broker.notices import RedisNotices  # noqa: PLC0415 - an extra

    return RedisNotices.at(broker_url)
