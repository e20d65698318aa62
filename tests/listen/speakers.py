"""Identifies speakers with an independent network: Resemblyzer's (Apache-2.0).

Its weights are Resemblyzer's, trained on speech of other people. Its network and mel are those
of Chatterbox's voice encoder at official size, so our classes can run them; the bundled model's
encoder has another size and other weights.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from tests.listen.render_command import Clip
from worker.chatterbox.config import REFERENCE_RATE_HZ, SAMPLE_RATE_HZ, VoiceEncoderConfig
from worker.chatterbox.mel import voice_encoder_mel
from worker.chatterbox.resample import resample_soxr
from worker.chatterbox.voice_encoder import VoiceEncoder, trim_silence


class SpeakerJudge:
    """Computes speaker embeddings."""

    def __init__(self) -> None:
        self._network = VoiceEncoder(VoiceEncoderConfig()).eval()
        self._network.load_state_dict(_weights())

    @torch.inference_mode()
    def embed(self, clips: Sequence[Clip]) -> Tensor:
        """Shapes: n clips -> (n, 256), of unit length."""
        return self._network.embed([self._mel(clip) for clip in clips])

    def _mel(self, clip: Clip) -> Tensor:
        sound = resample_soxr(clip.waveform, SAMPLE_RATE_HZ, REFERENCE_RATE_HZ)
        return voice_encoder_mel(trim_silence(torch.from_numpy(sound)))


def centre(embeddings: Tensor) -> Tensor:
    """Return the speaker of several clips: (n, 256) -> (256,), of unit length."""
    return functional.normalize(embeddings.mean(dim=0), dim=-1)


def share_told_apart(speakers: Sequence[Tensor]) -> float:
    """Return the share of clips that are closest to the other clips of their own speaker.

    Shapes: per speaker (n, 256), n at least 2.
    """
    nearest = [
        _is_own(clips, index, [centre(o) for o in speakers if o is not clips])
        for clips in speakers
        for index in range(len(clips))
    ]
    return sum(nearest) / len(nearest)


def lead(clips: Tensor, own: Tensor, others: Sequence[Tensor]) -> float:
    """Return how much closer clips are to one speaker than to the next closest, as cosines.

    Shapes: clips (n, 256); own and others (256,).
    """
    speaker = centre(clips)
    return float(speaker @ own - max(speaker @ other for other in others))


def _is_own(clips: Tensor, index: int, others: Sequence[Tensor]) -> bool:
    rest = torch.cat([clips[:index], clips[index + 1 :]])
    return lead(clips[index : index + 1], centre(rest), others) > 0


def _weights() -> dict[str, Tensor]:
    # Located, not imported: the package's code needs librosa and webrtcvad, its weights do not.
    spec = find_spec("resemblyzer")
    assert spec is not None, "resemblyzer is not installed: `make listen` does it"
    assert spec.origin is not None
    path = Path(spec.origin).with_name("pretrained.pt")
    state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    return {name.replace("linear.", "proj."): tensor for name, tensor in state.items()}
