"""catalog/near.py: which hashes are near each other."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aikit import InputTypeError, InputValueError
from aikit.catalog import find_near, group_near
from aikit.catalog.hashing import turned_hashes

near = importlib.import_module("aikit.catalog.near")


def changed(value, bits):
    """A hash with some bits of it turned over, signed again."""
    other = (value % 2**64) ^ sum(1 << int(bit) for bit in bits)
    return other - 2**64 if other >= 2**63 else other


def families(seed, count=400, children=3, most=5):
    """Hashes of which many are a few bits away from another, in no order."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(-(2**63), 2**63, count).tolist()
    for parent in hashes[: count // 4]:
        for _ in range(rng.integers(children + 1)):
            hashes.append(changed(parent, rng.choice(64, rng.integers(most + 1), replace=False)))
    return rng.permutation(np.array(hashes))


def distances(hashes, turned=False):
    """How far each is from each, by Python's own arithmetic on text."""
    spelled = [f"{each % 2**64:064b}" for each in hashes.tolist()]
    turns = [[f"{each % 2**64:064b}" for each in way] for way in turned_hashes(hashes).tolist()[: 8 if turned else 1]]
    bits = np.array([[int(bit) for bit in word] for word in spelled])
    return np.min(
        [(bits[:, None] != np.array([list(map(int, word)) for word in way])).sum(-1) for way in turns], axis=0
    )


def components(hashes, distance, turned=False):
    """The groups as SciPy finds them."""
    one, other = np.nonzero(distances(hashes, turned) <= distance)
    count, labels = connected_components(
        coo_array((np.ones(one.size), (one, other)), (hashes.size,) * 2), directed=False
    )
    groups = [np.flatnonzero(labels == label).tolist() for label in range(count)]
    return sorted(group for group in groups if len(group) > 1)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("distance", [0, 1, 2, 3, 5, 8, 20])
def test_groups_are_the_connected_components(distance, turned):
    hashes = families(distance, 300)
    assert group_near(hashes, distance=distance, turned=turned) == components(hashes, distance, turned)


@pytest.mark.parametrize("distance", [1, 3, 4, 6])
@pytest.mark.parametrize("count", [2, 3000, 50_000])
def test_pairs_are_found_however_many_there_are(distance, count):
    # With more of them the bits are cut into other bands.
    rng = np.random.default_rng(count)
    hashes = rng.integers(-(2**63), 2**63, count)
    last = changed(int(hashes[0]), rng.choice(64, distance, replace=False))
    assert group_near(np.append(hashes, last), distance=distance) == [[0, count]]
    assert group_near(np.append(hashes, last), distance=distance - 1) == []


def test_bands_differ_with_the_number():
    assert len({near._bands(count, 3) for count in (2, 3000, 50_000, 1_000_000, 30_000_000)}) > 2


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_chunks_change_nothing(chunk, monkeypatch):
    hashes = families(3, 60)
    expected = [group_near(hashes, distance=5, turned=turned) for turned in (False, True)]
    monkeypatch.setattr(near, "_CHUNK", chunk)
    assert [group_near(hashes, distance=5, turned=turned) for turned in (False, True)] == expected
    assert expected[0] != expected[1] or expected[0]


def test_a_chain_is_one_group_from_end_to_end():
    chain = [0]
    for bit in range(63):
        chain.append(chain[-1] | 1 << bit)
    shuffled = np.random.default_rng(1).permutation(np.array(chain))
    assert group_near(shuffled, distance=1) == [list(range(64))]


def test_the_same_hash_ten_thousand_times_is_one_group_at_once():
    # 50 million pairs, were they compared.
    hashes = [5, *[7] * 10_000, -1]
    assert group_near(hashes) == [list(range(1, 10_001))]
    assert group_near(hashes, distance=1) == [list(range(10_001))]


def test_groups_do_not_depend_on_the_order():
    hashes = families(8)
    order = np.random.default_rng(9).permutation(hashes.size)
    mixed = [sorted(order[group].tolist()) for group in group_near(hashes[order], distance=4)]
    assert sorted(mixed) == group_near(hashes, distance=4)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40), st.integers(0, 64), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_hashes(values, distance, turned):
    hashes = np.array(values, np.int64)
    expected = components(hashes, distance, turned) if values else []
    assert group_near(hashes, distance=distance, turned=turned) == expected


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("distance", [0, 3, 30, 64])
def test_find_near_is_a_look_at_each(distance, turned):
    hashes = families(2)
    apart = distances(np.array([hashes[17], *hashes]), turned)[0][1:]
    positions, found = find_near(hashes, int(hashes[17]), distance=distance, turned=turned)
    expected = sorted((int(apart[at]), at) for at in range(hashes.size) if apart[at] <= distance)
    assert list(zip(found.tolist(), positions.tolist(), strict=True)) == expected
    assert expected[0][0] == 0


def test_signed_and_unsigned_lists_and_arrays_are_the_same():
    hashes = families(4, 50)
    for same in (hashes.tolist(), hashes.view(np.uint64), hashes.view(np.uint64).tolist(), hashes[::-1][::-1]):
        assert group_near(same, distance=5) == group_near(hashes, distance=5)
        found = find_near(same, int(hashes.view(np.uint64)[0]), distance=9)
        for mine, expected in zip(found, find_near(hashes, int(hashes[0]), distance=9), strict=True):
            assert (mine == expected).all()


def test_the_sign_is_a_bit_like_others():
    assert group_near([-(2**63), 0], distance=1) == [[0, 1]]
    assert find_near([-1], 0, distance=64)[1].tolist() == [64]


@pytest.mark.parametrize("hashes", [[], [1]])
def test_none_and_one(hashes):
    assert group_near(hashes, distance=3, turned=True) == []
    assert find_near(hashes, 1)[0].tolist() == [0] * len(hashes)


def test_the_input_is_unchanged():
    hashes = families(5, 50)
    before = hashes.copy()
    group_near(hashes, distance=3, turned=True)
    find_near(hashes, 3, turned=True)
    assert (hashes == before).all()


def test_a_million_take_seconds():
    hashes = np.random.default_rng(0).integers(-(2**63), 2**63, 1_000_000)
    hashes[-1] = changed(int(hashes[0]), [0, 31, 63])
    assert group_near(hashes, distance=3) == [[0, 999_999]]
    assert find_near(hashes, int(hashes[0]), distance=3)[0].tolist() == [0, 999_999]


# Messages


@pytest.mark.parametrize("values", [[1.0], [None], ["a"], np.zeros(3), np.zeros((2, 2), int), 7])
def test_what_are_no_hashes_is_refused(values):
    with pytest.raises(InputTypeError, match="hashes: expected whole numbers of 64 bits, signed or not, got"):
        group_near(values)
    with pytest.raises(InputTypeError, match="hashes: expected whole numbers of 64 bits"):
        find_near(values, 1)


def test_a_missing_target_is_refused():
    with pytest.raises(
        InputTypeError,
        match="target: expected whole numbers of 64 bits, signed or not, got None; pass what picture_hash",
    ):
        find_near([1], None)


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1])
def test_more_than_64_bits_are_refused(value):
    with pytest.raises(InputValueError, match="hashes: expected whole numbers of 64 bits"):
        group_near([value])
    with pytest.raises(InputValueError, match="target: expected"):
        find_near([1], value)


@pytest.mark.parametrize("distance", [-1, 65])
def test_distances_beyond_64_are_refused(distance):
    with pytest.raises(InputValueError, match="distance: expected 0"):
        group_near([1], distance=distance)
    with pytest.raises(InputValueError, match="distance: expected 0"):
        find_near([1], 1, distance=distance)


def test_a_word_for_turned_is_refused():
    with pytest.raises(InputTypeError, match="turned: expected True or False, got 'no'"):
        group_near([1], turned="no")
