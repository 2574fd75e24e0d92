"""What is kept for later is let go again."""
import gc
import weakref

import numpy as np
import scipy.sparse as sp
import skfem

import fem
import pcl
from pcl.nodes.linear.pattern import pattern_of
from pcl.nodes.linear.structure import Structure
from pcl.support.caches import Bounded, Companions


class Thing:
    """Something that can be referred to weakly."""


def test_a_kept_matrix_holds_at_most_one_of_thirty_partners():
    A, partners = pcl.SparseMatrix.from_scipy(sp.eye_array(6)), []
    for k in range(1, 31):
        M = pcl.SparseMatrix.from_scipy(sp.csr_array(np.diag(np.full(5, float(k)), 1)))
        for total, sign in ((A + M, 1), (M + A, 1), (A - M, -1)):
            np.testing.assert_array_equal(total.to_scipy().toarray(),
                                          np.eye(6) + sign * np.diag(np.full(5, float(k)), 1))
        partners.append(weakref.ref(M.structures[0]))
    gc.collect()
    assert sum(partner() is not None for partner in partners) <= 1


def test_the_pattern_of_living_structures_is_built_once():
    A, B = (Structure.from_entries([0, 1], [i, 1], (2, 2)) for i in range(2))
    assert pattern_of((A, B)) is pattern_of((A, B))
    assert pattern_of((A, B)) is not pattern_of((B, A))


def test_the_restriction_used_longest_ago_makes_room():
    A = Structure.from_entries(np.arange(40), np.arange(40), (40, 40))
    first = A.restrict([0], [0])
    assert A.restrict([0], [0]) is first
    found = [weakref.ref(A.restrict([k], [k])) for k in range(1, 40)]
    gc.collect()
    assert A.restrict([0], [0]) is not first
    assert sum(restricted() is not None for restricted in found) < 10


def test_a_space_lets_partitions_go():
    V = fem.Space(skfem.MeshTri().refined(3), "P1")
    kept = V.partition(np.array([0]))
    assert V.partition(np.array([0])) is kept
    found = [weakref.ref(V.partition(np.array([fixed]))) for fixed in range(1, 60)]
    gc.collect()
    assert sum(partition() is not None for partition in found) < 30


def test_bounded_keeps_what_was_used_last():
    cache = Bounded(2)
    assert [cache.kept(k, lambda: k * 10) for k in (1, 2, 1, 3)] == [10, 20, 10, 30]
    assert cache.kept(1, lambda: 11) == 10 and cache.kept(2, lambda: 21) == 21


def test_companions_go_with_the_first_of_them():
    owner, a, b = Companions(), Thing(), Thing()
    value = owner.kept((a, b), Thing)
    assert owner.kept((a, b), Thing) is value
    value = weakref.ref(value)
    del a
    gc.collect()
    assert value() is None
