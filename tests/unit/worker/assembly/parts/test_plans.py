from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.assembly.parts.codecs import AAC, CODECS, MP3, OPUS, Codec
from worker.assembly.parts.plans import (
    PartPlan,
    SpokenChunk,
    digest_part,
    place_parts,
    plan_parts,
)

_PAUSES = st.sampled_from([0, 1, 1920, 3000, 4096, 6000, 14_400, 43_200])
_LENGTHS = st.integers(1, 60_000)


def _chunk(number: int, samples: int, pause: int, tail: int = 0) -> SpokenChunk:
    return SpokenChunk(sha256=f"{number:064}", samples=samples, pause=pause, quiet_tail=tail)


@st.composite
def _programmes(draw: st.DrawFn) -> tuple[list[SpokenChunk], list[int]]:
    spoken = draw(st.lists(st.tuples(_LENGTHS, _PAUSES), min_size=1, max_size=12))
    chunks = [_chunk(number, *one) for number, one in enumerate(spoken)]
    more = draw(st.sets(st.integers(1, len(chunks)), max_size=len(chunks)))
    return chunks, [0, *sorted(more - {len(chunks)})]


_ANY_CODEC = st.sampled_from([AAC, MP3, OPUS])


def _starts(chunks: Sequence[SpokenChunk]) -> list[int]:
    starts = [0]
    for chunk in chunks:
        starts.append(starts[-1] + chunk.samples + chunk.pause)
    return starts


def _heard(
    chunks: Sequence[SpokenChunk], plans: Sequence[PartPlan], codec: Codec
) -> dict[int, list[tuple[int, int, int]]]:
    """Where each chunk's samples come out of a decoder: chunk -> [position, start, stop].

    A packet's place in the file and in its encoder's output determine its input.
    """
    positions: dict[int, list[tuple[int, int, int]]] = {}
    for place in place_parts(chunks, plans, codec):
        plan = plans[place.part]
        first = plan.dropped * codec.packet  # samples before those of the first kept packet
        last = first + place.packets * codec.packet
        at = 0
        for piece in plan.pieces:
            size = piece.stop - piece.start
            low, high = max(at, first), min(at + size, last)
            if piece.chunk is not None and low < high:
                position = place.first_packet * codec.packet + low - first
                start = piece.start + low - at
                positions.setdefault(piece.chunk, []).append((position, start, start + high - low))
            at += size
    return positions


@given(_programmes(), _ANY_CODEC)
def test_every_sample_is_heard_once_and_whole(
    programme: tuple[list[SpokenChunk], list[int]], codec: Codec
) -> None:
    chunks, cuts = programme
    positions = _heard(chunks, plan_parts(chunks, cuts, codec), codec)
    for number, chunk in enumerate(chunks):
        stretches = positions[number]
        origins = {position - start for position, start, _ in stretches}
        assert len(origins) == 1, "a chunk is torn"
        assert stretches[0][1] == 0
        assert stretches[-1][2] == chunk.samples
        assert all(a[2] == b[1] for a, b in pairwise(stretches))


@given(_programmes(), _ANY_CODEC)
def test_no_chunk_moves_by_more_than_half_a_packet_but_those_at_the_end(
    programme: tuple[list[SpokenChunk], list[int]], codec: Codec
) -> None:
    chunks, cuts = programme
    plans = plan_parts(chunks, cuts, codec)
    positions, starts = _heard(chunks, plans, codec), _starts(chunks)
    for number in range(len(chunks)):
        moved = positions[number][0][0] - starts[number]
        is_last = number >= plans[-1].run
        assert moved <= codec.packet // 2
        assert moved > (-codec.packet if is_last else -codec.packet // 2 - 1)


@given(_programmes(), _ANY_CODEC)
def test_a_file_has_packets_for_exactly_its_length_and_a_decoders_delay(
    programme: tuple[list[SpokenChunk], list[int]], codec: Codec
) -> None:
    chunks, cuts = programme
    places = place_parts(chunks, plan_parts(chunks, cuts, codec), codec)
    total = _starts(chunks)[-1] + codec.delay
    count = places[-1].first_packet + places[-1].packets
    assert (count - 1) * codec.packet < total <= count * codec.packet
    assert [p.first_packet for p in places[1:]] == [p.first_packet + p.packets for p in places[:-1]]


@given(_programmes(), _ANY_CODEC)
def test_the_end_is_heard_even_without_a_pause(
    programme: tuple[list[SpokenChunk], list[int]], codec: Codec
) -> None:
    chunks, cuts = programme
    positions = _heard(chunks, plan_parts(chunks, cuts, codec), codec)
    position, start, stop = positions[len(chunks) - 1][-1]
    assert position + stop - start <= _starts(chunks)[-1]


def test_an_inaudible_end_makes_room_for_the_nearest_packet() -> None:
    pause = 10_000
    chunks = [_chunk(0, 50_000 - pause + 1000, pause), _chunk(1, 50_000, 0, tail=1900)]
    position = _heard(chunks, plan_parts(chunks, [0, 1], AAC), AAC)[1][0][0]
    assert abs(position - 51_000) <= AAC.packet // 2
    cut_short = [chunks[0], _chunk(1, 50_000, 0)]
    earlier = _heard(cut_short, plan_parts(cut_short, [0, 1], AAC), AAC)[1][0][0]
    assert position - earlier == AAC.packet


@given(_programmes(), _ANY_CODEC, st.data())
def test_a_changed_chunk_between_silences_changes_its_part_alone(
    programme: tuple[list[SpokenChunk], list[int]], codec: Codec, data: st.DataObject
) -> None:
    chunks, cuts = programme
    number = data.draw(st.integers(0, len(chunks) - 1))
    changed = list(chunks)
    changed[number] = _chunk(99, data.draw(_LENGTHS), chunks[number].pause)
    before, after = plan_parts(chunks, cuts, codec), plan_parts(changed, cuts, codec)
    for old, new in zip(before, after, strict=True):
        if number not in range(old.run, _end_of_run(before, old)):
            assert digest_part(old, chunks, codec, level="") == digest_part(
                new, changed, codec, level=""
            )
        elif number in range(old.first, old.end):
            assert digest_part(old, chunks, codec, level="") != digest_part(
                new, changed, codec, level=""
            )


def _end_of_run(plans: Sequence[PartPlan], plan: PartPlan) -> int:
    return max(other.end for other in plans if other.run == plan.run)


@pytest.mark.parametrize("codec", [AAC, MP3, OPUS], ids=lambda codec: codec.name)
def test_parts_between_default_pauses_need_no_sound_but_their_own(codec: Codec) -> None:
    chunks = [_chunk(number, 30_000 + 77 * number, 6000) for number in range(9)]
    for plan in plan_parts(chunks, [0, 3, 6], codec):
        assert plan.begins_run
        assert plan.chunks == tuple(range(plan.first, plan.end))


@pytest.mark.parametrize("codec", [AAC, MP3, OPUS], ids=lambda codec: codec.name)
def test_parts_without_pauses_hear_their_neighbours(codec: Codec) -> None:
    chunks = [_chunk(number, 90_000, 0) for number in range(6)]
    middle = plan_parts(chunks, [0, 2, 4], codec)[1]
    assert not middle.begins_run
    assert middle.chunks == (1, 2, 3, 4)


def test_another_file_begins_a_run_even_without_a_pause() -> None:
    chunks = [_chunk(number, 90_000, 0) for number in range(4)]
    plans = plan_parts(chunks, [0, 2], MP3, breaks=frozenset({2}))
    assert [plan.begins_run for plan in plans] == [True, True]


@pytest.mark.parametrize("what", ["codec", "level", "pause", "sound"])
def test_the_digest_tells_apart_what_sounds_different(what: str) -> None:
    chunks = [_chunk(number, 90_000, 6000) for number in range(2)]
    other = [_chunk(0, 90_000, 6001 if what == "pause" else 6000), chunks[1]]
    if what == "sound":
        other[0] = _chunk(7, 90_000, 6000)
    codec, level = (MP3 if what == "codec" else AAC), ("louder" if what == "level" else "")
    one = digest_part(plan_parts(chunks, [0], AAC)[0], chunks, AAC, level="")
    two = digest_part(plan_parts(other, [0], codec)[0], other, codec, level=level)
    assert one != two


def test_both_mp4_formats_share_their_parts() -> None:
    assert len({codec.identity() for codec in CODECS.values()}) == 3
