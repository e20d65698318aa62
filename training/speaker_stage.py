"""Train the two speaker networks to tell the corpus's voices apart, also at other speeds.

A voice played 10 % slower or faster counts as another voice. Five voices become fifteen classes, so
that the embeddings can tell more than the five apart.
"""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from training.corpus import VOICES, Corpus
from training.run_state import RunState, mean_of, set_rate
from training.sizes import DEMO
from training.stage_options import StageOptions
from training.tape import SpeechTape
from worker.chatterbox.config import REFERENCE_RATE_HZ, SAMPLE_RATE_HZ
from worker.chatterbox.mel import voice_encoder_mel, x_vector_mel
from worker.chatterbox.resample import resample_sinc
from worker.chatterbox.voice_encoder import VoiceEncoder
from worker.chatterbox.xvector import XVector

LOG_STEPS = 100
HIGHEST_RATE = 1e-3
ROWS = 64
TOKENS = 75  # 3 s
PARTIAL = 160  # mel frames of the voice encoder
SPEEDS_HZ = (21_600, SAMPLE_RATE_HZ, 26_400)  # the sample rate that the audio is taken to have
SHARPNESS = 16.0


class SpeakerNetworks(nn.Module):
    """Both networks, and the class vectors that they are trained against."""

    def __init__(self) -> None:
        super().__init__()
        classes = len(VOICES) * len(SPEEDS_HZ)
        self.x_vector = XVector(DEMO.x_vector)
        self.voice_encoder = VoiceEncoder(DEMO.voice_encoder)
        self.x_classes = nn.Linear(DEMO.x_vector.width, classes)
        self.voice_classes = nn.Linear(DEMO.voice_encoder.width, classes)

    def loss(self, audio: Tensor, classes: Tensor) -> Tensor:
        """Shapes: audio (B, S) at 16 kHz; classes (B,) -> scalar."""
        mel = x_vector_mel(audio)
        lengths = torch.full((len(mel),), mel.shape[-1], device=mel.device)
        by_timbre = self.x_classes(self.x_vector(mel, lengths))
        voice = self.voice_encoder(voice_encoder_mel(audio)[..., :PARTIAL])
        directions = nnf.normalize(self.voice_classes.weight, dim=1)
        by_voice = SHARPNESS * voice @ directions.mT
        return nnf.cross_entropy(by_timbre, classes) + nnf.cross_entropy(by_voice, classes)


def train(corpus: Corpus, run: RunState, device: torch.device) -> SpeakerNetworks:
    """Train until the deadline; a finished state is returned unchanged."""
    networks = SpeakerNetworks().to(device)
    run.begin_with(networks)
    optimizer = torch.optim.AdamW(networks.parameters(), lr=HIGHEST_RATE)
    parts = {"networks": networks, "optimizer": optimizer}
    run.resume(parts, device)
    losses = []
    tape = SpeechTape(corpus.hours(), device)
    tape.append(corpus.training())
    while not run.is_over():
        crops = tape.draw(ROWS, TOKENS)
        speed = run.step % len(SPEEDS_HZ)
        gain = 10 ** (torch.rand(ROWS, 1, device=device) - 0.5)
        audio = resample_sinc(crops.audio * gain, SPEEDS_HZ[speed], REFERENCE_RATE_HZ)
        loss = networks.loss(audio, crops.voices[:, 0] * len(SPEEDS_HZ) + speed)
        optimizer.zero_grad()
        loss.backward()
        set_rate(optimizer, run.rate(HIGHEST_RATE))
        optimizer.step()
        run.step += 1
        losses.append(loss.detach())
        if run.step % LOG_STEPS == 0:
            run.log(loss=mean_of(losses[-LOG_STEPS:]))
    run.keep(parts, force=True)
    return networks


def main() -> None:
    """Run the stage."""
    options = StageOptions.parse(__doc__)
    torch.manual_seed(11)
    corpus = Corpus(options.corpus)
    corpus.wait_for(options.hours)
    train(corpus, options.run_state("speakers"), options.device)


if __name__ == "__main__":
    main()
