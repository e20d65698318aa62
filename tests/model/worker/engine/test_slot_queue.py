"""Which prompt takes the next slot, and when later chunks of streams may."""

from tests.model.worker.engine.test_precedence import Clock
from worker.engine.slot_queue import SlotQueue
from worker.engine.types import Turn, make_turn

STREAMED, OTHER_STREAMED = make_turn(10, 1, due_s=5.0), make_turn(10, 2, due_s=9.0)
FIRST, ARTICLE, BOOK = make_turn(10, 0), make_turn(5, 7), make_turn(5, 900)


def fill(
    queue: SlotQueue[str], *, has_room: bool = True, is_idle: bool = False, slots: int = 99
) -> list[str]:
    """Let those join that may, as the stage does before a step."""
    joined: list[str] = []
    queue.begin_step(is_idle=is_idle)
    while (first := queue.next(has_room_for_streams=has_room)) is not None and len(joined) < slots:
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
    assert not queue.is_crowded(has_room_for_streams=True)  # no slot is missing
    queue.push(FIRST, "another first")
    assert queue.is_crowded(has_room_for_streams=True)
    assert fill(queue) == ["another first", "soon", "later"]


def test_an_article_does_not_wait_for_streams() -> None:
    queue: SlotQueue[str] = SlotQueue(Clock())
    queue.push(ARTICLE, "article")
    assert fill(queue) == ["article"]
    queue.push(STREAMED, "later")
    queue.push(ARTICLE, "another")
    assert fill(queue, slots=1) == ["another"]
    assert fill(queue, is_idle=True) == ["later"]


def test_the_chunks_of_an_article_do_not_keep_streams_from_the_only_free_slot() -> None:
    """A slot comes free every 20 ms, and something of an article always waits for it."""
    clock = Clock()
    queue: SlotQueue[str] = SlotQueue(clock)
    waited_since: dict[str, float] = {}
    waits_s: list[float] = []
    for n in range(500):
        queue.push(make_turn(9, n), f"article {n}")
        if n % 10 == 0:
            queue.push(make_turn(10, 1, due_s=float(n)), f"stream {n}")
            waited_since[f"stream {n}"] = clock.now
        waits_s += [
            clock.now - waited_since.pop(name)
            for name in fill(queue, slots=1)
            if name in waited_since
        ]
        clock.now += 0.02
    assert len(waits_s) >= 49
    assert max(waits_s) < 0.2


def test_a_book_does_not_join_while_a_later_chunk_of_a_stream_waits() -> None:
    clock = Clock()
    queue: SlotQueue[str] = SlotQueue(clock)
    queue.push(FIRST, "first")
    assert fill(queue) == ["first"]
    queue.push(STREAMED, "later")
    queue.push(BOOK, "book")
    assert fill(queue) == []  # it would be the next to join, and take "later" with it
    clock.now += 0.1
    assert fill(queue) == ["later", "book"]


def test_an_idle_decoder_takes_the_chunk_of_a_stream_at_once() -> None:
    queue: SlotQueue[str] = SlotQueue(Clock())
    queue.push(FIRST, "first")
    assert fill(queue) == ["first"]
    queue.push(STREAMED, "later")
    assert fill(queue) == []
    assert fill(queue, is_idle=True) == ["later"]


def test_without_room_for_streams_an_article_joins_and_a_book_does_not() -> None:
    queue: SlotQueue[str] = SlotQueue(Clock())
    queue.push(STREAMED, "later")
    queue.push(BOOK, "book")
    assert fill(queue, has_room=False, is_idle=True) == []
    assert not queue.is_crowded(has_room_for_streams=False)
    queue.push(ARTICLE, "article")
    assert queue.is_crowded(has_room_for_streams=False)
    assert fill(queue, has_room=False) == ["article"]
    assert fill(queue, is_idle=True) == ["later", "book"]


def test_those_that_join_together_do_so_by_turn() -> None:
    queue: SlotQueue[str] = SlotQueue(Clock())
    turns: dict[str, Turn] = {
        "streamed": STREAMED, "book": BOOK, "none": (), "article": ARTICLE, "first": FIRST,
    }  # fmt: skip
    for name, turn in turns.items():
        queue.push(turn, name)
    assert fill(queue) == ["none", "first", "streamed", "article", "book"]


def test_a_refused_prompt_leaves_the_queue_and_has_not_joined() -> None:
    clock = Clock()
    queue: SlotQueue[str] = SlotQueue(clock)
    queue.push(FIRST, "first")
    assert fill(queue) == ["first"]
    queue.push(FIRST, "refused")
    queue.push(STREAMED, "later")
    queue.begin_step(is_idle=False)
    assert queue.next(has_room_for_streams=True) == (FIRST, "refused")
    queue.remove("refused", has_joined=False)
    assert queue.next(has_room_for_streams=True) is None
    queue.remove_if(lambda item: item == "later")
    assert not queue
    queue.push(STREAMED, "next")
    queue.push(FIRST, "first")
    assert list(queue.drain()) == ["first", "next"]
    assert not queue
