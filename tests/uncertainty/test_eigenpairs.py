"""Leading eigenpairs by products alone are those of the matrix."""
import numpy as np
import pytest

from pcl.uncertainty.laplace.eigenpairs import eigenpairs, influence


def matrix(values, seed=0):
    V = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))[0]
    return (V * values) @ V.T


DECAY = 1e4 * 0.7 ** np.arange(80)


@pytest.mark.parametrize("method, tolerance", [("lanczos", 1e-11), ("randomised", 1e-9)])
def test_they_are_those_of_the_matrix(method, tolerance):
    B = matrix(DECAY)
    found = eigenpairs(lambda v: B @ v, 80, 20, method)
    np.testing.assert_allclose(found.values, DECAY[:20], rtol=tolerance)
    np.testing.assert_allclose(B @ found.vectors, found.vectors * found.values, atol=1e-3)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(20), atol=1e-12)
    assert found.dropped == pytest.approx(DECAY[20], rel=0.5) and found.products <= 210


@pytest.mark.parametrize("method", ["lanczos", "randomised"])
def test_without_a_rank_all_above_a_tenth_are_kept(method):
    B = matrix(DECAY)
    found = eigenpairs(lambda v: B @ v, 80, None, method)
    assert found.values.size == (DECAY >= 0.1).sum() and found.dropped < 0.1


@pytest.mark.parametrize("method", ["lanczos", "randomised"])
def test_an_operator_of_low_rank_is_exhausted(method):
    values = np.concatenate([[7.0, 7.0, 7.0, 2.0, 2.0], np.zeros(35)])      # multiple eigenvalues
    B = matrix(values)
    found = eigenpairs(lambda v: B @ v, 40, 8, method)
    np.testing.assert_allclose(found.values, values[:8], atol=1e-12)
    assert found.dropped < 1e-10 and found.products < 40


def test_all_of_a_small_matrix_are_found():
    B = matrix(np.array([3.0, -0.5, 0.2]))
    for method in ("lanczos", "randomised"):
        found = eigenpairs(lambda v: B @ v, 3, 3, method)
        np.testing.assert_allclose(found.values, [3.0, -0.5, 0.2], atol=1e-12)
        assert found.dropped == 0.0
    assert eigenpairs(lambda v: 2.0 * v, 1, 1, "lanczos").values == pytest.approx([2.0])


def test_influence_is_the_change_of_a_variance():
    np.testing.assert_allclose(influence([3.0, -0.5, -1.0, -2.0, 0.0]), [3.0, 1.0, np.inf, np.inf, 0.0])
