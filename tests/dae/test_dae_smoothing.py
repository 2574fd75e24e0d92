"""The smoother by itself: splines as its closed form, λ by blocks of readings that are held out."""

import matplotlib
import numpy as np
import pytest

from pcl import MLP
from pcl.dae import Data, Model, Smoothing, Trajectory, fit, smooth
from pcl.dae.stages.smooth import roughness

matplotlib.use("Agg")
T = np.linspace(0.0, 6.0, 49)
GROWTH = Model(states="x", outputs="r", rates=lambda v: {"x": v.r})
TRUE = 1.0 + np.sin(T)
SEEN = TRUE + 0.05 * np.random.default_rng(1).standard_normal(T.size)
DATA = Trajectory(T, {"x": SEEN}, weights=400.0)


def test_misfit_rises_and_roughness_falls_with_smoothing():
    found = smooth(GROWTH, DATA, smoothing=[1e-3, 1.0, 1e3], elements=24)
    assert isinstance(found, Smoothing) and all(row.success for row in found.rows)
    misfit, rough = ([getattr(row, what) for row in found.rows] for what in ("misfit", "roughness"))
    assert misfit == sorted(misfit) and rough == sorted(rough, reverse=True)


def test_trajectories_are_the_smoothing_spline_of_the_readings():
    """x' = z at the nodes: minimise Σ ω (x − y)² + λ ∫ z'²/size², a quadratic in start and knots."""
    found = smooth(GROWTH, DATA, smoothing=2.0, elements=24)
    curve = found.trajectories["0"]
    t, z = curve.times, curve.values["r"]
    P = roughness(t, np.zeros(t.size, dtype=int), 1)
    size = np.sqrt(z @ P @ z / found.rows[0].roughness)     # of the first guess
    columns = [np.ones(T.size)]
    for unit in np.eye(t.size):                             # the collocated integral of each nodal value
        slots = unit.reshape(24, 3)
        step = curve.mesh.lengths[0]
        w = curve.scheme.value[-1]
        inside = [slots @ np.linalg.inv(curve.scheme.derivative[:, 1:]).T * step][0]
        ends = np.concatenate([[0.0], np.cumsum(inside @ w[1:])])
        c = curve.__class__(curve.name, curve.states, curve.others, curve.scheme, curve.mesh,
                            ends[:-1, None], (inside + ends[:-1, None])[:, :, None],
                            slots[:, :, None], curve.observables)
        columns.append(c(T, "x"))
    A = np.stack(columns, axis=1)
    H = 400.0 * A.T @ A
    H[1:, 1:] += 2.0 / size ** 2 * P
    best = A @ np.linalg.solve(H, 400.0 * A.T @ SEEN)
    assert curve(T, "x") == pytest.approx(best, abs=1e-4)


def test_lambda_by_held_out_blocks_is_near_the_best_for_the_truth():
    found = smooth(GROWTH, DATA, elements=24)
    rows = {row.smoothing: row for row in found.rows}
    assert len(rows) == 9 and np.isfinite(rows[found.smoothing].held_out)
    errors = {value: np.mean((smooth(GROWTH, DATA, smoothing=value, elements=24).trajectories["0"](T, "x")
                              - TRUE) ** 2) for value in rows}
    assert errors[found.smoothing] <= 2.0 * min(errors.values()) < 0.05 ** 2
    assert found.smoothing == min(rows, key=lambda value: rows[value].held_out)
    figure = found.plot()
    assert figure.axes[0].get_xscale() == "log" and found.plot_trajectories() is not None
    assert "*" in str(found)


def test_blocks_are_stretches_and_the_folds_hold_out_every_inner_time_once():
    data = Data(DATA)
    held = [data.hold_out(blocks=3, offset=k)[1][0].times for k in range(3)]
    assert sorted(np.concatenate(held)) == pytest.approx(T[1:-1])
    assert all(np.count_nonzero(np.diff(t) > 0.2) == 2 for t in held)       # three stretches each
    with pytest.raises(ValueError, match="expected exactly one"):
        data.hold_out(blocks=3, every=2)
    with pytest.raises(ValueError, match="offset"):
        data.hold_out(blocks=3, offset=3)


@pytest.mark.parametrize("how", ["start", "smoother"])
def test_a_fit_begins_with_it_in_the_place_of_guess_and_smoother(how):
    smoothed = smooth(GROWTH, DATA, smoothing=1.0, elements=24)
    found = fit(GROWTH, DATA, MLP((1, 4, 1)), elements=24, maxiter=3, weight_decay=1.0, **{how: smoothed})
    stage, = [each for each in found.stages if each.name == "smoother"]
    assert "as given" in stage.words and stage.words.startswith("smoothing 1")


def test_what_cannot_be_smoothed_is_refused():
    with pytest.raises(ValueError, match="no outputs"):
        smooth(Model(states="x", parameters="k", rates=lambda v: {"x": -v.k * v.x}), DATA)
    with pytest.raises(ValueError, match="smoothing is"):
        smooth(GROWTH, DATA, smoothing=[-1.0, 1.0])
