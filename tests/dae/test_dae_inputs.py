"""Tables of inputs: elements end where they jump or bend, and nodes represent their integrals."""

import warnings

import numpy as np
import pytest

from pcl.collocation import Mesh, lobatto, radau
from pcl.dae import Model, Trajectory, fit
from pcl.dae.data.signal import signal
from pcl.dae.program.breaks import breaks, elements_for, turns
from pcl.dae.program.node_inputs import at_nodes, missed
from pcl.dae.program.setting import Setting

K, WIDTH = 0.3, 0.01
TIMES = np.arange(0.5, 12.0, 0.5)
STORE = Model(states=("x",), parameters=("k",), inputs=("J",), bounds={"k": (0.0, 10.0)},
              rates=lambda v: {"x": v.J - v.k * v.x})


def trajectory(J, x=None, **options):
    x = np.ones(TIMES.size) if x is None else x
    return Trajectory(TIMES, {"x": x}, {"x": 0.0}, inputs={"J": J}, span=(0.0, 12.0), **options)


def mesh(J, elements, **options):
    return Setting.of(STORE, trajectory(J, **options), elements).meshes[0]


def response(times, values, k=K):
    """x at TIMES for x' = u − k x, u linear between the rows, exactly."""
    grid = np.unique(np.concatenate([times, TIMES]))
    u, x = np.interp(grid, times, values), [0.0]
    for h, a, b in zip(np.diff(grid), u, u[1:]):
        e, slope = np.exp(-k * h), (b - a) / h
        x.append(e * x[-1] + (a - slope / k) * (1.0 - e) / k + slope * h / k)
    return np.interp(TIMES, grid, x)


@pytest.mark.parametrize("elements", ["auto", 24])
def test_a_pulse_shorter_than_an_element_is_not_lost(elements):
    """x' = J − k x with a pulse of area 1 in a hundredth of an hour: x = (e^{kw} − 1)/(kw) e^{−kt}."""
    x = np.expm1(K * WIDTH) / (K * WIDTH) * np.exp(-K * TIMES)
    first = ([0.0, WIDTH], [1.0 / WIDTH, 0.0], "constant")
    found = fit(STORE, trajectory(first, x), elements=elements, start={"k": 1.0})
    assert found.success and found.parameters["k"] == pytest.approx(K, rel=1e-6)
    late = ([0.0, 5.0, 5.0 + WIDTH / 2, 5.0 + WIDTH, 12.0], [0.0, 0.0, 2.0 / WIDTH, 0.0, 0.0])
    found = fit(STORE, trajectory(late, response(*late)), elements=elements, start={"k": 1.0})
    assert found.parameters["k"] == pytest.approx(K, rel=1e-6)


def test_jumps_are_boundaries_and_the_rest_is_shared_out():
    times = mesh(([0.0, 2.0, 2.3, 7.0], [0.0, 3.0, 0.0, 0.0], "constant"), 12).times
    assert {2.0, 2.3} <= set(times) and 7.0 not in times[[1]]      # nothing changes at 7
    assert 11 <= len(times) - 1 <= 14 and np.diff(times).max() < 1.3


def test_a_jump_inside_a_given_element_is_refused_by_time_input_and_element():
    table = ([0.0, 2.0, 2.7], [0.0, 3.0, 0.0], "constant")
    with pytest.raises(ValueError, match=r"input 'J' jumps at t = 2\.7 of trajectory .*inside element 5 "
                                         r"of those given, 2\.5 to 3: .* Add this time"):
        mesh(table, [np.linspace(0.0, 12.0, 25)])
    assert 2.7 in mesh(table, [np.union1d(np.linspace(0.0, 12.0, 25), [2.7 + 1e-13])]).times


def test_bends_count_by_their_change_of_slope():
    ramp = ([0.0, 3.0, 3.5, 8.0, 12.0], [0.0, 0.0, 1.0, 1.0, 1.0])
    assert breaks(trajectory(ramp), 20).tolist() == [3.0, 3.5]
    t = np.linspace(0.0, 12.0, 1001)
    assert breaks(trajectory((t, np.sin(t))), 20).size == 0                  # smooth between the rows
    noise = 0.02 * np.random.RandomState(0).randn(3601)
    logged = (np.linspace(0.0, 12.0, 3601), np.interp(np.linspace(0.0, 12.0, 3601), *ramp) + noise)
    corners = breaks(trajectory(logged), 20)
    assert corners.size <= 20 and np.abs(corners[:, None] - [3.0, 3.5]).min(axis=0).max() < 0.2


def test_breaks_given_with_a_function_are_boundaries_with_one_sided_values():
    def pulse(t):
        return np.where((t > 2.0) & (t < 2.7), 3.0, 0.0)
    table = ([0.0, 2.0, 2.7], [0.0, 3.0, 0.0], "constant")
    one = Setting.of(STORE, trajectory(pulse, breaks=(2.0, 2.7)), 20)
    other = Setting.of(STORE, trajectory(table), 20)
    np.testing.assert_array_equal(one.meshes[0].times, other.meshes[0].times)
    np.testing.assert_array_equal(one.inputs, other.inputs)
    start = at_nodes(signal("J", table), other.meshes[0], lobatto(3))
    np.testing.assert_array_equal(start, np.tile(start[:, 1:2], 3))         # constant in every element


def test_breaks_belong_to_a_trajectory():
    item = trajectory(1.0, breaks=[2.0])
    assert item.breaks.tolist() == [2.0] and item != trajectory(1.0)
    assert item.renamed("b").breaks.tolist() == [2.0]


@pytest.mark.parametrize("scheme", [radau(2), radau(3), lobatto(3)])
def test_nodes_hold_the_integral_of_a_logged_signal(scheme):
    t = np.linspace(0.0, 12.0, 3601)
    u = signal("J", (t, 5.0 + np.sin(t) + 0.3 * np.random.RandomState(0).randn(t.size)))
    grid = Mesh.uniform(0.0, 12.0, 24)
    values = at_nodes(u, grid, scheme)
    whole = np.trapezoid(u.values, t)
    assert grid.lengths @ (values @ scheme.weights) == pytest.approx(whole, rel=1e-12)
    assert missed(u, grid, scheme, values).max() < 1e-9
    assert missed(u, grid, scheme, u(grid.points(scheme).ravel()).reshape(24, -1)).max() > 0.01


def test_a_smooth_table_is_read_at_the_nodes():
    t = np.linspace(0.0, 12.0, 20_001)
    grid = Mesh.uniform(0.0, 12.0, 40)
    np.testing.assert_allclose(at_nodes(signal("J", (t, np.sin(t))), grid, radau(3)),
                               np.sin(grid.points(radau(3))), atol=1e-6)


def test_thousands_of_rows_do_not_make_thousands_of_elements():
    t = np.linspace(0.0, 12.0, 3601)
    u = np.interp(t, [0.0, 3.0, 3.3, 8.0, 8.01, 12.0], [0.0, 0.0, 1.0, 1.5, 0.2, 0.2])
    u += 0.02 * np.random.RandomState(0).randn(t.size)
    found = fit(STORE, trajectory((t, u), response(t, u)), start={"k": 1.0})
    assert found.setting.elements.E < 150 and found.parameters["k"] == pytest.approx(K, rel=1e-4)


def test_a_function_that_changes_between_the_nodes_is_warned_of():
    with pytest.warns(UserWarning, match=r"input 'J' of trajectory .* from t = 2 to 2\.\d+: .* breaks="):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="(?s).*(bias the fit|too long)")
            fit(STORE, trajectory(lambda t: np.where((t > 2.05) & (t < 2.1), 20.0, 0.0)), elements=24)


def test_elements_to_begin_with_follow_the_turns_of_data_and_inputs():
    t = np.linspace(0.0, 60.0, 601)
    assert turns(np.cos(t)) == 18 and turns(np.random.RandomState(0).randn(200)) == 0
    wave = Trajectory(t, {"x": np.cos(t) + 0.02 * np.random.RandomState(0).randn(601)})
    assert elements_for(wave) == 36 and elements_for(trajectory(1.0)) == 20
    assert elements_for(trajectory(lambda t: np.sin(2 * np.pi * 3 * t))) == pytest.approx(144, abs=4)
