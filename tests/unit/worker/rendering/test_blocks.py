import multiprocessing
import os
from multiprocessing.connection import Connection

import numpy as np

from tests.sounds_of_takes import make_sound
from worker.rendering.blocks import BLOCK_BYTES, SharedBlocks, fits


def test_a_sound_is_read_as_it_was_written() -> None:
    blocks = SharedBlocks.make(2)
    sounds = [make_sound("one"), make_sound("another", seconds=2.5)]
    sizes = [blocks.write(block, sound) for block, sound in enumerate(sounds)]
    for block, sound in enumerate(sounds):
        read = blocks.read(block, sizes[block], spoken_text="text", is_truncated=True)
        assert np.array_equal(read.tokens, sound.tokens)
        assert np.array_equal(read.waveform, sound.waveform)
        assert (read.spoken_text, read.is_truncated) == ("text", True)
    del read
    blocks.close()


def test_a_sound_longer_than_a_block_does_not_fit() -> None:
    assert fits(make_sound("text", seconds=40))
    assert not fits(make_sound("text", seconds=BLOCK_BYTES / 4 / 24_000))


def test_another_process_reads_what_is_written_later() -> None:
    context = multiprocessing.get_context("forkserver")
    blocks = SharedBlocks.make(1)
    ours, theirs = context.Pipe()
    process = context.Process(target=_sum, args=(theirs, blocks))
    process.start()
    sound = make_sound("text")
    ours.send(blocks.write(0, sound))
    assert ours.recv() == float(sound.waveform.sum())
    process.join()
    process.close()
    ours.close()
    theirs.close()
    blocks.close()


def _sum(pipe: Connection, blocks: SharedBlocks) -> None:
    sound = blocks.read(0, pipe.recv(), spoken_text="", is_truncated=False)
    pipe.send(float(sound.waveform.sum()))


def test_closing_twice_closes_no_file_of_somebody_else() -> None:
    blocks = SharedBlocks.make(1)
    blocks.close()
    ours, theirs = os.pipe()  # these get the lowest free numbers: one was that of the memory
    blocks.close()
    os.write(theirs, b"x")
    assert os.read(ours, 1) == b"x"
    os.close(ours)
    os.close(theirs)
