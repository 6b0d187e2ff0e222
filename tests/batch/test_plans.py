"""The plan of a batch: chunks that hold every run once, and columns of what is swept."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.batch.drive.waiting import Others
from sim.batch.plans.chunks import Chunk, chunks_of, shard_of
from sim.batch.plans.columns import columns_of
from sim.batch.store.claims import Claim, claimed, claims, reserve
from sim.batch.store.status import stages

SIZES = {"variants": st.integers(1, 30), "count": st.integers(1, 40), "size": st.integers(1, 25)}


def runs_of(chunks: tuple[Chunk, ...]) -> Counter[tuple[int, int]]:
    def each() -> Iterator[tuple[int, int]]:
        for chunk in chunks:
            for block in chunk.blocks:
                yield from ((block.variant, block.first + index) for index in range(block.count))

    return Counter(each())


@given(**SIZES)
def test_every_run_is_in_exactly_one_chunk_of_the_size_at_most(variants: int, count: int, size: int) -> None:
    chunks = chunks_of(variants, 0, count, size)
    assert runs_of(chunks) == Counter((v, r) for v in range(variants) for r in range(count))
    assert all(1 <= chunk.runs <= size for chunk in chunks)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))


@given(**SIZES, more=st.integers(0, 30))
def test_two_stages_hold_every_run_once(variants: int, count: int, size: int, more: int) -> None:
    chunks = stages(variants, count, count + more, size)
    assert runs_of(chunks) == Counter((v, r) for v in range(variants) for r in range(count + more))
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))


@given(**SIZES, shards=st.integers(1, 9))
def test_every_chunk_is_in_exactly_one_shard(variants: int, count: int, size: int, shards: int) -> None:
    chunks = chunks_of(variants, 0, count, size)
    parts = [shard_of(chunks, shard, shards) for shard in range(1, shards + 1)]
    assert sorted(chunk.index for part in parts for chunk in part) == [chunk.index for chunk in chunks]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([{"a": "1"}, {"a": "2"}], [("a", "integer", (1, 2))]),
        ([{"a": "1"}, {"a": "2.5"}, {}], [("a", "number", (1.0, 2.5, None))]),
        ([{"a": "true"}, {"a": "false"}], [("a", "flag", (True, False))]),
        ([{"a": "true"}, {"a": "1"}], [("a", "text", ("True", "1"))]),
        ([{"a": '"x"'}, {"a": "y"}], [("a", "text", ("x", "y"))]),
        ([{"a": '{kind = "clos"}'}, {}], [("a", "text", ('{kind = "clos"}', None))]),
        (
            [{"a": '"400 Gbit/s"'}, {"a": '"50 GB/s"'}],
            [("a", "text", ("400 Gbit/s", "50 GB/s")), ("a_bytes_per_s", "number", (50e9, 50e9))],
        ),
        ([{"a": '"1 min"'}, {"a": '"1 GB"'}], [("a", "text", ("1 min", "1 GB"))]),
    ],
)
def test_swept_keys_are_columns_of_their_type(points: list[dict[str, str]], expected: list[object]) -> None:
    assert [(each.name, each.kind, each.values) for each in columns_of(points)] == expected


def test_a_claim_tells_how_far_a_chunk_is_by_its_size_alone(tmp_path: Path) -> None:
    with claimed(tmp_path, 7, runs=3) as finished:
        assert (claims(tmp_path)[7].finished, claims(tmp_path)[7].runs) == (0, 3)
        finished()
        finished()
        assert claims(tmp_path)[7].finished == 2
        assert not reserve(tmp_path, 7, runs=3)
    assert claims(tmp_path) == {}
    assert reserve(tmp_path, 7, runs=3)


def test_a_claim_of_a_dead_process_counts_for_nothing_and_one_that_stands_still_for_a_while(tmp_path: Path) -> None:
    now = [0.0]
    others = Others(clock=lambda: now[0], patience_s=10.0)
    elsewhere = Claim(chunk=1, host="elsewhere", pid=1, runs=9, finished=0)
    with claimed(tmp_path, 2, runs=1):
        assert others.works(claims(tmp_path)[2])
    dead = Claim(chunk=3, host=claims_host(tmp_path), pid=2**22 - 1, runs=9, finished=0)
    assert not others.works(dead)
    assert not others.works(None)
    assert others.works(elsewhere)
    now[0] = 9.0
    assert others.works(elsewhere)
    now[0] = 11.0
    assert not others.works(elsewhere)
    assert others.works(Claim(chunk=1, host="elsewhere", pid=1, runs=9, finished=1))


def claims_host(folder: Path) -> str:
    with claimed(folder, 9, runs=1):
        return claims(folder)[9].host


def test_a_claim_that_cannot_be_read_is_somebodys(tmp_path: Path) -> None:
    (tmp_path / ".claims").mkdir()
    (tmp_path / ".claims" / "4").write_text("")
    assert claims(tmp_path)[4].host == ""
