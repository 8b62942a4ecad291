"""Streams of one symbol come back in the order they were written in, however they are read."""

from hypothesis import given
from hypothesis import strategies as st

from infra.redis.merge import Chunk, Item, SeqMerge

Stream = list[Item[int]]


def test_a_full_stream_holds_back_what_lies_behind_its_last_entry():
    merge: SeqMerge[str] = SeqMerge()
    bars = [Item(1, "b", "1-0", "x"), Item(5, "b", "5-0", "x")]
    ticks = [Item(2, "t", "2-0", "x"), Item(3, "t", "3-0", "x")]
    assert [item.seq for item in merge.push([Chunk(bars, is_full=False), Chunk(ticks, is_full=True)])] == [1, 2, 3]
    assert merge.held == 1
    rest = [Item(4, "t", "4-0", "x"), Item(6, "t", "6-0", "x")]
    assert [item.seq for item in merge.push([Chunk(rest, is_full=False)])] == [4, 5, 6]


def test_a_stream_that_is_not_read_any_more_is_forgotten():
    merge: SeqMerge[str] = SeqMerge()
    merge.push([Chunk([Item(9, "b", "9-0", "x")], is_full=False), Chunk([Item(1, "t", "1-0", "x")], is_full=True)])
    assert merge.held == 0 or merge.held == 1
    merge.forget("b")
    assert merge.push([Chunk([Item(10, "t", "10-0", "x")], is_full=False)])[0].seq in (9, 10)


@given(
    owners=st.lists(st.integers(0, 3), max_size=120),
    written=st.lists(st.integers(1, 30), min_size=1, max_size=40),
    count=st.integers(1, 7),
)
def test_reading_by_chunks_gives_the_written_order(owners, written, count):
    """A writer appends to four streams in `seq` order, a reader looks now and then and takes `count` of each."""
    streams: list[Stream] = [[] for _ in range(4)]
    read_up_to = [0, 0, 0, 0]
    merge: SeqMerge[int] = SeqMerge()
    got: list[int] = []
    pending = list(enumerate(owners))
    turns = iter(written)
    while pending or any(read_up_to[i] < len(stream) for i, stream in enumerate(streams)):
        for seq, owner in pending[: (turn := next(turns, 50))]:
            streams[owner].append(Item(seq, str(owner), f"{seq}-0", seq))
        del pending[:turn]
        chunks = []
        for index, stream in enumerate(streams):
            items = stream[read_up_to[index] : read_up_to[index] + count]
            read_up_to[index] += len(items)
            if items:
                chunks.append(Chunk(items, is_full=len(items) == count))
        got += [item.payload for item in merge.push(chunks)]
    got += [item.payload for item in merge.push([])]
    assert got == list(range(len(owners)))
