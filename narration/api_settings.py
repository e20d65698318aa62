"""Settings of what callers may do: limits, the API, webhooks. Read by narration.settings."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from narration.setting_types import DAY_S, MIB, Count, Part, Port, Seconds


class LimitSettings(Part):
    """What a request may ask for."""

    document_size_bytes: Count = 64 * MIB
    document_chars: Count = 5_000_000
    recording_size_bytes: Count = 32 * MIB
    inline_source_bytes: Count = 64 * 1024  # larger sources go to the object store
    queued_jobs: Count = 10_000
    plan_s: Count = DAY_S  # a plan and its document are kept for so long
    plans: Count = 50  # of one owner: the oldest beyond them are dropped
    uploads: Count = 100  # of one owner, announced and not submitted yet
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


class ApiSettings(Part):
    """How HTTP is served. Without any keys, here or made, everybody is the owner `local`."""

    host: str = "127.0.0.1"
    port: Port = 8000
    keys: dict[str, SecretStr] = Field(default_factory=dict)  # owner -> bearer key
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


class WebhookSettings(Part):
    """Whom messages of events are sent to, and how long a receiver may take.

    Receivers are on the public internet, or in networks that are named here.
    """

    allowed_networks: str = ""  # as `10.0.0.0/8, fd00::/8`
    endpoints: Count = 10  # of one owner
    timeout_s: Seconds = 15  # for a whole call: look-up, connection, request and answer
    disable_days: Count = 3  # without success, until a webhook is disabled

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks that are named, each in its own type."""
        return tuple(
            ip_network(text.strip()) for text in self.allowed_networks.split(",") if text.strip()
        )

    @model_validator(mode="after")
    def _networks_are_such(self) -> Self:
        _ = self.networks  # a ValueError says which is none
        return self
