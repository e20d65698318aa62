"""A checkpoint folder: its networks, tokenizer and voices, read on demand.

The files are the official ones; `config.json` and `voices/` are our additions and optional.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from narration.errors import CheckpointError, NotFoundError
from worker.chatterbox.config import ChatterboxConfig
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.parts import parts_of
from worker.chatterbox.revision import digest_files
from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.speech_tokenizer import MAY_MISS, SpeechTokenizer
from worker.chatterbox.t3.model import T3
from worker.chatterbox.tokenizer import TextTokenizer
from worker.chatterbox.voice import Voice, load_voice
from worker.chatterbox.voice_encoder import VoiceEncoder
from worker.chatterbox.weights import fold_weight_norm, load_strict, read_tensors
from worker.chatterbox.xvector import XVector

CONFIG_FILE = "config.json"
T3_FILE = "t3_cfg.safetensors"
S3GEN_FILE = "s3gen.safetensors"
VOICE_ENCODER_FILE = "ve.safetensors"
TOKENIZER_FILE = "tokenizer.json"
DEFAULT_VOICE_FILE = "conds.pt"
VOICE_FOLDER = "voices"
DEFAULT_VOICE = "default"

_NEEDED = (T3_FILE, S3GEN_FILE, VOICE_ENCODER_FILE, TOKENIZER_FILE)

Network = TypeVar("Network", bound=nn.Module)
Config = TypeVar("Config")


class _Undrawn(TorchFunctionMode):
    """Skips `torch.nn.init`: weights are whatever is in memory until they are read from a file.

    Building networks on the device "meta" would do, but imports torch's compiler, which takes
    longer than loading a small model.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if getattr(func, "__module__", "") == nn.init.__name__:
            return named["tensor"]
        return func(*args, **named)


def load_chatterbox(folder: Path, device: str | torch.device = "cpu") -> "Chatterbox":
    """Open a checkpoint folder; each part is loaded when first used.

    Raises: CheckpointError if the folder, a file or the config is missing or invalid; the
    parts raise it for a damaged file or a tensor that is missing, unknown or of another shape.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is not a folder: name one that holds a model")
    missing = [name for name in _NEEDED if not parts_of(folder / name)]
    if missing:
        raise CheckpointError(f"{folder} lacks {', '.join(missing)}: pull the model again")
    return Chatterbox(folder, ChatterboxConfig.load(folder), torch.device(device))


class Voices(Mapping[str, Voice]):
    """A checkpoint's voices by name: "default" from `conds.pt`, the others from `voices/`."""

    def __init__(self, folder: Path) -> None:
        self._paths = {path.stem: path for path in sorted((folder / VOICE_FOLDER).glob("*.pt"))}
        if (folder / DEFAULT_VOICE_FILE).exists():
            self._paths[DEFAULT_VOICE] = folder / DEFAULT_VOICE_FILE
        self._loaded: dict[str, Voice] = {}

    def __getitem__(self, name: str) -> Voice:
        """Read a voice; it is read from disk once.

        Raises: KeyError if no voice has this name; CheckpointError if its file is damaged.
        """
        if name not in self._loaded:
            self._loaded[name] = load_voice(self._paths[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._paths))

    def __len__(self) -> int:
        return len(self._paths)


class Chatterbox:
    """The parts of one checkpoint, ready to use: on the device, in eval mode, without gradients."""

    def __init__(self, folder: Path, config: ChatterboxConfig, device: torch.device) -> None:
        self.folder = folder
        self.config = config
        self.device = device
        self.voices = Voices(folder)

    @cached_property
    def revision(self) -> str:
        """SHA-256 over everything except the voices, which have their own digests."""
        files = [part.name for name in _NEEDED for part in parts_of(self.folder / name)]
        return digest_files(self.folder, (CONFIG_FILE, *files))

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        """Converts text to text tokens."""
        tokenizer = TextTokenizer(self.folder / TOKENIZER_FILE)
        if tokenizer.vocabulary > self.config.t3.text_vocab:
            raise CheckpointError(
                f"{self.folder / TOKENIZER_FILE} has {tokenizer.vocabulary} tokens, "
                f"the model knows {self.config.t3.text_vocab}: the two do not belong together"
            )
        return tokenizer

    @cached_property
    def t3(self) -> T3:
        """Converts text tokens to speech tokens."""
        return self._fill(self._empty(T3, self.config.t3), T3_FILE)

    @cached_property
    def flow(self) -> Flow:
        """Converts speech tokens to a mel."""
        return self._fill(self._empty(Flow, self.config.flow), S3GEN_FILE, "flow.")

    @cached_property
    def vocoder(self) -> Vocoder:
        """Converts a mel to a waveform."""
        network = self._empty(Vocoder, self.config.hift)
        return self._fill(network, S3GEN_FILE, "mel2wav.", is_weight_normed=True)

    @cached_property
    def speech_tokenizer(self) -> SpeechTokenizer:
        """Converts a recording to speech tokens."""
        network = SpeechTokenizer(self.config.speech_tokenizer)
        return self._fill(network, S3GEN_FILE, "tokenizer.", may_miss=MAY_MISS)

    @cached_property
    def x_vector(self) -> XVector:
        """Converts a recording to the timbre that S3Gen imitates."""
        network = self._empty(XVector, self.config.x_vector)
        return self._fill(network, S3GEN_FILE, "speaker_encoder.")

    @cached_property
    def voice_encoder(self) -> VoiceEncoder:
        """Converts a recording to the speaker identity that T3 is conditioned on."""
        network = self._empty(VoiceEncoder, self.config.voice_encoder)
        return self._fill(network, VOICE_ENCODER_FILE)

    def voice(self, name: str) -> Voice:
        """Read a voice of this checkpoint.

        Raises: NotFoundError, which lists the existing names.
        """
        if name not in self.voices:
            names = ", ".join(self.voices) or "none"
            raise NotFoundError(f"there is no voice {name!r} in {self.folder}: it has {names}")
        return self.voices[name]

    def _empty(self, build: Callable[[Config], Network], config: Config) -> Network:
        """Build a network without initialising its weights, which are loaded from a file.

        Drawing T3's half a billion random weights takes as long as reading them.
        """
        with torch.device(self.device), _Undrawn():
            return build(config)

    def _fill(
        self,
        network: Network,
        file: str,
        prefix: str = "",
        *,
        may_miss: frozenset[str] = frozenset(),
        is_weight_normed: bool = False,
    ) -> Network:
        path = self.folder / file
        tensors = read_tensors(path, self.config.storage, prefix)
        if is_weight_normed:
            tensors = fold_weight_norm(tensors)
        load_strict(network, tensors, str(path), may_miss=may_miss)
        return network.to(self.device).eval().requires_grad_(False)
