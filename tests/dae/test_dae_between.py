"""What a fit says of bounds between its nodes."""

import numpy as np
import pytest

from pcl.dae import Model, Trajectory, fit

T = np.linspace(0.0, 1.0, 21)


def bounded(**options):
    """A bound on an algebraic variable a = (t − ½)² that touches zero between nodes."""
    model = Model(states="x", algebraic="a", parameters="k", rates=lambda v: {"x": v.k},
                  equations=lambda v: {"a": v.a - (v.t - 0.5) ** 2 + 0.004}, **options)
    return fit(model, Trajectory(T, {"x": 2.0 * T}), elements=1)


def test_the_report_says_by_how_much_a_bound_is_violated_between_the_nodes():
    """Radau's nodes are 0.155, 0.645 and 1: there a ≥ 0.017; at 0.5 it is −0.004."""
    found = bounded(bounds={"a": (0.0, None)})
    violation = found.between["0"]["a"]
    assert found.result.success and violation.size == pytest.approx(0.004, rel=1e-6)
    assert violation.time == pytest.approx(0.5, abs=1e-6)
    assert "of trajectory 0 bounds are violated: a by up to 0.004 at t = 0.5" in str(found)


def test_a_path_constraint_is_looked_at_between_the_nodes():
    found = bounded(path=lambda v: {"floor": -v.a})
    violation = found.between["0"]["floor"]
    assert 0.003 < violation.size <= 0.004 and abs(violation.time - 0.5) < 0.03


def test_nothing_is_said_where_bounds_hold():
    found = bounded(bounds={"a": (-0.01, None)})
    assert found.between == {} and "between the nodes" not in str(found)
