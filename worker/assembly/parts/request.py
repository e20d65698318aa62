"""Encodes one part in several formats from stored takes, in this process or another."""

from collections.abc import Mapping
from dataclasses import dataclass

from narration.mp4.packets import write_fragment
from narration.sound.gain import LevelSetting
from narration.sound.take import measure_take
from narration.sound.waveform import Waveform, decode_flac
from worker.assembly.parts.codecs import Codec
from worker.assembly.parts.encode import encode_part
from worker.assembly.parts.plans import PartPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRequest:
    """The formats to encode from some takes.

    `peaks`, the takes' own true peaks, are keyed by the plans' chunk numbers. `measured` lists the
    chunks whose level after gain and limiter is needed.
    """

    peaks: Mapping[int, float]
    setting: LevelSetting
    formats: tuple[tuple[Codec, PartPlan], ...]
    measured: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartAnswer:
    """A fragment per format, and the packed level of each chunk in `measured`."""

    fragments: tuple[bytes, ...]
    levels: tuple[bytes, ...]


def answer(request: PartRequest, flacs: Mapping[int, bytes]) -> PartAnswer:
    """Decode the takes, set the level, encode and measure; equal sound gets equal answers.

    `flacs` are keyed by the plans' chunk numbers.
    """
    waveforms: dict[int, Waveform] = {
        number: request.setting.apply(decode_flac(flac), peak=request.peaks[number])
        for number, flac in flacs.items()
    }
    return PartAnswer(
        fragments=tuple(
            write_fragment(encode_part(plan, waveforms, codec), codec.packet)
            for codec, plan in request.formats
        ),
        levels=tuple(measure_take(waveforms[number]).pack() for number in request.measured),
    )
