"""Bodies of the OpenAI-compatible calls: speech and models.

Source: OpenAI's API reference, `audio/speech` and `models`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from narration.field_types import Line, Number
from narration.jobs.request import JobSettings, OutputFormat, QualitySettings
from narration.sound.streams import StreamFormat
from narration.voices.delivery import DeliverySettings
from narration.voices.lookup import DEFAULT_VOICE

SPEECH_TAKES = 2  # a listener waits, so a chunk that fails its checks is retaken only once
OUTPUTS = {
    StreamFormat.MP3: OutputFormat.MP3,
    StreamFormat.OPUS: OutputFormat.OPUS,
    StreamFormat.AAC: OutputFormat.M4A,
    StreamFormat.FLAC: OutputFormat.FLAC,
    StreamFormat.WAV: OutputFormat.WAV,
    StreamFormat.PCM: OutputFormat.WAV,
}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VoiceReference(_Body):
    """A voice by its id."""

    id: Annotated[Line, Field(min_length=1, max_length=64)]


class SpeechRequest(_Body):
    """A text to be spoken at once. `delivery` and `seed` are extensions; see jobs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "rhapsode",
                    "voice": "default",
                    "input": "Once upon a midnight dreary, while I pondered, weak and weary.",
                    "response_format": "wav",
                }
            ]
        }
    )

    model: Annotated[Line, Field(min_length=1, max_length=128)]
    input: Annotated[str, Field(min_length=1, description="plain text")]
    voice: Annotated[Line, Field(min_length=1, max_length=64)] | VoiceReference = DEFAULT_VOICE
    response_format: StreamFormat = StreamFormat.MP3
    stream_format: Literal["audio", "sse"] = "audio"
    speed: Annotated[float, Number, Field(description="must be 1: speed cannot be changed")] = 1.0
    instructions: Annotated[
        str | None, Field(description="not supported: use `delivery` to set how a text is spoken")
    ] = None
    delivery: DeliverySettings = DeliverySettings()
    seed: Annotated[int, Field(ge=0, lt=2**63), Number] = 0

    @field_validator("speed")
    @classmethod
    def _only_as_spoken(cls, speed: float) -> float:
        if speed != 1.0:
            raise ValueError("cannot be honoured: leave it out, and let your player change it")
        return speed

    @field_validator("instructions")
    @classmethod
    def _no_instructions(cls, instructions: str | None) -> str | None:
        if instructions:
            raise ValueError(
                "cannot be followed: leave it out; `delivery` holds exaggeration, cfg_weight and "
                "temperature"
            )
        return instructions

    @property
    def voice_name(self) -> str:
        """The voice's name or id."""
        return self.voice if isinstance(self.voice, str) else self.voice.id

    def job_settings(self) -> JobSettings:
        """Return the settings of a job that delivers this speech as a file."""
        return JobSettings(
            voice=self.voice_name,
            delivery=self.delivery,
            seed=self.seed,
            outputs=(OUTPUTS[self.response_format],),
        )

    def stream_settings(self, *, retention_s: int) -> JobSettings:
        """Return the settings of the job behind a stream, which delivers no files."""
        return self.job_settings().model_copy(
            update={
                "outputs": (),
                "retention_s": retention_s,
                "quality": QualitySettings(max_takes=SPEECH_TAKES),
            }
        )


class ModelBody(_Body):
    """A model that is available here."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="when it started, in seconds since 1970")
    owned_by: str = "rhapsode"


class ModelList(_Body):
    """The names accepted as `model`."""

    object: Literal["list"] = "list"
    data: list[ModelBody]
