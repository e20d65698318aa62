"""Settings of the API: limits, HTTP and webhooks. Read by narration.settings."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from narration.setting_types import DAY_S, MIB, Count, Part, Port, Seconds


class LimitSettings(Part):
    """The limits of a request."""

    document_size_bytes: Count = 64 * MIB
    document_chars: Count = 5_000_000
    recording_size_bytes: Count = 32 * MIB
    inline_source_bytes: Count = 64 * 1024  # larger sources go to the object store
    queued_jobs: Count = 10_000
    plan_s: Count = DAY_S  # how long a plan and its document are kept
    plans: Count = 50  # per owner: the oldest above this are deleted
    uploads: Count = 100  # per owner, announced but not submitted
    readers: Count = 2  # processes that read uploads
    reader_memory_bytes: Count = 2048 * MIB  # per process
    retention_s: Count | None = None  # of a finished job, if the job sets none
    speech_chars: Count = 4096  # per request for speech; longer texts are jobs
    speech_at_once: Count = 1000  # concurrent requests for speech
    speech_wait_s: Seconds = 60  # for the next chunk of speech, before a stream is aborted
    key_requests_a_minute: Count | None = None  # for keys without a limit of their own
    key_queued_jobs: Count | None = None  # unfinished narrations of such a key
    key_characters_a_day: Count | None = None
    # Concurrent streams of speech, and separately as many of events.
    key_streams: Count | None = None
    speech_retention_s: Annotated[int, Field(ge=60)] = 3600  # of the job behind a stream


class ApiSettings(Part):
    """How HTTP is served. Without any keys, here or in the database, every caller is `local`."""

    host: str = "127.0.0.1"
    port: Port = 8000
    keys: dict[str, SecretStr] = Field(default_factory=dict)  # owner -> bearer key
    admins: str = ""  # owners whose key in `keys` has the scope admin, as `alice,bob`
    signed_url_s: Count = 6 * 3600  # minimum lifetime of URLs that need no key
    body_timeout_s: Seconds = 60  # for receiving a whole request body

    @property
    def admin_owners(self) -> frozenset[str]:
        """The owners in `keys` whose key has the scope admin."""
        return frozenset(filter(None, map(str.strip, self.admins.split(","))))

    @model_validator(mode="after")
    def _admins_have_keys(self) -> Self:
        if unknown := sorted(self.admin_owners - self.keys.keys()):
            raise ValueError(f"admins names {', '.join(unknown)}, who have no key among api.keys")
        return self


class WebhookSettings(Part):
    """Where webhook messages may be sent, and how long a receiver may take.

    Receivers must be on the public internet, or in the networks listed here.
    """

    allowed_networks: str = ""  # as `10.0.0.0/8, fd00::/8`
    endpoints: Count = 10  # per owner
    timeout_s: Seconds = 15  # for a whole call: DNS look-up, connection, request and response
    disable_days: Count = 3  # without success, until a webhook is disabled

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The allowed networks, parsed."""
        return tuple(
            ip_network(text.strip()) for text in self.allowed_networks.split(",") if text.strip()
        )

    @model_validator(mode="after")
    def _networks_are_such(self) -> Self:
        _ = self.networks  # raises ValueError naming an invalid one
        return self
