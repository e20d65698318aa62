"""Every setting of every process, read once and passed down in parts.

The only module that reads the environment: `RHAPSODE_<PART>__<FIELD>`, with units in the names.
With nothing set, everything runs on one machine: SQLite, a directory, tasks inside the process.
"""

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from narration.api_settings import ApiSettings, LimitSettings, WebhookSettings
from narration.errors import SettingsError
from narration.setting_types import DAY_S, MIB, Count, Part, Port, Seconds

PREFIX = "RHAPSODE_"
DEFAULT_PROFILE = "default"


class DatabaseSettings(Part):
    """Where jobs are stored. Without a URL: SQLite in the data directory."""

    url: str | None = None
    pool_size: Count = 16
    connect_timeout_s: Count = 5
    statement_timeout_s: Count = 30


class BrokerSettings(Part):
    """What carries task messages. Without a URL: threads of this process."""

    url: str | None = None
    connect_timeout_s: Seconds = 3


class DirectoryProfile(Part):
    """Objects in a local directory. Without a path: `objects` in the data directory."""

    kind: Literal["directory"] = "directory"
    path: Path | None = None


class S3Profile(Part):
    """Objects in a bucket. Without keys, the machine's own role is used."""

    kind: Literal["s3"]
    bucket: Annotated[str, Field(min_length=3, max_length=63)]
    region: str = "us-east-1"
    endpoint_url: str | None = None
    public_endpoint_url: str | None = None  # as seen by clients, for presigned URLs
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    is_path_style: bool = True
    connect_timeout_s: Seconds = 3
    read_timeout_s: Seconds = 30
    part_size_bytes: Annotated[int, Field(ge=5 * MIB)] = 16 * MIB  # S3 refuses smaller parts


Profile = Annotated[DirectoryProfile | S3Profile, Field(discriminator="kind")]


def _own_profile() -> dict[str, Profile]:
    return {DEFAULT_PROFILE: DirectoryProfile()}


class StorageSettings(Part):
    """Named stores for objects; requests refer to them by name and never see credentials."""

    profiles: dict[str, Profile] = Field(default_factory=_own_profile)
    work_profile: str = DEFAULT_PROFILE  # sources, voices and chunk audio
    presign_s: Count = 3600

    @model_validator(mode="after")
    def _work_profile_exists(self) -> Self:
        if self.work_profile not in self.profiles:
            raise ValueError(f"work_profile {self.work_profile!r} is not among the profiles")
        return self


class ModelSettings(Part):
    """Which model speaks, and on which device."""

    checkpoint: str = "demo"  # a name known to `rhapsode models`, or a folder
    back_end: Literal["auto", "torch", "vllm"] = "auto"
    device: str = "auto"
    cards: str | None = None  # GPUs to choose from, as `0,2`; each worker takes one of its own
    # Whether the engine runs in a process of its own; by default on a GPU only.
    has_own_process: bool | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    t3_slots: Count | None = None  # utterances decoded at once
    vocoder_batch: Count | None = None
    gpu_memory_gb: Annotated[float, Field(gt=0)] | None = None
    is_watermarked: bool = True


MOST_TAKE_PROCESSES = 8  # enough for the fastest engine: each stores some 40 chunks a second
LEAST_CORES = 4  # below this, no separate processes


class WorkerSettings(Part):
    """How a worker runs tasks; the lease times apply to every kind of task."""

    # Concurrent segments on one engine; by default as many as keep it busy.
    slots: Count | None = None
    is_warmed_up: bool = True  # speak once before reporting ready
    segment_chunks: Count = 16
    encoders: Annotated[int, Field(ge=0)] | None = None  # processes; by default one per core
    # Processes that check and store takes; the default depends on the number of cores.
    take_processes: Annotated[int, Field(ge=0, le=64)] | None = None
    # Encode every job as AAC, so that it can be played before it is finished.
    is_listenable: bool = True
    urgent_slots: Annotated[int, Field(ge=0)] = 256  # additional segments for clients that wait
    window_segments: Count = 512  # segments of one job in progress, over all workers
    lease_s: Seconds = 60
    heartbeat_s: Seconds = 15
    grace_s: Seconds = 50  # from SIGTERM until unfinished work is handed back
    poison_losses: Count = 5  # workers lost with a chunk before it counts as failed
    step_tries: Count = 8  # tries of one step without progress before the job fails
    retry_s: Seconds = 2  # wait after the first transient failure; doubled each time
    retry_max_s: Seconds = 300
    scratch_dir: Path | None = None  # where files are assembled; a temporary directory if unset
    # Disk space for assembling files, and for copies of parts until they are joined.
    scratch_gb: Annotated[float, Field(gt=0)] = 16

    @property
    def encoder_count(self) -> int:
        """The number of encoding processes; with 0, the worker process encodes."""
        return (os.cpu_count() or 1) if self.encoders is None else self.encoders

    @property
    def take_process_count(self) -> int:
        """The number of processes that check and store takes; with 0, the worker process does.

        With few cores, more processes would only take time from the engine.
        """
        if self.take_processes is not None:
            return self.take_processes
        cores = os.cpu_count() or 1
        return min(cores // 2, MOST_TAKE_PROCESSES) if cores >= LEAST_CORES else 0

    @model_validator(mode="after")
    def _lease_outlives_heartbeats(self) -> Self:
        if self.lease_s < 3 * self.heartbeat_s:
            raise ValueError("lease_s must be at least three times heartbeat_s")
        return self


class SweeperSettings(Part):
    """When lost messages are sent again, and when unused data is deleted."""

    interval_s: Seconds = 5
    stalled_s: Seconds = 15  # resend the message of work that nobody has claimed for this long
    purge_interval_s: Seconds = 300
    cache_days: Count = 30  # unused chunk audio is deleted after this
    part_days: Count = 7  # encoded parts that no job has used for this long are deleted
    part_quota_bytes: Count = 50 * 1024 * MIB  # above this, the oldest are deleted
    worker_forget_s: Seconds = DAY_S


class ClientSettings(Part):
    """Which server `rhapsode submit` uses, and the key for it."""

    server: str = "http://127.0.0.1:8000"
    key: SecretStr | None = None


class TelemetrySettings(Part):
    """Logging and metrics."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    metrics_port: Port | None = None  # for workers and the sweeper; the API serves /metrics itself


class Settings(BaseSettings):
    """All settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        # An env file cannot unset a variable, so an empty line means the default.
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
    webhooks: WebhookSettings = WebhookSettings()
    client: ClientSettings = ClientSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @property
    def database_url(self) -> str:
        """The URL of the database; SQLite in the data directory if none is set."""
        return self.database.url or f"sqlite:///{self.data_dir / 'rhapsode.db'}"

    @property
    def objects_dir(self) -> Path:
        """Where directory profiles without a path store their objects."""
        return self.data_dir / "objects"


def load_settings(**parts: object) -> Settings:
    """Read the settings from the environment; `parts` take precedence.

    Raises: SettingsError naming each unknown or invalid variable.
    """
    _refuse_unknown_variables()
    try:
        return Settings.model_validate(parts) if parts else Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_complaint(detail) for detail in error.errors())) from error


def is_card_chosen() -> bool:
    """Return whether the environment already restricts the cards that CUDA sees."""
    return bool(os.environ.get("CUDA_VISIBLE_DEVICES"))


def show_only_card(index: str) -> None:
    """Make CUDA see only one card, by its index in the driver's list, before CUDA is initialized.

    By index, because vLLM 0.23 parses the value as a number, not as a UUID.
    """
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # order them like the driver
    os.environ["CUDA_VISIBLE_DEVICES"] = index


def is_logged_as_json() -> bool:
    """Return how a process logs, even if its settings cannot be read."""
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
