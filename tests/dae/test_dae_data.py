"""Data of experiments: what is given is kept exactly, or refused in a sentence that names where."""

import pickle
import warnings

import numpy as np
import pytest

from pcl.dae.data.experiments import Data
from pcl.dae.data.read import read_csv
from pcl.dae.data.trajectory import Trajectory
from pcl.dae.model import Model

T = [0.0, 1.0, 2.5, 4.0]
X = [3.0, 2.0, 1.5, 1.25]


def trajectory(**changes):
    return Trajectory(**{"t": T, "observed": {"x": X}, "name": "a", **changes})


def refused(error, match, **changes):
    with pytest.raises(error, match=match):
        trajectory(**changes)


# --- what is kept ---------------------------------------------------------------------------
def test_observations_are_kept_exactly():
    item = trajectory()
    series = item.observed["x"]
    assert series.times.tolist() == T and series.values.tolist() == X
    assert series.weights.tolist() == [1.0] * 4 and item.span == (0.0, 4.0) and item.size == 4


@pytest.mark.parametrize("convert", [
    tuple, np.asarray, lambda x: np.array(x, dtype=">f8"), lambda x: np.array(x, dtype=np.float32),
    lambda x: np.repeat(x, 2)[::2], lambda x: np.ma.masked_array(x, [False] * 4)])
def test_any_array_of_the_same_numbers_gives_an_equal_trajectory(convert):
    """All numbers in T and X are exact in 32 bits."""
    item = trajectory(t=convert(T), observed={"x": convert(X)})
    assert item == trajectory() and item.observed["x"].values.dtype == np.float64


def test_a_tensorflow_variable_counts_as_its_value():
    tf = pytest.importorskip("tensorflow")
    assert trajectory(observed={"x": tf.Variable(X, dtype=tf.float64)}) == trajectory()


def test_data_are_copied_and_cannot_be_changed():
    values = np.array(X)
    item = trajectory(observed={"x": values})
    values[0] = 99.0
    assert item.observed["x"].values[0] == 3.0
    with pytest.raises(ValueError):
        item.observed["x"].values[0] = 1.0
    with pytest.raises(TypeError):
        item.observed["x"] = item.observed["x"]
    with pytest.raises(AttributeError, match="cannot be changed"):
        item.span = (0.0, 1.0)
    with pytest.raises(AttributeError, match="cannot be changed"):
        Data([item])._trajectories = ()


def test_equality_is_that_of_the_content():
    assert trajectory(weights=2.0) == trajectory(weights=[2.0] * 4) == trajectory(weights={"x": 2.0})
    for other in ({"weights": 2.0}, {"initial": {"x": 3.0}}, {"span": (0, 5)}, {"name": "b"},
                  {"inputs": {"F": 1.0}}, {"observed": {"x": [3.0, 2.0, 1.5, 1.0]}}):
        assert trajectory(**other) != trajectory()
    data = Data([trajectory(initial={"x": 3.0}, inputs={"F": (T, X, "constant")})])
    assert pickle.loads(pickle.dumps(data)) == data


def test_every_variable_may_have_times_of_its_own():
    item = Trajectory(None, {"x": (np.array([0.0, 2.0]), [1.0, 2.0]), "y": ([0.5, 3.0, 3.5], X[:3])})
    assert item.span == (0.0, 3.5) and item.times.tolist() == [0.0, 0.5, 2.0, 3.0, 3.5]
    assert item.observed["y"].times.tolist() == [0.5, 3.0, 3.5]


def test_a_pair_of_numbers_is_two_values_not_times_and_values():
    assert Trajectory([0.0, 1.0], {"x": (5.0, 6.0)}).observed["x"].values.tolist() == [5.0, 6.0]


def test_a_state_without_initial_value_is_free():
    assert dict(trajectory(initial={"x": 3, "y": None}).initial) == {"x": 3.0}
    assert dict(trajectory().initial) == {}


# --- weights, missing and repeated values ---------------------------------------------------
def test_weights_are_a_number_an_array_or_given_by_variable():
    two = {"x": X, "y": X}
    assert trajectory(observed=two, weights=[1, 2, 3, 4]).observed["y"].weights.tolist() == [1, 2, 3, 4]
    mixed = trajectory(observed=two, weights={"y": [1, 2, 3, 4]})
    assert mixed.observed["x"].weights.tolist() == [1] * 4
    assert mixed.observed["y"].weights.tolist() == [1, 2, 3, 4]


def test_nan_is_refused_unless_dropping_is_asked_for():
    holes = [3.0, np.nan, 1.5, np.nan]
    refused(ValueError, "'x' of trajectory 'a' has 2 of 4 entries.*first at index 1.*missing='drop'",
            observed={"x": holes})
    item = trajectory(observed={"x": holes}, missing="drop")
    assert item.observed["x"].times.tolist() == [0.0, 2.5] and item.span == (0.0, 4.0)
    refused(ValueError, "missing is 'skip'; known are drop, refuse", missing="skip")


def test_infinite_values_are_never_dropped():
    refused(ValueError, "index 1.*never dropped", missing="drop",
            observed={"x": [3.0, np.inf, 1.0, 1.0]})


def test_an_observation_of_weight_zero_is_left_out_and_may_be_nan():
    item = trajectory(observed={"x": [3.0, np.nan, 1.5, 1.25]}, weights=[1.0, 0.0, 1.0, 1.0])
    assert item.observed["x"].values.tolist() == [3.0, 1.5, 1.25]


def test_the_same_time_twice_counts_as_two_observations():
    item = trajectory(t=[0.0, 1.0, 1.0, 4.0])
    assert item.size == 4 and item.times.tolist() == [0.0, 1.0, 4.0]


# --- what is refused ------------------------------------------------------------------------
def test_no_observations_are_refused():
    for changes in ({"t": [], "observed": {"x": []}, "span": (0, 1)}, {"weights": 0.0}, {"observed": {}},
                    {"observed": {"x": [np.nan] * 4}, "missing": "drop"},
                    {"t": [], "observed": {"x": []}}):
        refused(ValueError, "^no observations of trajectory 'a'", **changes)
    with pytest.raises(ValueError, match="^no observations"):
        Data([])


@pytest.mark.parametrize("bad, match", [
    (np.reshape(X, (4, 1)), r"shape \(4, 1\); expected \(4,\)"), ([X], r"shape \(1, 4\)"),
    (X[:3], r"shape \(3,\); expected \(4,\)")])
def test_another_shape_is_refused_with_both(bad, match):
    refused(ValueError, match, observed={"x": bad})


@pytest.mark.parametrize("bad", [np.array(X) + 1j, np.array(X, dtype=object), ["1", "2", "3", "4"]])
def test_what_are_no_real_numbers_is_a_type_error(bad):
    refused(TypeError, "observations of 'x' of trajectory 'a'", observed={"x": bad})
    refused(TypeError, "t of trajectory 'a'", t=bad)


def test_times_that_decrease_are_refused_with_the_index():
    refused(ValueError, r"t of trajectory 'a'\[2\] is 0.5 after 1", t=[0.0, 1.0, 0.5, 4.0])
    refused(ValueError, r"times of observations of 'x'.*\[1\] is 0",
            observed={"x": ([1.0, 0.0], [1.0, 2.0])})
    refused(ValueError, "t of trajectory 'a' has 1 of 4", t=[0.0, np.nan, 2.0, 3.0])


def test_times_outside_the_span_are_refused():
    refused(ValueError, "observations of 'x' of trajectory 'a' have t = 4 at index 3, outside",
            span=(0, 3))
    refused(ValueError, r"span of trajectory 'a' is \(3, 3\)", span=(3, 3))
    refused(ValueError, "all times of trajectory 'a' are 2.*give span", t=[2.0] * 4)


def test_negative_weights_and_weights_of_unknown_variables_are_refused():
    refused(ValueError, "weights of observations of 'x'.*has -1 at index 2", weights=[1, 1, -1, 1])
    refused(ValueError, "weights of trajectory 'a' has 'y'", weights={"y": 1.0})
    refused(ValueError, r"expected \(4,\)", weights=[1.0, 2.0])


def test_an_initial_value_is_one_finite_number():
    refused(ValueError, "initial value of 'x' of trajectory 'a'", initial={"x": np.nan})
    refused(ValueError, "initial value of 'x' of trajectory 'a'", initial={"x": [1.0, 2.0]})


# --- inputs ---------------------------------------------------------------------------------
def test_inputs_are_numbers_functions_or_tables():
    table = ([0.0, 2.0, 4.0], [1.0, 3.0, 0.0])
    item = trajectory(inputs={"a": 0.05, "b": np.sin, "c": table, "d": (*table, "constant")})
    t = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    u = item.inputs_at(("a", "b", "c", "d"), t)
    assert u[:, 0].tolist() == [0.05] * 5 and np.array_equal(u[:, 1], np.sin(t))
    assert u[:, 2].tolist() == [1.0, 2.0, 3.0, 1.5, 0.0]
    assert u[:, 3].tolist() == [1.0, 1.0, 1.0, 3.0, 3.0]      # at a jump the value before it
    assert item.inputs_at((), t).shape == (5, 0)


def test_the_last_value_of_a_piecewise_constant_input_holds_on():
    item = trajectory(inputs={"F": ([0.0, 2.0], [1.0, 3.0], "constant")})
    assert item.inputs["F"]([4.0]).tolist() == [3.0]


def test_an_input_that_does_not_cover_the_span_is_refused():
    label = "input 'F' of trajectory 'a' is asked for at"
    refused(ValueError, f"{label} t = 4.*0 to 3", inputs={"F": ([0, 3], [1, 1])})
    refused(ValueError, f"{label} t = 0", inputs={"F": ([1, 4], [1, 1], "constant")})


@pytest.mark.parametrize("given, match", [
    (([0, 0, 4], [1, 1, 1]), "times of input 'F'.*increase"), (([0, 4], [1, 1, 1]), r"expected \(2,\)"),
    (([0, 4], [1, 1], "cubic"), "known are constant, linear"),
    ([1.0, 2.0], "expected a number, a function"),
    ((1.0,), "expected a number, a function"), (np.nan, "input 'F'"), (lambda t: t[:1], "input 'F'"),
    (lambda t: t / 0.0 if t.size == 0 else t * np.nan,
     "input 'F' of trajectory 'a' at times from 0 to 4")])
def test_an_input_that_is_none_is_refused(given, match):
    refused(ValueError, match, inputs={"F": given})


# --- several trajectories -------------------------------------------------------------------
def series_of(data):
    return {(item.name, name): s.times.tolist() for item in data for name, s in item.observed.items()}


def test_trajectories_are_found_by_number_and_name():
    data = Data([trajectory(name=""), trajectory(name="b", observed={"y": X})])
    assert data.names == ("0", "b") and data["b"] is data[1] and len(data) == 2
    assert data.observed == ("x", "y") and data.size == 8 and data.values("y").tolist() == X
    assert [(k, name) for k, name, *_ in data.observations()] == [(0, "x"), (1, "y")]
    with pytest.raises(KeyError, match="no trajectory 'c'"):
        data["c"]


def test_the_same_name_twice_is_refused():
    with pytest.raises(ValueError, match=r"trajectories\[1\] is named 'a'"):
        Data([trajectory(), trajectory()])
    with pytest.raises(TypeError, match=r"trajectories\[0\] is a int"):
        Data([3])


def test_data_that_determine_nothing_are_accepted_with_a_warning():
    with pytest.warns(UserWarning, match="single observation"):
        Data(Trajectory([1.0], {"x": [2.0]}, span=(0.0, 2.0)))
    with pytest.warns(UserWarning, match="at the start"):
        Data(Trajectory([0.0, 0.0], {"x": [2.0, 2.1]}, span=(0.0, 2.0)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Data(trajectory())


def test_variables_unknown_to_the_model_are_refused():
    model = Model(states=("x",), outputs=("z",), inputs=("F",), rates=lambda v: {"x": v.z * v.F})
    Data(trajectory(inputs={"F": 1.0})).require(model)
    for changes, match in (({}, "inputs of trajectory 'a' lack 'F'"),
                           ({"inputs": {"F": 1.0, "G": 1.0}}, "inputs of trajectory 'a' has 'G'"),
                           ({"initial": {"z": 1.0}}, "initial of trajectory 'a' has 'z'"),
                           ({"observed": {"w": X}}, "observed of trajectory 'a' has 'w'.*x, z")):
        with pytest.raises(ValueError, match=match):
            Data(trajectory(**changes)).require(model)


# --- division -------------------------------------------------------------------------------
def grid(n=11, name="a"):
    t = np.arange(float(n))
    return Trajectory(t, {"x": t, "y": (t[::2], t[::2])}, initial={"x": 0.0}, inputs={"F": 1.0},
                      name=name)


def test_every_kth_folds_hold_out_each_time_between_once():
    data, held = Data([grid(), grid(6, "b")]), []
    for fold in range(3):
        train, out = data.hold_out(every=3, offset=fold)
        assert train.size + out.size == data.size
        assert all(not set(times) & set(series_of(train).get(key, ())) for key,
                   times in series_of(out).items())
        held += [(item.name, t) for item in out for t in item.times]
    assert sorted(held) == [(name, float(t)) for name, n in (("a", 11), ("b", 6))
                            for t in range(1, n - 1)]


def test_a_fraction_is_held_out_with_all_variables_and_both_ends_stay():
    data = Data(grid())
    train, out = data.hold_out(fraction=0.3, seed=1)
    assert len(out[0].times) == 3 and set(out[0].times) <= set(range(1, 10))
    assert not set(train[0].times) & set(out[0].times)
    assert {0.0, 10.0} <= set(train["a"].times)
    assert (train[0].span, dict(train[0].initial)) == (data[0].span, {"x": 0.0}) and "F" in out[0].inputs
    assert data.hold_out(fraction=0.3, seed=1) == (train, out)
    assert data.hold_out(fraction=0.3, seed=2)[1] != out


def test_hold_out_wants_one_rule_and_something_to_take():
    data = Data(grid())
    for bad in ({}, {"fraction": 0.1, "every": 2}, {"fraction": 1.0}, {"every": 1},
                {"every": 3, "offset": 3}):
        with pytest.raises(ValueError):
            data.hold_out(**bad)
    with pytest.raises(ValueError, match="0 times between"):
        Data(Trajectory([0.0, 1.0], {"x": [1.0, 2.0]})).hold_out(fraction=0.5)


def test_a_split_in_time_ends_one_part_and_begins_the_other():
    before, after = Data(grid()).last(4.0)
    assert before[0].times.tolist() == list(range(7)) and after[0].times.tolist() == [7, 8, 9, 10]
    assert before[0].span == (0.0, 6.0) and after[0].span == (6.0, 10.0)
    assert dict(before[0].initial) == {"x": 0.0} and dict(after[0].initial) == {}
    assert Data(grid()).split(6.0) == (before, after)


def test_a_split_keeps_a_trajectory_on_one_side_whole():
    before, after = Data([grid(), grid(4, "b")]).split(5.0)
    assert before.names == ("a", "b") and before["b"] == grid(4, "b") and after.names == ("a",)
    with pytest.raises(ValueError, match="earlier part has no observations"):
        Data(grid()).split(-1.0)
    with pytest.raises(ValueError, match="later part has no observations"):
        Data(grid()).split(10.0)
    with pytest.raises(ValueError, match="duration"):
        Data(grid()).last(0.0)


# --- CSV ------------------------------------------------------------------------------------
def file(folder, text, name="run.csv"):
    path = folder / name
    path.write_text(text)
    return path


TWO = "trajectory,t,x,F\na,0,1,0.1\na,0.5,,0.1\na,1.0,3,0.2\n# a remark\nb,0, 4,0.3\nb,2,5,\n"


def test_a_csv_file_is_what_its_arrays_are(tmp_path):
    found = read_csv(file(tmp_path, TWO), inputs={"F": "constant"}, missing="drop",
                     initial={"b": {"x": 4.0}},
                     weights=4.0)
    assert found == Data([
        Trajectory([0, 0.5, 1.0], {"x": [1, np.nan, 3]}, missing="drop", weights=4.0, name="a",
                   inputs={"F": ([0, 0.5, 1], [0.1, 0.1, 0.2], "constant")}),
        Trajectory([0, 2], {"x": [4, 5]}, name="b", initial={"x": 4.0}, weights=4.0,
                   inputs={"F": ([0.0], [0.3], "constant")})])


def test_files_without_trajectory_column_are_named_as_the_file(tmp_path):
    paths = [file(tmp_path, "time,h\n0,1\n1,2\n", f"{name}.csv") for name in ("one", "two")]
    found = read_csv(paths, time="time", observed={"h": "hare"}, signals={"F": 1.0},
                     initial={"hare": 1.0})
    assert found.names == ("one", "two") and found.observed == ("hare",)
    assert found[1].initial["hare"] == 1.0 and found[0].inputs["F"]([0.5]).tolist() == [1.0]


@pytest.mark.parametrize("text, options, match", [
    (TWO, {}, "'x' of trajectory 'a' has 1 of 3 entries.*missing='drop'"),
    (TWO, {"observed": "x"}, "column 'F' that is neither observed nor an input"),
    (TWO, {"observed": ["w"], "unknown": "ignore"}, "no column 'w'; it has trajectory, t, x, F"),
    (TWO, {"time": "time"}, "no column 'time'"), ("", {}, "no observations"),
    ("t,x\n", {}, "no observations"),
    ("t,x\n0,1\n1,two\n", {}, "line 3, column 'x' is 'two'"),
    ("t,x\n0,1\n1\n", {}, "line 3 has 1 entries"),
    ("t,x,x\n0,1,1\n", {}, "2 columns 'x'"), ("t,x\n0,1\n,2\n", {}, "t of trajectory 'run' has 1 of 2"),
    ("t,x\n1,1\n0,2\n", {}, r"t of trajectory 'run'\[1\] is 0 after 1"),
    ("trajectory,t,x\na,0,1\n,1,2\n", {}, "line 3, column 'trajectory' is empty"),
    (TWO, {"unknown": "skip"}, "known are ignore, refuse"),
    (TWO, {"initial": {"c": {"x": 1.0}}}, "initial has 'c'")])
def test_a_csv_file_that_does_not_fit_is_refused(tmp_path, text, options, match):
    with pytest.raises(ValueError, match=match):
        read_csv(file(tmp_path, text), **options)


def test_unknown_columns_are_ignored_on_request(tmp_path):
    found = read_csv(file(tmp_path, TWO), observed="x", unknown="ignore", missing="drop")
    assert found.observed == ("x",) and not found[0].inputs


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(OSError):
        read_csv(tmp_path / "none.csv")
