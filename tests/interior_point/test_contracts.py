"""Every KKT backend and every source of W keeps its protocol."""

import numpy as np
import pytest
import scipy.sparse as sp
from oracles import broken_promises

from pcl.dae.kkt.reduced import ReducedKKT
from pcl.dae.program.hessians import GaussNewton, Hybrid
from pcl.interior_point.hessians import Exact, Hessian, LimitedMemory, strategy
from pcl.interior_point.kkt.dense import DenseKKT
from pcl.interior_point.kkt.low_rank import LowRankKKT
from pcl.interior_point.kkt.protocol import KKT, Factor
from pcl.interior_point.kkt.sparse import FeralKKT, SuperLUKKT, feral_is_installed

GENERAL = [DenseKKT, SuperLUKKT, pytest.param(FeralKKT, marks=pytest.mark.skipif(
    not feral_is_installed(), reason="feral-solver is not installed"))]


@pytest.mark.parametrize("protocol, keeper", [
    *((KKT, backend) for backend in (DenseKKT, SuperLUKKT, FeralKKT, LowRankKKT, ReducedKKT)),
    *((Hessian, source) for source in (Exact, LimitedMemory, GaussNewton, Hybrid))],
    ids=lambda part: part.__name__)
def test_methods_have_the_arguments_of_the_protocol(protocol, keeper):
    assert broken_promises(protocol, keeper) == []


@pytest.mark.parametrize("backend", GENERAL)
@pytest.mark.parametrize("seed", range(4))
def test_a_backend_leaves_no_residual_and_knows_the_signs_of_the_eigenvalues(backend, seed):
    rng = np.random.default_rng(seed)
    W, J = rng.normal(size=(9, 9)), rng.normal(size=(4, 9))
    W = W + W.T + (8.0 if seed % 2 else 0.0) * np.eye(9)
    d_x, d_c, r = rng.uniform(0.1, 1.0, 9), rng.uniform(0.0, 0.1, 4), rng.normal(size=13)
    factor = backend().factor(sp.csc_array(W), sp.csc_array(J), d_x, d_c)
    assert broken_promises(Factor, factor) == []
    K = np.block([[W + np.diag(d_x), J.T], [J, -np.diag(d_c)]])
    assert factor.right_inertia == ((np.linalg.eigvalsh(K) > 0).sum() == 9) and not factor.singular
    residual = K @ np.concatenate(factor.solve(r[:9], r[9:])) - r
    # SuperLU perturbs the diagonal by 1e-8; refinement in `System` removes it
    assert np.abs(residual).max() < (1e-4 if backend is SuperLUKKT else 1e-9)


class Quadratic:
    """½ xᵀQx, without rows."""

    Q = np.array([[3.0, 1.0], [1.0, 4.0]])

    def gradient(self, x):
        return self.Q @ x

    def jacobian(self, x):
        return sp.csc_array((0, 2))

    def hessian(self, x, lam, sigma):
        return sp.csc_array(sigma * self.Q)


@pytest.mark.parametrize("source", [Exact, LimitedMemory])
def test_a_source_of_w_has_the_curvature_along_the_last_step_and_forgets_it_when_fresh(source):
    kept, start = source(Quadratic()), source(Quadratic())
    x, new, none = np.zeros(2), np.array([1.0, -0.5]), np.zeros(0)
    before = start.at(x, none, 1.0) @ new
    kept.at(x, none, 1.0)
    kept.accepted(x, new, none, 1.0)
    np.testing.assert_allclose(kept.at(new, none, 1.0) @ new, Quadratic.Q @ new, atol=1e-14)
    np.testing.assert_allclose(kept.fresh().at(x, none, 1.0) @ new, before, rtol=1e-14)


class WithoutFresh:
    """The restoration phase would be given the memory of other rows."""

    def at(self, x, lam, sigma):
        return sp.csc_array(np.eye(2))

    def accepted(self, x_old, x_new, lam, sigma):
        """Nothing to remember."""


def test_a_source_of_w_that_cannot_forget_is_refused_in_words():
    with pytest.raises(ValueError, match=r"WithoutFresh.* an object with .* fresh\(\)"):
        strategy(WithoutFresh(), Quadratic())
