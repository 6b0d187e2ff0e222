"""Collectives as traffic: bytes are conserved, trees are trees, steps and bytes are those of the closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.fabric.algorithms import ALGORITHMS
from sim.cluster.fabric.arrays import total
from sim.cluster.fabric.collectives import Arrangement, Flows, arrange, busbw_factor, cut_bytes
from sim.cluster.fabric.patterns import PATTERNS, all_pairs_flows, ring_flows, tree_flows
from sim.cluster.records import GpuArray

DOMAIN = 4


@st.composite
def gpu_groups(draw: st.DrawFn) -> GpuArray:
    """Draw disjoint groups of scattered GPUs."""
    rows, ranks = draw(st.integers(1, 3)), draw(st.integers(2, 8))
    gpus = draw(st.permutations(range(rows * ranks + 4)))
    return np.array(gpus[: rows * ranks], dtype=np.int64).reshape(rows, ranks)


def even_groups(blocks: int, per_block: int, rows: int = 1) -> GpuArray:
    """Return groups with per_block GPUs in each of some domains of four."""
    each = np.arange(blocks)[:, None] * DOMAIN + np.arange(per_block)
    return np.stack([each.ravel() + row * blocks * DOMAIN for row in range(rows)])


def sent(flows: Flows, gpus: int) -> np.ndarray:
    return total(flows.source, flows.weight, gpus)


def received(flows: Flows, gpus: int) -> np.ndarray:
    return total(flows.target, flows.weight, gpus)


@given(gpu_groups())
def test_arranging_permutes_each_group_and_keeps_its_domains_together(groups: GpuArray) -> None:
    ring = arrange(groups, DOMAIN)
    assert np.array_equal(np.sort(ring.members, axis=1), np.sort(groups, axis=1))
    for row, (before, after) in enumerate(zip(groups // DOMAIN, ring.members // DOMAIN, strict=True)):
        seen = list(dict.fromkeys(before.tolist()))
        assert list(dict.fromkeys(after.tolist())) == seen
        assert int(ring.blocks_of_group[row]) == len(seen)
        assert np.count_nonzero(np.diff(after)) == len(seen) - 1


@given(gpu_groups())
def test_every_gpu_of_a_ring_sends_one_unit_and_receives_one_or_its_share_of_channels(groups: GpuArray) -> None:
    """Each block passes one unit on; GPUs of equal blocks each send exactly one unit."""
    ring = arrange(groups, DOMAIN)
    flows = ring_flows(ring)
    across = flows.source // DOMAIN != flows.target // DOMAIN
    for row in range(groups.shape[0]):
        mine = across & (flows.group == row)
        blocks = int(ring.blocks_of_group[row])
        assert flows.weight[mine].sum() == pytest.approx(blocks if blocks > 1 else 0)
    if ring.per_block:
        gpus = int(groups.max()) + 1
        np.testing.assert_allclose(sent(flows, gpus)[groups], 1.0)
        np.testing.assert_allclose(received(flows, gpus)[groups], 1.0)


def test_channels_leave_and_enter_on_the_same_position() -> None:
    flows = ring_flows(arrange(even_groups(3, 2), DOMAIN))
    across = flows.source // DOMAIN != flows.target // DOMAIN
    assert np.array_equal(flows.source[across] % DOMAIN, flows.target[across] % DOMAIN)
    np.testing.assert_allclose(flows.weight[across], 0.5)


@given(st.integers(2, 33), st.integers(1, 4))
def test_both_trees_span_all_domains_and_every_domain_sends_at_most_two_units(blocks: int, per_block: int) -> None:
    """Up 1/2 as a leaf and 1/2 as an inner vertex, down 1/2 to each of two children: 2 S in all, as a ring."""
    flows = tree_flows(arrange(even_groups(blocks, per_block), DOMAIN))
    source, target = flows.source // DOMAIN, flows.target // DOMAIN
    across = source != target
    out = total(source[across], flows.weight[across], blocks)
    into = total(target[across], flows.weight[across], blocks)
    np.testing.assert_allclose(out.sum(), 2 * (blocks - 1))
    assert out.max() <= 2 + 1e-12
    assert into.max() <= 2 + 1e-12
    # Roots of the two trees differ, so every domain's contribution crosses: one unit out at least.
    assert out.min() >= 1 - 1e-12


@pytest.mark.parametrize("blocks", [2, 3, 4, 5, 8, 13, 32])
def test_tree_depth_is_logarithmic_and_acyclic(blocks: int) -> None:
    flows = tree_flows(arrange(even_groups(blocks, 1), DOMAIN))
    half = flows.source.size // 2
    edges = list(zip((flows.source // DOMAIN)[:half].tolist(), (flows.target // DOMAIN)[:half].tolist(), strict=True))
    for tree in (edges[: blocks - 1], edges[blocks - 1 :]):
        parent = dict(tree)
        assert len(parent) == blocks - 1
        for start in parent:
            depth, at = 0, start
            while at in parent:
                at, depth = parent[at], depth + 1
            assert depth <= blocks.bit_length() + 1


@given(gpu_groups())
def test_all_to_all_sends_all_but_the_own_part(groups: GpuArray) -> None:
    flows = all_pairs_flows(arrange(groups, DOMAIN))
    ranks, gpus = groups.shape[1], int(groups.max()) + 1
    np.testing.assert_allclose(sent(flows, gpus)[groups], (ranks - 1) / ranks)
    np.testing.assert_allclose(received(flows, gpus)[groups], (ranks - 1) / ranks)


def across_bytes(kind: str, algorithm: str, arranged: Arrangement) -> float:
    """Return bytes that leave all domains, per byte of size."""
    amount = 0.0
    for phase in ALGORITHMS[kind][algorithm](arranged):
        flows = PATTERNS[phase.pattern](arrange(phase.groups, DOMAIN))
        away = flows.source // DOMAIN != flows.target // DOMAIN
        amount += phase.share * float(flows.weight[away].sum())
    return amount


@pytest.mark.parametrize(("blocks", "per_block"), [(2, 1), (4, 1), (2, 4), (5, 3), (8, 2)])
def test_bytes_between_domains_are_those_of_the_closed_forms(blocks: int, per_block: int) -> None:
    """Hierarchical and tree algorithms send the least, 2 (k - 1) S; a flat ring 2 (n - 1) / n k S."""
    arranged = arrange(even_groups(blocks, per_block), DOMAIN)
    ranks = blocks * per_block
    flat = (ranks - 1) / ranks * blocks
    assert across_bytes("all-reduce", "ring", arranged) == pytest.approx(2 * flat)
    assert across_bytes("all-gather", "ring", arranged) == pytest.approx(flat)
    assert across_bytes("all-reduce", "tree", arranged) == pytest.approx(2 * (blocks - 1))
    if per_block > 1:
        assert across_bytes("all-reduce", "hierarchical", arranged) == pytest.approx(2 * (blocks - 1))
        assert across_bytes("reduce-scatter", "hierarchical", arranged) == pytest.approx(blocks - 1)
        assert across_bytes("all-gather", "hierarchical", arranged) == pytest.approx(blocks - 1)


def test_steps_are_those_of_the_closed_forms() -> None:
    one_a_node = arrange(even_groups(8, 1), DOMAIN)
    (ring,) = ALGORITHMS["all-reduce"]["ring"](one_a_node)
    assert (ring.scale_up_steps, ring.network_steps, ring.share) == (0, 14, 14 / 8)
    (gather,) = ALGORITHMS["all-gather"]["ring"](one_a_node)
    assert (gather.scale_up_steps, gather.network_steps, gather.share) == (0, 7, 7 / 8)
    (inside,) = ALGORITHMS["all-reduce"]["ring"](arrange(even_groups(1, 4), DOMAIN))
    assert (inside.scale_up_steps, inside.network_steps, inside.reduces) == (6, 0, True)
    (mixed,) = ALGORITHMS["all-reduce"]["ring"](arrange(even_groups(8, 4), DOMAIN))
    assert (mixed.scale_up_steps, mixed.network_steps) == (46, 16)
    within, across, back = ALGORITHMS["all-reduce"]["hierarchical"](arrange(even_groups(8, 4), DOMAIN))
    assert np.array_equal(within.groups, back.groups)
    assert (within.scale_up_steps, within.network_steps) == (3, 0)
    assert (across.scale_up_steps, across.network_steps) == (0, 14)


def test_algorithms_that_do_not_fit_say_so_with_no_phases() -> None:
    uneven = arrange(np.array([[0, 1, 2, 4]]), DOMAIN)
    assert ALGORITHMS["all-reduce"]["hierarchical"](uneven) == ()
    assert ALGORITHMS["all-reduce"]["tree"](uneven) == ()
    assert ALGORITHMS["all-reduce"]["tree"](arrange(even_groups(1, 4), DOMAIN)) == ()


def test_busbw_factors_are_those_of_nccl_tests() -> None:
    assert busbw_factor("all-reduce", 16) == pytest.approx(2 * 15 / 16)
    for kind in ("all-gather", "reduce-scatter", "all-to-all"):
        assert busbw_factor(kind, 16) == pytest.approx(15 / 16)
    assert busbw_factor("p2p", 2) == 1.0


def test_a_part_that_holds_the_whole_group_needs_nothing_from_outside() -> None:
    for kind in ALGORITHMS:
        assert cut_bytes(kind, 2, np.array([2])).tolist() == [0.0]
    assert cut_bytes("all-to-all", 8, np.array([2])).tolist() == [2 * 6 / 8]
