"""Every setting of every process, read once and handed down in parts.

The only module that reads the environment: `RHAPSODE_<PART>__<FIELD>`, units in the names.
With nothing set, everything runs on one machine: SQLite, a directory, tasks inside the process.
"""

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from narration.errors import SettingsError

PREFIX = "RHAPSODE_"
DEFAULT_PROFILE = "default"
MIB = 1024 * 1024
DAY_S = 86_400

Port = Annotated[int, Field(ge=1, le=65_535)]
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(_Part):
    """Where jobs are kept. Without a URL: SQLite in the data directory."""

    url: str | None = None
    pool_size: Count = 16
    connect_timeout_s: Count = 5
    statement_timeout_s: Count = 30


class BrokerSettings(_Part):
    """What carries task messages. Without a URL: threads of this process."""

    url: str | None = None
    connect_timeout_s: Seconds = 3


class DirectoryProfile(_Part):
    """Objects in a local directory. Without a path: `objects` in the data directory."""

    kind: Literal["directory"] = "directory"
    path: Path | None = None


class S3Profile(_Part):
    """Objects in a bucket. Without keys, the machine's own role is used."""

    kind: Literal["s3"]
    bucket: Annotated[str, Field(min_length=3, max_length=63)]
    region: str = "us-east-1"
    endpoint_url: str | None = None
    public_endpoint_url: str | None = None  # as clients reach it: goes into presigned URLs
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    is_path_style: bool = True
    connect_timeout_s: Seconds = 3
    read_timeout_s: Seconds = 30
    part_size_bytes: Annotated[int, Field(ge=5 * MIB)] = 16 * MIB  # S3 refuses smaller parts


Profile = Annotated[DirectoryProfile | S3Profile, Field(discriminator="kind")]


class StorageSettings(_Part):
    """Named places for objects; a request may name one and never sees its credentials."""

    profiles: dict[str, Profile] = {DEFAULT_PROFILE: DirectoryProfile()}
    work_profile: str = DEFAULT_PROFILE  # sources, voices and chunk audio
    presign_s: Count = 3600

    @model_validator(mode="after")
    def _work_profile_exists(self) -> Self:
        if self.work_profile not in self.profiles:
            raise ValueError(f"work_profile {self.work_profile!r} is not among the profiles")
        return self


class ModelSettings(_Part):
    """Which model speaks, and on what."""

    checkpoint: str = "demo"  # a name known to `rhapsode models`, or a folder
    back_end: Literal["auto", "torch", "vllm"] = "auto"
    device: str = "auto"
    cards: str | None = None  # GPUs to choose from, as `0,2`; each worker takes one of its own
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    t3_slots: Count | None = None  # utterances decoded at once
    vocoder_batch: Count | None = None
    gpu_memory_gb: Annotated[float, Field(gt=0)] | None = None
    is_watermarked: bool = True


class WorkerSettings(_Part):
    """How a worker runs tasks; the lease times apply to every kind of task."""

    slots: Count | None = None  # tasks at once over one warm engine; as many as keep it busy
    is_warmed_up: bool = True  # speak once before being ready
    segment_chunks: Count = 16
    encoders: Annotated[int, Field(ge=0)] | None = None  # processes; by default one per core
    is_listenable: bool = True  # AAC is made of every job, so that one can listen before its end
    urgent_slots: Annotated[int, Field(ge=0)] = 32  # segments that somebody waits for, beside those
    window_segments: Count = 512  # of one job in work at once, over all workers
    lease_s: Seconds = 60
    heartbeat_s: Seconds = 15
    grace_s: Seconds = 50  # from SIGTERM to handing unfinished work back
    poison_losses: Count = 5  # workers a chunk may take down before it counts as failed
    step_tries: Count = 8  # of one step without progress before the job fails
    retry_s: Seconds = 2  # wait after the first transient failure; doubled each time
    retry_max_s: Seconds = 300
    scratch_dir: Path | None = None  # where files are assembled; among the temporary files if unset
    scratch_gb: Annotated[float, Field(gt=0)] = 16  # of the disk, while files are assembled

    @property
    def encoder_count(self) -> int:
        """How many processes encode; with 0 it is done within the process."""
        return (os.cpu_count() or 1) if self.encoders is None else self.encoders

    @model_validator(mode="after")
    def _lease_outlives_heartbeats(self) -> Self:
        if self.lease_s < 3 * self.heartbeat_s:
            raise ValueError("lease_s must be at least three times heartbeat_s")
        return self


class SweeperSettings(_Part):
    """When lost messages are sent again, and when unused data is deleted."""

    interval_s: Seconds = 5
    stalled_s: Seconds = 15  # the message of work that was not taken for this long is sent again
    purge_interval_s: Seconds = 300
    cache_days: Count = 30  # unused chunk audio is deleted after this
    part_days: Count = 7  # encoded parts that no job has used for so long are deleted
    part_quota_bytes: Count = 50 * 1024 * MIB  # and the oldest of what is beyond this
    worker_forget_s: Seconds = DAY_S


class LimitSettings(_Part):
    """What a request may ask for."""

    document_size_bytes: Count = 64 * MIB
    document_chars: Count = 5_000_000
    recording_size_bytes: Count = 32 * MIB
    inline_source_bytes: Count = 64 * 1024  # larger sources go to the object store
    queued_jobs: Count = 10_000
    plan_s: Count = DAY_S  # a plan and its document are kept for so long
    plans: Count = 50  # of one owner: the oldest beyond them are dropped
    readers: Count = 2  # processes that read uploads
    reader_memory_bytes: Count = 2048 * MIB  # of each of them
    retention_s: Count | None = None  # of a finished job, when the job names none
    speech_chars: Count = 4096  # of one request for speech; longer texts are jobs
    speech_at_once: Count = 1000  # requests for speech that are being spoken
    speech_wait_s: Seconds = 60  # for the next chunk of speech, before a stream is given up
    key_requests_a_minute: Count | None = None  # of a key that has no limit of its own
    key_queued_jobs: Count | None = None  # narrations of such a key that have not ended
    key_characters_a_day: Count | None = None
    key_streams: Count | None = None  # of speech at a time, and as many of events
    speech_retention_s: Annotated[int, Field(ge=60)] = 3600  # of the job behind a stream


class ApiSettings(_Part):
    """How HTTP is served. Without any keys, here or made, everybody is the owner `local`."""

    host: str = "127.0.0.1"
    port: Port = 8000
    keys: dict[str, SecretStr] = {}  # owner -> bearer key
    admins: str = ""  # owners whose key among these has the scope admin, as `alice,bob`
    signed_url_s: Count = 6 * 3600  # how long the URLs that need no key are valid, at least
    body_timeout_s: Seconds = 60  # for a whole request body to arrive

    @property
    def admin_owners(self) -> frozenset[str]:
        """The owners among `keys` whose key has the scope admin."""
        return frozenset(filter(None, map(str.strip, self.admins.split(","))))

    @model_validator(mode="after")
    def _admins_have_keys(self) -> Self:
        if unknown := sorted(self.admin_owners - self.keys.keys()):
            raise ValueError(f"admins names {', '.join(unknown)}, who have no key among api.keys")
        return self


class ClientSettings(_Part):
    """Which server `rhapsode submit` talks to, and as whom."""

    server: str = "http://127.0.0.1:8000"
    key: SecretStr | None = None


class TelemetrySettings(_Part):
    """What is logged and measured."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    metrics_port: Port | None = None  # of workers and the sweeper; the API serves /metrics itself


class Settings(BaseSettings):
    """All settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        # An env file can only leave a value out: a line without one means the default.
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
    )

    data_dir: Path = user_data_path("rhapsode")
    database: DatabaseSettings = DatabaseSettings()
    broker: BrokerSettings = BrokerSettings()
    storage: StorageSettings = StorageSettings()
    model: ModelSettings = ModelSettings()
    worker: WorkerSettings = WorkerSettings()
    sweeper: SweeperSettings = SweeperSettings()
    limits: LimitSettings = LimitSettings()
    api: ApiSettings = ApiSettings()
    client: ClientSettings = ClientSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @property
    def database_url(self) -> str:
        """The URL of the database, SQLite in the data directory if none is set."""
        return self.database.url or f"sqlite:///{self.data_dir / 'rhapsode.db'}"

    @property
    def objects_dir(self) -> Path:
        """Where directory profiles without a path keep their objects."""
        return self.data_dir / "objects"


def load_settings(**parts: object) -> Settings:
    """Read the settings from the environment; `parts` take precedence.

    Raises: SettingsError naming each variable that is unknown or makes no sense.
    """
    _refuse_unknown_variables()
    try:
        return Settings.model_validate(parts) if parts else Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_complaint(detail) for detail in error.errors())) from error


def is_card_chosen() -> bool:
    """Tell whether the environment says already which cards CUDA sees."""
    return bool(os.environ.get("CUDA_VISIBLE_DEVICES"))


def show_only_card(index: str) -> None:
    """Let CUDA see one card, by its index in the driver's list, before anything asks CUDA.

    Not by its UUID: vLLM 0.23 takes what it reads here for a number.
    """
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the order of the driver's list
    os.environ["CUDA_VISIBLE_DEVICES"] = index


def is_logged_as_json() -> bool:
    """Tell how a process logs, even where its settings cannot be read."""
    return os.environ.get(f"{PREFIX}TELEMETRY__LOG_FORMAT", "").lower() == "json"


def _refuse_unknown_variables() -> None:
    parts = set(Settings.model_fields)
    for name in os.environ:
        if not name.startswith(PREFIX):
            continue
        if name.removeprefix(PREFIX).lower().split("__")[0] not in parts:
            raise SettingsError(f"{name} is not a setting: .env.example lists them all")


def _complaint(detail: object) -> str:
    assert isinstance(detail, dict)
    variable = PREFIX + "__".join(str(part).upper() for part in detail["loc"])
    return f"{variable}: {detail['msg']}"
