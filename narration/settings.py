"""Every setting of every process, read once and handed down in parts.

The only module that reads the environment: `RHAPSODE_<PART>__<FIELD>`, units in the names.
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
    """Where jobs are kept. Without a URL: SQLite in the data directory."""

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
    public_endpoint_url: str | None = None  # as clients reach it: goes into presigned URLs
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
    """Named places for objects; a request may name one and never sees its credentials."""

    profiles: dict[str, Profile] = Field(default_factory=_own_profile)
    work_profile: str = DEFAULT_PROFILE  # sources, voices and chunk audio
    presign_s: Count = 3600

    @model_validator(mode="after")
    def _work_profile_exists(self) -> Self:
        if self.work_profile not in self.profiles:
            raise ValueError(f"work_profile {self.work_profile!r} is not among the profiles")
        return self


class ModelSettings(Part):
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


MOST_TAKE_PROCESSES = 8  # enough for the fastest engine: each stores some 40 chunks a second
LEAST_CORES = 4  # for processes of their own


class WorkerSettings(Part):
    """How a worker runs tasks; the lease times apply to every kind of task."""

    slots: Count | None = None  # tasks at once over one warm engine; as many as keep it busy
    is_warmed_up: bool = True  # speak once before being ready
    segment_chunks: Count = 16
    encoders: Annotated[int, Field(ge=0)] | None = None  # processes; by default one per core
    # Processes that check and store takes; by default as many as the cores suggest.
    take_processes: Annotated[int, Field(ge=0, le=64)] | None = None
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

    @property
    def take_process_count(self) -> int:
        """How many processes check and store takes; with 0 it is done within the process.

        Where there are few cores, more processes would only take them from the engine.
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
    stalled_s: Seconds = 15  # the message of work that was not taken for this long is sent again
    purge_interval_s: Seconds = 300
    cache_days: Count = 30  # unused chunk audio is deleted after this
    part_days: Count = 7  # encoded parts that no job has used for so long are deleted
    part_quota_bytes: Count = 50 * 1024 * MIB  # and the oldest of what is beyond this
    worker_forget_s: Seconds = DAY_S


class ClientSettings(Part):
    """Which server `rhapsode submit` talks to, and as whom."""

    server: str = "http://127.0.0.1:8000"
    key: SecretStr | None = None


class TelemetrySettings(Part):
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
    webhooks: WebhookSettings = WebhookSettings()
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
