"""What all results have in common."""

import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl.dae import Model, Trajectory, fit
from pcl.interior_point import TensorFlowProgram, solve


def trained():
    problem = pcl.Problem.from_residuals(lambda theta: tf.concat([theta["a"] - 3.0, theta["b"] * 2.0], 0),
                                         {"a": [0.0], "b": np.ones(5)})
    return pcl.minimize(problem, progress=False)


def solved():
    return solve(TensorFlowProgram(lambda x: tf.reduce_sum((x - 2.0) ** 2), 2, lambda x: x[:1] + x[1:],
                                   c_lower=[1.0], c_upper=[1.0]), [0.0, 0.0])


def started():
    return pcl.multi_start(lambda: pcl.Problem.from_residuals(
        lambda theta: tf.concat([theta["a"] - 3.0, theta["a"] ** 2 - 9.0], 0), {"a": [0.5]}),
        [np.array([1.0]), np.array([2.0])], progress=False)


def fitted():
    t = np.linspace(0.0, 2.0, 9)
    model = Model(states=("x",), parameters=("k",), rates=lambda v: {"x": -v.k * v.x})
    return fit(model, Trajectory(t, {"x": np.exp(-0.7 * t)}, {"x": 1.0}), elements=4)


@pytest.mark.parametrize("make", [trained, solved, started, fitted])
def test_every_result_says_how_it_ended_in_words_and_in_a_notebook(make):
    result = make()
    assert result.success and result.seconds >= 0.0 and result.nit > 0
    assert np.isfinite(result.fun) and result.x.ndim == 1
    assert result.message.split(".")[0] in result.summary() and "iterations" in result.summary()
    page = result._repr_html_()
    assert page.startswith("<b") and "success" in page and "<script" not in page


def test_a_summary_names_numbers_and_tells_the_range_of_arrays():
    words = trained().summary()
    assert "a = 3" in words and "b: 5 numbers from" in words


def test_results_draw_their_run():
    assert {line.get_label() for line in trained().plot().get_lines()} == {"loss", "gradient norm"}
    assert solved().plot().get_yscale() == "log"


def test_a_solution_is_kept_as_arrays(tmp_path):
    result = solved()
    result.save(tmp_path / "solution.npz")
    with np.load(tmp_path / "solution.npz") as file:
        np.testing.assert_array_equal(file["x"], result.x)
        np.testing.assert_array_equal(file["lam"], result.lam)
        assert str(file["status"]) == "SOLVED"


def test_a_solution_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    result, path = solved(), tmp_path / "solution.npz"
    result.save(path)
    before = path.read_bytes()
    monkeypatch.setattr(np, "savez", lambda file, **arrays: file.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        result.save(path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["solution.npz"]
