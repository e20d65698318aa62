"""Rates, sizes and special tokens of the Chatterbox family; every other number is derived here.

The defaults are the official English model. A checkpoint folder may contain a `config.json` that
sets other sizes, section by section, and how its tensors are stored.
"""

import json
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Self

from narration.errors import CheckpointError

REFERENCE_RATE_HZ = 16_000  # speech tokenizer, voice encoder, x-vector
SAMPLE_RATE_HZ = 24_000  # prompt mel and waveform
TOKEN_RATE_HZ = 25
MEL_RATE_HZ = 50

SAMPLES_PER_TOKEN = SAMPLE_RATE_HZ // TOKEN_RATE_HZ
SAMPLES_PER_FRAME = SAMPLE_RATE_HZ // MEL_RATE_HZ
FRAMES_PER_TOKEN = MEL_RATE_HZ // TOKEN_RATE_HZ

REFERENCE_S = 10  # of a recording, for S3Gen to imitate

ACOUSTIC_TOKENS = 3**8  # FSQ of S3Tokenizer v2: eight dimensions of three levels
START_SPEECH = ACOUSTIC_TOKENS
STOP_SPEECH = ACOUSTIC_TOKENS + 1
START_TEXT = 255
STOP_TEXT = 0

MEL_BINS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class T3Config:
    """Text-to-token model: a Llama between two embedding tables."""

    text_vocab: int = 704
    speech_vocab: int = 8194
    width: int = 1024
    layers: int = 30
    heads: int = 16
    kv_heads: int = 16
    ffn_width: int = 4096
    norm_eps: float = 1e-5
    rope_theta: float = 500_000.0
    rope_factor: float = 8.0
    rope_low_freq_factor: float = 1.0
    rope_high_freq_factor: float = 4.0
    rope_original_positions: int = 8192
    text_positions: int = 2050
    speech_positions: int = 4100
    prompt_tokens: int = 150  # 6 s of reference
    speaker_width: int = 256
    perceiver_queries: int = 32
    perceiver_heads: int = 4
    max_new_tokens: int = 1000  # 40 s, the most that upstream generates

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def conditioning_length(self) -> int:
        """Speaker, perceiver summary and exaggeration."""
        return 1 + self.perceiver_queries + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechTokenizerConfig:
    """S3Tokenizer v2: 16 kHz recording to 25 Hz tokens."""

    mels: int = 128
    width: int = 1280
    layers: int = 6
    heads: int = 20
    memory_kernel: int = 31  # FSMN taps


@dataclass(frozen=True, slots=True, kw_only=True)
class XVectorConfig:
    """CAM++ speaker network of S3Gen."""

    mels: int = 80
    stem_channels: int = 32
    growth: int = 32
    bottleneck: int = 128
    tdnn_channels: int = 128
    block_layers: tuple[int, ...] = (12, 24, 16)
    width: int = 192


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceEncoderConfig:
    """GE2E speaker network of T3."""

    mels: int = 40
    hidden: int = 256
    layers: int = 3
    width: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowConfig:
    """S3Gen: upsampling conformer and flow-matching estimator."""

    encoder_width: int = 512
    encoder_heads: int = 8
    encoder_ffn_width: int = 2048
    encoder_layers: int = 6
    upsampled_layers: int = 4
    x_vector_width: int = 192
    estimator_width: int = 256
    estimator_heads: int = 8
    estimator_head_width: int = 64
    estimator_ffn_factor: int = 4
    time_width: int = 1024
    mid_blocks: int = 12
    transformers_per_block: int = 4
    steps: int = 10
    guidance: float = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class HiftConfig:
    """HiFT vocoder: mel to waveform by a harmonic source and an inverse STFT."""

    base_channels: int = 512
    f0_channels: int = 512
    harmonics: int = 8  # besides the fundamental
    upsample_rates: tuple[int, ...] = (8, 5, 3)
    upsample_kernels: tuple[int, ...] = (16, 11, 7)
    source_kernels: tuple[int, ...] = (7, 7, 11)
    resblock_kernels: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[int, ...] = (1, 3, 5)
    n_fft: int = 16
    hop: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConfig:
    """How a checkpoint's tensors lie in its files.

    `dtype` None keeps the files' own type (the official ones are float32). With "int8" every matrix
    is stored as int8 beside a float16 tensor named `<name>` + `scale_suffix`, one scale per row.
    """

    dtype: str | None = None
    scale_suffix: str = ".scale"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatterboxConfig:
    """Sizes of one checkpoint; the default is the official English model."""

    name: str = "english"
    t3: T3Config = field(default_factory=T3Config)
    speech_tokenizer: SpeechTokenizerConfig = field(default_factory=SpeechTokenizerConfig)
    x_vector: XVectorConfig = field(default_factory=XVectorConfig)
    voice_encoder: VoiceEncoderConfig = field(default_factory=VoiceEncoderConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    hift: HiftConfig = field(default_factory=HiftConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read `config.json` of a checkpoint folder; without one, the official sizes.

        Raises: CheckpointError if the file is not JSON or names a field that does not exist.
        """
        path = folder / "config.json"
        if not path.exists():
            return cls()
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path} is not valid JSON: {error}") from error
        return _build(cls, content, str(path))


def _build(cls: Any, content: Any, where: str) -> Any:
    if not isinstance(content, dict):
        raise CheckpointError(f"{where}: expected an object of settings, found {content!r}")
    names = {f.name: f for f in fields(cls)}
    unknown = sorted(content.keys() - names.keys())
    if unknown:
        raise CheckpointError(
            f"{where}: unknown setting {', '.join(unknown)}; known are {', '.join(sorted(names))}"
        )
    return cls(**{key: _value(names[key], value, where) for key, value in content.items()})


def _value(declared: Any, value: Any, where: str) -> Any:
    section = declared.default_factory
    if is_dataclass(section):
        return _build(section, value, f"{where}, {declared.name}")
    return tuple(value) if isinstance(value, list) else value
