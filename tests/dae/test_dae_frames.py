"""Data frames in, wide and long, and results out as pandas and xarray."""

import sys

import numpy as np
import pandas as pd
import pytest

from pcl.dae import Data, fit, Model, Trajectory

T = np.array([0.0, 0.5, 1.0, 2.0])


def two():
    """Data of two experiments, as trajectories."""
    return Data([Trajectory(T, {"x": np.exp(-T), "y": ([0.0, 2.0], [3.0, 4.0])}, {"x": 1.0},
                            {"F": (T, T ** 2, "constant")}, name="a",
                            sigma={"x": [1.0, 2.0, 3.0, 4.0], "y": [0.1, 0.2]}),
                 Trajectory(T, {"x": 2.0 * np.exp(-T), "y": ([0.5], [5.0])}, {"x": 2.0},
                            {"F": (T, T, "constant")}, name="b",
                            sigma={"x": [1.0, 2.0, 3.0, 4.0], "y": [0.3]})])


def wide_frame():
    nan = np.nan
    return pd.DataFrame({
        "time [h]": np.tile(T, 2), "run": ["a"] * 4 + ["b"] * 4,
        "x [g/l]": [*np.exp(-T), *2.0 * np.exp(-T)], "y": [3.0, nan, nan, 4.0, nan, 5.0, nan, nan],
        "sd of x": [1.0, 2.0, 3.0, 4.0] * 2, "sd of y": [0.1, nan, nan, 0.2, nan, 0.3, nan, nan],
        "F": [*T ** 2, *T]}).sample(frac=1.0, random_state=1)


OPTIONS = {"time": "time", "experiment": "run", "inputs": {"F": "constant"},
           "initial": {"a": {"x": 1.0}, "b": {"x": 2.0}}}


def same(found):
    return all(found[name] == two()[name] for name in "ab") and len(found) == 2


def test_a_wide_frame_of_two_experiments_is_the_trajectories_it_was_made_of():
    frame = wide_frame()
    found = Data.from_frame(frame, sigma={"x": "sd of x", "y": "sd of y"}, missing="drop", **OPTIONS)
    assert same(found)
    with pytest.raises(ValueError, match="missing='drop'"):
        Data.from_frame(frame, sigma={"x": "sd of x", "y": "sd of y"}, **OPTIONS)


def test_a_long_frame_is_the_same():
    w = wide_frame()
    parts = [pd.DataFrame({"time": w["time [h]"], "run": w["run"], "name": name, "seen": w[column],
                           "sd": w[size] if size else np.nan})
             for name, column, size in (("x", "x [g/l]", "sd of x"), ("y", "y", "sd of y"),
                                        ("F", "F", None))]
    frame = pd.concat(parts).dropna(subset="seen").sample(frac=1.0, random_state=2)
    options = {**OPTIONS, "variable": "name", "value": "seen", "sigma": "sd"}
    assert same(Data.from_frame(frame, **options))
    renamed = frame.replace({"name": {"x": "biomass [g/l]"}})
    assert same(Data.from_frame(renamed, observed={"biomass": "x", "y": "y"}, **options))
    with pytest.raises(ValueError, match="column 'name' has 'y', which is neither"):
        Data.from_frame(frame, observed="x", **options)


def test_a_dict_of_columns_needs_no_package(monkeypatch):
    frame = {name: list(column) for name, column in wide_frame().items()}
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert same(Data.from_frame(frame, sigma={"x": "sd of x", "y": "sd of y"}, missing="drop",
                                **OPTIONS))


def test_a_frame_of_one_experiment_is_a_trajectory():
    frame = pd.DataFrame({"t": T, "x": np.exp(-T)})
    found = Trajectory.from_frame(frame, initial={"x": 1.0}, span=(0.0, 3.0), name="a", sigma=0.1)
    assert found == Trajectory(T, {"x": np.exp(-T)}, {"x": 1.0}, span=(0.0, 3.0), name="a", sigma=0.1)
    with pytest.raises(ValueError, match="has 4 experiments"):
        Trajectory.from_frame(frame.assign(trajectory=list("abcd")))


@pytest.mark.parametrize("change, words", [
    ({"time": "T"}, "no column 'T'"), ({"experiment": "nobody"}, "no column 'nobody'"),
    ({"observed": ["x"]}, "'y', which is neither observed"), ({"initial": {"c": {"x": 1.0}}}, "'c'"),
    ({"inputs": {"F": "cubic"}}, "'cubic'"), ({"sigma": "sd of x"}, "sigma is 'sd of x'")])
def test_columns_that_do_not_fit_are_named(change, words):
    with pytest.raises((TypeError, ValueError), match=words):
        Data.from_frame(wide_frame(), missing="drop", **{**OPTIONS, **change})


def test_an_entry_that_is_no_number_is_named_with_its_row():
    with pytest.raises(ValueError, match="column 'x', row 1, is 'much'"):
        Data.from_frame({"t": [0.0, 1.0], "x": [1.0, "much"]})
    with pytest.raises(TypeError, match="frame is a int"):
        Data.from_frame(3)
    with pytest.raises(ValueError, match="two columns 'x'"):
        Data.from_frame({"t": [0.0], "x [m]": [1.0], "x [s]": [1.0]})


def test_results_are_frames_and_data_sets():
    model = Model(states="x", parameters="k", rates=lambda v: {"x": -v.k * v.x},
                  observed={"double": lambda v: 2.0 * v.x})
    data = Data.from_frame({"t": np.tile(T, 2), "trajectory": ["a"] * 4 + ["b"] * 4,
                            "x": [*np.exp(-T), *2.0 * np.exp(-T)]},
                           initial={"a": {"x": 1.0}, "b": {"x": 2.0}})
    found = fit(model, data, start={"k": 0.8})
    frame, times = found.to_frame(), np.array([0.1, 1.7])
    assert list(frame.columns) == ["trajectory", "t", "x", "double"]
    curve = found.trajectories["b"]
    np.testing.assert_array_equal(frame[frame.trajectory == "b"].x, curve.values["x"])
    dataset = found.to_xarray(times)
    np.testing.assert_allclose(dataset.double.sel(trajectory="b"), 4.0 * np.exp(-times), rtol=1e-5)
    assert dataset["value"].sel(parameter="k") == found.parameters["k"]
    assert float(dataset.standard_error.sel(parameter="k")) == found.standard_errors()["k"]
    again = Data.from_frame(frame)
    assert again["a"].size == 2 * found.trajectories["a"].times.size
    p = found.predict({"x": 1.5}, t=times)
    np.testing.assert_array_equal(p.to_frame().x, p["x"])
    assert p.to_xarray().x.sel(t=1.7) == p["x"][1]


def test_absent_packages_are_named_with_their_extra(monkeypatch):
    found = fit(Model(states="x", parameters="k", rates=lambda v: {"x": -v.k * v.x}),
                Trajectory(T, {"x": np.exp(-T)}, {"x": 1.0}), elements=4)
    for package, method in (("pandas", found.to_frame), ("xarray", found.to_xarray)):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(ImportError, match=rf"'{package}'.*pip install pcl-fem\[frames\]"):
            method()
