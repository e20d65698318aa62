"""Parts have the same positions for listeners as in the finished file."""

from itertools import pairwise

import pytest

from narration.jobs.part_sound import SEGMENT_PACKETS, PartSound, Segment, lay_out
from worker.assembly.parts.codecs import AAC
from worker.assembly.parts.plans import PartPlan, SpokenChunk, place_parts, plan_parts

CUTS = (0, 2, 5, 9, 14)


def make_chunks(pause: int) -> list[SpokenChunk]:
    lengths = [24_000 * (3 + number * 7 % 5) + number * 777 for number in range(20)]
    return [
        SpokenChunk(sha256=f"{n:064}", samples=samples, pause=pause)
        for n, samples in enumerate(lengths)
    ]


def sounds_of(chunks: list[SpokenChunk], plans: tuple[PartPlan, ...]) -> list[PartSound]:
    return [
        PartSound(
            sha256=f"{plan.first:064}",
            samples=sum(c.samples + c.pause for c in chunks[plan.first : plan.end]),
            packets=plan.packets,
            ends_run=follower is None or follower.begins_run,
        )
        for plan, follower in zip(plans, [*plans[1:], None], strict=True)
    ]


def heard(segments: list[Segment], part: int) -> int:
    return sum(segment.packets for segment in segments if segment.part == part)


@pytest.mark.parametrize("pause", [0, 2_400, 12_000], ids=["no pause", "short", "long"])
def test_parts_lie_where_the_finished_file_has_them(pause: int) -> None:
    chunks = make_chunks(pause)
    plans = plan_parts(chunks, CUTS, AAC)
    segments = lay_out(sounds_of(chunks, plans), is_complete=True)
    places = place_parts(chunks, plans, AAC)
    for place in places:
        first = next(s for s in segments if s.part == place.part and s.piece == 0)
        assert (first.at, heard(segments, place.part)) == (place.first_packet, place.packets)


def test_segments_follow_one_another_and_are_short() -> None:
    chunks = make_chunks(12_000)
    segments = lay_out(sounds_of(chunks, plan_parts(chunks, CUTS, AAC)), is_complete=True)
    assert [segment.number for segment in segments] == list(range(len(segments)))
    assert all(0 < segment.packets <= SEGMENT_PACKETS for segment in segments)
    assert all(first.at + first.packets == second.at for first, second in pairwise(segments))


@pytest.mark.parametrize("pause", [0, 12_000], ids=["no pause", "long"])
def test_what_was_laid_out_does_not_change_when_more_is_spoken(pause: int) -> None:
    chunks = make_chunks(pause)
    sounds = sounds_of(chunks, plan_parts(chunks, CUTS, AAC))
    whole = lay_out(sounds, is_complete=True)
    for count in range(1, len(sounds)):
        early = lay_out(sounds[:count], is_complete=False)
        assert early == whole[: len(early)]


def test_a_part_without_sound_has_no_segment() -> None:
    silent = PartSound(sha256="0" * 64, samples=0, packets=3, ends_run=True)
    assert lay_out([silent], is_complete=False) == []
