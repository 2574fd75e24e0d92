"""Every stand-in for unknown terms keeps the `Term` protocol, its derivatives against differences."""

import numpy as np
import pytest
from oracles import broken_promises, slope

from pcl import MLP
from pcl.dae.laws.fixed_law import FixedLaw
from pcl.dae.laws.free_outputs import FreeOutputs
from pcl.dae.laws.law import Law, TrainedLaw
from pcl.dae.laws.term import Term, TermPoint

N, H = 3, 1e-4                  # points; an error of order h² and rounding/h: 1e-8
LAW = Law(MLP((2, 4, 2)), ("x", "y"), ("z", "w"), [1.0, 2.0], [3.0, -4.0], 5.0, [1.0, -6.0])
TRAINED = TrainedLaw(LAW, LAW.init(3))
TERMS = {
    "law": LAW,
    "fixed law": FixedLaw(TRAINED, N, slack=False),
    "fixed law with slacks": FixedLaw(TRAINED, N, slack=True, size=[0.5, 2.0]),
    "free outputs": FreeOutputs(N, ("z", "w")),
    "free outputs of a basis": FreeOutputs(N, ("z", "w"), np.eye(3, 2) + 0.4, [2.0, 3.0]),
}


class Sample:
    """A term at a random point with random directions."""

    def __init__(self, term):
        rng = np.random.default_rng(8)
        self.term, d, self.m = term, len(term.inputs), len(term.outputs)
        self.theta, self.a = rng.normal(size=term.size), rng.normal(size=(N, d))
        self.theta_dot, self.a_dot = rng.normal(size=term.size), rng.normal(size=(N, d))
        self.bar, self.point = rng.normal(size=(N, self.m)), term.at(self.theta, self.a)

    def moved(self, f):
        """(slope of f(point) along θ̇, along ȧ)."""
        return (slope(lambda t: f(self.term.at(t, self.a)), self.theta, self.theta_dot, H),
                slope(lambda a: f(self.term.at(self.theta, a)), self.a, self.a_dot, H))


@pytest.fixture(params=TERMS)
def sample(request):
    return Sample(TERMS[request.param])


def test_methods_have_the_arguments_of_the_protocol(sample):
    assert broken_promises(Term, sample.term) == [] == broken_promises(TermPoint, sample.point)


def test_jacobians_are_the_limit_of_differences(sample):
    by_theta, by_a = sample.moved(lambda point: point.value)
    assert sample.point.jacobian().shape == (N, sample.m, sample.term.size)
    np.testing.assert_allclose(sample.point.jacobian() @ sample.theta_dot, by_theta, atol=1e-6)
    np.testing.assert_allclose(np.einsum("nmd,nd->nm", sample.point.input_jacobian(), sample.a_dot), by_a,
                               atol=1e-6)


def test_pullback_is_the_transposed_jacobian(sample):
    np.testing.assert_allclose(sample.point.pullback(sample.bar),
                               np.tensordot(sample.bar, sample.point.jacobian(), 2), rtol=1e-11)


def test_curvatures_are_the_limit_of_differences(sample):
    bar, point = sample.bar, sample.point
    by_theta, mixed = sample.moved(lambda point: point.pullback(bar))
    np.testing.assert_allclose(point.curvature(bar) @ sample.theta_dot, by_theta, atol=1e-6)
    np.testing.assert_allclose(np.einsum("ndp,nd->p", point.mixed_curvature(bar), sample.a_dot), mixed,
                               atol=1e-6)
    _, inner = sample.moved(lambda point: np.einsum("nm,nmd->nd", bar, point.input_jacobian()))
    np.testing.assert_allclose(np.einsum("nde,ne->nd", point.input_curvature(bar), sample.a_dot), inner,
                               atol=1e-6)
