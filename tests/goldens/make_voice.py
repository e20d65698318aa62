"""Golden voices of upstream: `UPSTREAM/bin/python -m tests.goldens.make_voice [--full]`.

Two synthetic recordings go through upstream's own `prepare_conditionals`. Toy weights are rounded
to half precision before the run, so that they can be stored in half the bytes.
"""

import io
import json
import sys
import tempfile
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.goldens import upstream
from worker.chatterbox.config import SpeechTokenizerConfig, VoiceEncoderConfig, XVectorConfig

FULL = (SpeechTokenizerConfig(), XVectorConfig(), VoiceEncoderConfig())
TOY = (
    # Upstream's rotary table is made for heads of 64, so two heads are 128 wide.
    SpeechTokenizerConfig(mels=16, width=128, layers=2, heads=2),
    XVectorConfig(stem_channels=4, growth=4, bottleneck=8, tdnn_channels=16, width=24),
    VoiceEncoderConfig(hidden=24, width=16),
)
CLIP_S = 0.6  # of the first recording, for the front ends
ROWS_S = (1.7, 2.31)  # of the first recording, for the networks
LONG_FRAMES = 5750  # 57.5 s: three windows of the speech tokenizer
FEWEST_TOKENS = 50


def speak(duration_s: float, rate_hz: int, seed: int) -> NDArray[np.float32]:
    """Voiced, noisy and silent stretches, so that trim, floors and means all have work to do."""
    draw = np.random.default_rng(seed)
    time = np.arange(int(duration_s * rate_hz)) / rate_hz
    phase = 2 * np.pi * np.cumsum(140 + 50 * np.sin(1.7 * time) + 20 * np.sin(9 * time)) / rate_hz
    voiced = sum(np.sin(k * phase) / k**1.5 for k in range(1, 20))
    noise = draw.standard_normal(len(time))
    gate = 0.5 + 0.5 * np.sin(2 * np.pi * 1.9 * time)
    sound = 0.25 * gate * voiced + 0.02 * (1 - gate) * noise
    is_silent = (time < 0.45) | (time > duration_s - 0.3)
    return np.where(is_silent, 0.001 * noise, sound).clip(-0.9, 0.9).astype(np.float32)


def encode(samples: NDArray[np.float32], rate_hz: int) -> Tensor:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format="FLAC", subtype="PCM_16")
    return torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)


def recordings() -> dict[str, Tensor]:
    """One longer than every limit at a foreign rate, one short in stereo with an odd frame."""
    short = speak(5.23, 8_000, seed=2)
    return {
        "long": encode(speak(12.3, 11_025, seed=1), 11_025),
        "short": encode(np.stack([short, 0.6 * short[::-1]], axis=1), 8_000),
    }


def build_tokenizer(config: SpeechTokenizerConfig) -> nn.Module:
    from chatterbox.models.s3tokenizer import S3Tokenizer
    from s3tokenizer.model_v2 import AudioEncoderV2, FSQVectorQuantization, ModelConfig

    tokenizer = S3Tokenizer(config=ModelConfig(n_mels=config.mels))
    # The class ignores the other sizes of its config.
    tokenizer.encoder = AudioEncoderV2(
        config.mels, config.width, config.heads, config.layers, stride=2, use_sdpa=False
    )
    tokenizer.quantizer = FSQVectorQuantization(config.width, 3**8)
    return tokenizer


def build_x_vector(config: XVectorConfig) -> nn.Module:
    from chatterbox.models.s3gen import xvector

    network = xvector.CAMPPlus(
        feat_dim=config.mels,
        embedding_size=config.width,
        growth_rate=config.growth,
        bn_size=config.bottleneck // config.growth,
        init_channels=config.tdnn_channels,
        memory_efficient=False,
    )
    # The stem's width is not a parameter.
    network.head = xvector.FCM(m_channels=config.stem_channels, feat_dim=config.mels)
    network.xvector.tdnn = xvector.TDNNLayer(
        network.head.out_channels, config.tdnn_channels, 5, stride=2, padding=-1
    )
    return network


def build_voice_encoder(config: VoiceEncoderConfig) -> nn.Module:
    from chatterbox.models.voice_encoder.config import VoiceEncConfig
    from chatterbox.models.voice_encoder.voice_encoder import VoiceEncoder

    sizes = VoiceEncConfig()
    sizes.ve_hidden_size, sizes.speaker_embed_size = config.hidden, config.width
    return VoiceEncoder(sizes)


def randomize(networks: dict[str, nn.Module], recording: Tensor, *, halve: bool) -> None:
    """Give norms random statistics, and make the tokens within a recording differ."""
    for seed, network in enumerate(networks.values()):
        network.eval()
        upstream.randomize_norms(network, seed)
    with torch.no_grad():
        spread_tokens(networks["tokenizer"], recording)
        for network in networks.values() if halve else ():
            for name, tensor in network.state_dict().items():
                if is_drawn(name, tensor):
                    tensor.copy_(tensor.half().float())


def spread_tokens(tokenizer: Any, recording: Tensor) -> None:
    """Scale inputs above the random constants, and centre the inputs of the quantizer."""
    for conv in (tokenizer.encoder.conv1, tokenizer.encoder.conv2):
        conv.weight.mul_(4.0)
    samples, _ = soundfile.read(io.BytesIO(bytes(recording.tolist())), dtype="float32")
    mel = tokenizer.log_mel_spectrogram(torch.from_numpy(samples))
    hidden, _ = tokenizer.encoder(mel[None], torch.tensor([mel.shape[1]]))
    projection = tokenizer.quantizer._codebook.project_down
    rounded = projection(hidden[0])
    scale = 1.0 / rounded.std(dim=0)
    projection.weight.mul_(scale[:, None])
    projection.bias.sub_(rounded.mean(dim=0)).mul_(scale)


def is_drawn(name: str, tensor: Tensor) -> bool:
    """Tell random weights from the constants of the front end, which must stay exact."""
    return tensor.is_floating_point() and name not in ("_mel_filters", "window")


def assemble(networks: dict[str, nn.Module]) -> Any:
    """The parts of upstream's main object that `prepare_conditionals` needs."""
    from chatterbox.models.s3gen.s3gen import S3Token2Mel
    from chatterbox.models.s3gen.utils.mel import mel_spectrogram
    from chatterbox.tts import ChatterboxTTS

    s3gen = S3Token2Mel.__new__(S3Token2Mel)
    nn.Module.__init__(s3gen)
    s3gen.tokenizer = networks["tokenizer"]
    s3gen.speaker_encoder = networks["speaker_encoder"]
    s3gen.mel_extractor = mel_spectrogram
    s3gen.flow = nn.Linear(1, 1)  # only its type is used
    return SimpleNamespace(
        s3gen=s3gen,
        ve=networks["ve"],
        t3=SimpleNamespace(hp=SimpleNamespace(speech_cond_prompt_len=150)),
        device="cpu",
        DEC_COND_LEN=ChatterboxTTS.DEC_COND_LEN,
        ENC_COND_LEN=ChatterboxTTS.ENC_COND_LEN,
    )


def prepare(top: Any, recording: Tensor) -> dict[str, Tensor]:
    from chatterbox.tts import ChatterboxTTS

    with tempfile.NamedTemporaryFile(suffix=".flac") as file, torch.inference_mode():
        file.write(bytes(recording.tolist()))
        file.flush()
        ChatterboxTTS.prepare_conditionals(top, file.name)
    known, heard = top.conds.t3, top.conds.gen
    return {
        "speaker": known.speaker_emb[0],
        "prompt_tokens": known.cond_prompt_speech_tokens[0],
        "reference_tokens": heard["prompt_token"][0],
        "reference_mel": heard["prompt_feat"][0],
        "x_vector": heard["embedding"][0],
    }


def run_parts(networks: dict[str, nn.Module], recording: Tensor) -> dict[str, Tensor]:
    """Front ends and networks one by one, each row by itself."""
    import librosa
    import torchaudio
    from chatterbox.models.s3gen.utils.mel import mel_spectrogram
    from chatterbox.models.s3gen.xvector import extract_feature
    from chatterbox.models.s3tokenizer import S3Tokenizer
    from chatterbox.models.voice_encoder.config import VoiceEncConfig
    from chatterbox.models.voice_encoder.melspec import melspectrogram

    samples, _ = librosa.load(io.BytesIO(bytes(recording.tolist())), sr=24_000)
    at_16khz = librosa.resample(samples, orig_sr=24_000, target_sr=16_000)
    clip, clip_16 = (
        torch.from_numpy(x[: int(CLIP_S * r)]) for x, r in ((samples, 24_000), (at_16khz, 16_000))
    )
    _, ends = librosa.effects.trim(at_16khz, top_db=20)
    parts = {
        "front.soxr": clip_16,
        "front.sinc": torchaudio.transforms.Resample(24_000, 16_000)(clip),
        "front.prompt_mel": mel_spectrogram(clip)[0],
        "front.speech_token_mel": S3Tokenizer.log_mel_spectrogram(_front_only(), clip_16),
        "front.voice_encoder_mel": torch.from_numpy(
            melspectrogram(clip_16.numpy(), VoiceEncConfig())
        ),
        "front.x_vector_mel": extract_feature([clip_16])[0][0].T,
        "front.trim": torch.from_numpy(ends),
    }
    tokenizer, x_vector, voice_encoder = networks.values()
    with torch.inference_mode():
        for i, duration_s in enumerate(ROWS_S):
            row = torch.from_numpy(at_16khz[: int(duration_s * 16_000)])
            mel = tokenizer.log_mel_spectrogram(row)
            hidden, _ = tokenizer.encoder(mel[None], torch.tensor([mel.shape[1]]))
            parts[f"tokenizer.{i}"] = hidden[0]
            parts[f"speaker_encoder.{i}"] = x_vector.inference([row])[0]
            heard = torch.from_numpy(melspectrogram(row.numpy(), VoiceEncConfig()).T)[None]
            parts[f"ve.{i}"] = voice_encoder.inference(heard, [heard.shape[1]], rate=1.3)[0]
        mel = tokenizer.log_mel_spectrogram(torch.from_numpy(at_16khz))
        mel = mel.repeat(1, 1 + LONG_FRAMES // mel.shape[1])[:, :LONG_FRAMES]
        tokens, _ = tokenizer.quantize(mel[None], torch.tensor([LONG_FRAMES]))
        parts["tokenizer.long"] = tokens[0].long()
    return parts


def _front_only() -> Any:
    import librosa

    filters = torch.from_numpy(librosa.filters.mel(sr=16_000, n_fft=400, n_mels=128))
    window = torch.hann_window(400)
    return SimpleNamespace(n_fft=400, window=window, _mel_filters=filters, device="cpu")


def main() -> None:
    is_full = "--full" in sys.argv
    configs = FULL if is_full else TOY
    upstream.prepare()
    builders = (build_tokenizer, build_x_vector, build_voice_encoder)
    networks = {
        name: build(config)
        for name, build, config in zip(
            ("tokenizer", "speaker_encoder", "ve"), builders, configs, strict=True
        )
    }
    tensors = {f"recording.{name}": data for name, data in recordings().items()}
    randomize(networks, tensors["recording.long"], halve=not is_full)
    top = assemble(networks)
    for name in ("long", "short"):
        voice = prepare(top, tensors[f"recording.{name}"])
        tensors |= {f"voice.{name}.{part}": tensor for part, tensor in voice.items()}
    different = len(set(tensors["voice.long.reference_tokens"].tolist()))
    if different < FEWEST_TOKENS:
        raise SystemExit(f"only {different} different tokens: the quantizer is not exercised")
    tensors |= run_parts(networks, tensors["recording.long"])
    for prefix, network in networks.items():
        for name, tensor in network.state_dict().items():
            is_halved = not is_full and is_drawn(name, tensor)
            tensors[f"weights.{prefix}.{name}"] = tensor.half() if is_halved else tensor
    folder = upstream.FULL if is_full else upstream.TOY
    upstream.save(
        folder / "voice.safetensors",
        tensors,
        configs=json.dumps([asdict(config) for config in configs]),
        rows_s=json.dumps(ROWS_S),
        different_tokens=different,
    )


if __name__ == "__main__":
    main()
