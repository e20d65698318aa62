"""Which prompt takes the next slot, and when later chunks of streams may."""

from tests.model.worker.engine.test_precedence import Clock
from worker.engine.slot_queue import SlotQueue
from worker.engine.types import make_turn

STREAMED, OTHER_STREAMED = make_turn(10, 1, due_s=5.0), make_turn(10, 2, due_s=9.0)
FIRST, ARTICLE, BOOK = make_turn(10, 0), make_turn(5, 7), make_turn(5, 900)


def fill(
    queue: SlotQueue[str], *, has_room: bool = True, is_idle: bool = False, slots: int = 99
) -> list[str]:
    """Let those join that may, as the stage does before a step."""
    joined: list[str] = []
    queue.begin(is_idle=is_idle)
    while len(joined) < slots and (first := queue.next(has_room_for_streams=has_room)) is not None:
        joined.append(first[1])
        queue.remove(first[1], has_joined=True)
    return joined


def test_later_chunks_of_streams_join_at_most_ten_times_a_second() -> None:
    clock = Clock()
    queue: SlotQueue[str] = SlotQueue(clock)
    joins = 0
    for n in range(1000):  # ten seconds
        queue.push(make_turn(10, 1, due_s=float(n)), f"{n}")
        joins += bool(fill(queue))
        clock.now += 0.01
    assert 85 <= joins <= 101
    assert len(queue) < 12


def test_later_chunks_of_streams_join_with_whatever_else_joins() -> None:
    clock = Clock()
    queue: SlotQueue[str] = SlotQueue(clock)
    queue.push(FIRST, "first")
    assert fill(queue) == ["first"]
    clock.now += 0.02
    queue.push(OTHER_STREAMED, "later")
    queue.push(STREAMED, "soon")
    assert fill(queue) == []
    assert queue.is_crowded(has_room_for_streams=True)
    queue.push(FIRST, "another first")
    assert fill(queue) == ["another first", "soon", "later"]
    assert not queue.is_crowded(has_room_for_streams=True)


def test_others_do_not_wait_for_streams() -> None:
    clock = Clock()
    queue: SlotQueue[str] = SlotQueue(clock)
    queue.push(ARTICLE, "article")
    assert fill(queue) == ["article"]
    queue.push(STREAMED, "later")
    queue.push(BOOK, "book")
    assert fill(queue, slots=1) == ["book"]
    clock.now += 0.1
    assert fill(queue) == ["later"]


def test_an_idle_decoder_takes_the_chunk_of_a_stream_at_once() -> None:
    queue: SlotQueue[str] = SlotQueue(Clock())
    queue.push(FIRST, "first")
    assert fill(queue) == ["first"]
    queue.push(STREAMED, "later")
    assert fill(queue) == []
    assert fill(queue, is_idle=True) == ["later"]


def test_without_room_for_streams_an_article_joins_and_a_book_does_not() -> None:
    clock = Clock()
    queue: SlotQueue[str] = SlotQueue(clock)
    queue.push(STREAMED, "later")
    queue.push(BOOK, "book")
    assert fill(queue, has_room=False, is_idle=True) == []
    assert not queue.is_crowded(has_room_for_streams=False)
    queue.push(ARTICLE, "article")
    assert queue.is_crowded(has_room_for_streams=False)
    assert fill(queue, has_room=False) == ["article"]
    clock.now += 0.1
    assert fill(queue) == ["later", "book"]


def test_a_refused_prompt_leaves_the_queue() -> None:
    queue: SlotQueue[str] = SlotQueue(Clock())
    queue.push(STREAMED, "refused")
    queue.push(OTHER_STREAMED, "cancelled")
    queue.remove("refused", has_joined=False)
    queue.remove_if(lambda item: item == "cancelled")
    assert not queue
    queue.push(STREAMED, "next")
    queue.push(FIRST, "first")
    assert list(queue.drain()) == ["first", "next"]
    assert not queue
