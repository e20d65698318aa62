"""Everything that can go wrong, as one tree; a class's docstring is its default message.

RhapsodeError
├── InputError              the caller's fault: never retried, shown as it is
│   ├── DocumentError       the text cannot be narrated
│   ├── RecordingError      the voice recording cannot be used
│   ├── CheckpointError     the model folder cannot be used
│   ├── SettingsError       a setting or an option makes no sense
│   ├── NotFoundError       there is no such thing
│   ├── GoneError           there was such a thing, and it was deleted
│   ├── ConflictError       the thing is not in a state that allows this
│   │   └── NothingSpoken   there is nothing to listen to yet
│   ├── OutputError         the result cannot be written there
│   │   └── StoreRefusal    the store refuses
│   ├── FieldsError         some fields make no sense
│   │   └── UnknownVoiceError
│   ├── KeyReusedError      the idempotency key belongs to another request
│   └── LimitError          the caller's key has reached one of its limits
├── TransientError          worth another try, with backoff
│   ├── DependencyError     something we depend on is away or full: the work waits for it
│   │   ├── StorageUnavailable
│   │   │   ├── StorageFull
│   │   │   └── StorageFailing
│   │   ├── DatabaseUnavailable
│   │   │   └── RowsLocked, SchemaOutdated
│   │   ├── BrokerUnavailable
│   │   └── DiskFull
│   ├── QueueFullError      as many jobs wait as are taken
│   ├── BusyError           all processes that read uploads are busy
│   ├── EngineDied          the engine will not answer again: this worker must go
│   ├── EncoderDied         a process that encodes was killed, or took too long
│   ├── VoiceNotReady       the voice is still being prepared
│   └── LeaseLost           somebody else has this work now: let go of it
├── SpeechError             the model failed on this one chunk
├── QualityError            what was spoken did not pass the checks
├── DeadlineError           the job was not done in time
├── AbandonedError          too many workers were lost doing this
└── IncompletePlanError     a plan or a programme does not hold all of the text: a fault of ours

Anything else is a bug and is not caught.
"""

MOST, LONGEST = 20, 200  # fields that are named at once; characters of a name, the caller's


class RhapsodeError(Exception):
    """Something went wrong."""

    code = "internal"
    # Whether the message may name a path, a host or a bucket: clients of a server get another one.
    is_confidential = False

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__class__.__doc__)

    @property
    def public_message(self) -> str:
        """The message without paths, hosts or buckets, for clients of a server."""
        return (self.__class__.__doc__ or "") if self.is_confidential else str(self)


class InputError(RhapsodeError):
    """The request cannot be carried out as it is."""

    code = "invalid_request"


class DocumentError(InputError):
    """The text cannot be narrated."""

    code = "document_invalid"


class RecordingError(InputError):
    """The recording cannot be used as a voice."""

    code = "voice_rejected"


class CheckpointError(InputError):
    """The model folder cannot be used: the log says why."""

    code = "checkpoint_invalid"
    is_confidential = True


class SettingsError(InputError):
    """A setting makes no sense."""

    code = "settings_invalid"


class NotFoundError(InputError):
    """There is no such thing."""

    code = "not_found"


class ConflictError(InputError):
    """Its present state does not allow this."""

    code = "conflict"


class GoneError(InputError):
    """It was deleted."""

    code = "gone"


class NothingSpoken(ConflictError):  # noqa: N818 - named after a state
    """There is nothing to listen to yet."""

    code = "nothing_spoken"


class OutputError(InputError):
    """The result cannot be written there."""

    code = "output_denied"


class StoreRefusal(OutputError):  # noqa: N818 - named after what the store does
    """The store refuses to read or write there."""

    is_confidential = True


class FieldsError(InputError):
    """Some fields of the request make no sense; of many, the first are named."""

    def __init__(self, fields: list[dict[str, str]]) -> None:
        self.fields = [field | {"pointer": field["pointer"][:LONGEST]} for field in fields[:MOST]]
        named = [f"{field['pointer']}: {field['detail']}" for field in self.fields]
        left = [f"and {len(fields) - MOST:,} more"] if len(fields) > MOST else []
        super().__init__("; ".join(named + left))


class UnknownVoiceError(FieldsError):
    """The request names a voice that its owner does not have."""

    def __init__(self, detail: str) -> None:
        super().__init__([{"pointer": "/voice", "detail": detail}])


class KeyReusedError(InputError):
    """The idempotency key belongs to a different request."""

    code = "idempotency_conflict"


class LimitError(InputError):
    """The key has reached one of its limits: `policy` names it, `left` is what remains of it."""

    code = "limit_reached"

    def __init__(self, message: str, *, policy: str, retry_after_s: int, left: int = 0) -> None:
        super().__init__(message)
        self.policy, self.retry_after_s, self.left = policy, retry_after_s, left


class TransientError(RhapsodeError):
    """Something we depend on does not answer; another try may succeed."""

    code = "unavailable"


class DependencyError(TransientError):
    """Something we depend on is away or full; the work waits until it is mended."""


class StorageUnavailable(DependencyError):  # noqa: N818 - named after a state, like those below
    """The object store does not answer."""

    code = "storage_unavailable"
    is_confidential = True


class StorageFull(StorageUnavailable):
    """The object store is full: free some space; the work goes on by itself."""

    code = "storage_full"


class StorageFailing(StorageUnavailable):
    """The object store answers, and fails: its disk may be full, its own log says why."""

    code = "storage_failing"


class DatabaseUnavailable(DependencyError):  # noqa: N818
    """The database does not answer."""

    code = "database_unavailable"
    is_confidential = True


class SchemaOutdated(DatabaseUnavailable):
    """The database lacks this release's tables: run `rhapsode migrate`."""

    code = "schema_outdated"


class RowsLocked(DatabaseUnavailable):
    """The database does not answer: another transaction has rows that this one needs."""


class BrokerUnavailable(DependencyError):  # noqa: N818
    """The message broker does not answer."""

    code = "broker_unavailable"
    is_confidential = True


class QueueFullError(TransientError):
    """As many jobs are waiting as this server takes."""

    code = "queue_full"


class BusyError(TransientError):
    """All processes that read uploads are busy."""

    code = "busy"


class DiskFull(DependencyError):  # noqa: N818
    """The disk of a worker is full: free some space; the work goes on by itself."""

    code = "disk_full"
    is_confidential = True


class EngineDied(TransientError):  # noqa: N818
    """The speech engine died; this worker must be replaced."""

    code = "engine_died"


class EncoderDied(TransientError):  # noqa: N818
    """A process that encodes sound was killed, or took too long."""

    code = "encoder_died"


class VoiceNotReady(TransientError):  # noqa: N818
    """The voice is still being prepared."""

    code = "voice_not_ready"


class LeaseLost(TransientError):  # noqa: N818
    """Somebody else has taken this work over, or it is no longer wanted."""

    code = "lease_lost"


class SpeechError(RhapsodeError):
    """The model could not speak this chunk."""

    code = "chunk_failed"


class QualityError(RhapsodeError):
    """What was spoken did not pass the checks."""

    code = "quality_failed"


class DeadlineError(RhapsodeError):
    """The job was not done before its deadline."""

    code = "deadline_exceeded"


class AbandonedError(RhapsodeError):
    """Too many workers were lost while doing this."""

    code = "worker_lost"


class IncompletePlanError(RhapsodeError):
    """A part of the text would not be spoken; please report this text."""

    code = "incomplete"


def public_message(code: str, message: str) -> str:
    """Return the public message for a stored error by its code."""
    return _CONFIDENTIAL.get(code, message)


def _confidential(root: type[RhapsodeError]) -> dict[str, str]:
    codes = {root.code: root.__doc__ or ""} if root.is_confidential else {}
    for kind in root.__subclasses__():
        codes = _confidential(kind) | codes  # of two with one code, the base class is public
    return codes


_CONFIDENTIAL = _confidential(RhapsodeError)
