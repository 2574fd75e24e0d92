"""Formulas that follow a law."""

import numpy as np
import pytest

import pcl
from pcl import export
from pcl.dae import Law, TrainedLaw


def law_of(function, box, seed=0):
    """A law whose network is fitted to a function of inputs (n, d) by linear least squares of its last
    layer: many random units, so that the law is the function to 1e-6 and knows no formula."""
    box = np.array(box, dtype=float)
    d, m = box.shape[1], (0, 60, 250)[box.shape[1]]
    net, rng = pcl.MLP((d, m, 1)), np.random.default_rng(seed)
    W, b = rng.normal(size=(d, m)) * 1.5, rng.uniform(-2.0, 2.0, m)
    mid, half = box.mean(axis=0), np.ptp(box, axis=0) / 2
    a = mid + half * rng.uniform(-1.0, 1.0, (2000, d))
    H = np.hstack([np.tanh((a - mid) / half @ W + b), np.ones((2000, 1))])
    c = np.linalg.lstsq(H, function(*a.T), rcond=1e-13)[0]
    theta = np.concatenate([W.ravel(), b, c])
    names = ("S", "T", "P", "R")[:d]
    return TrainedLaw(Law(net, names, "mu", mid, half), theta, box)


CASES = {
    "Monod": (lambda S: 0.5 * S / (0.8 + S), [[0.0], [6.0]], "Monod", [0.5, 0.8]),
    "Haldane": (lambda S: 2.0 * S / (0.8 + S + S ** 2 / 3.0), [[0.0], [8.0]], "Haldane", [2.0, 0.8, 3.0]),
    "Arrhenius": (lambda T: 1e4 * np.exp(-3000.0 / T), [[280.0], [350.0]], "Arrhenius", [1e4, 3000.0]),
    "parabola": (lambda S: 1.0 - 2.0 * S + 0.5 * S ** 2, [[-1.0], [2.0]], "polynomial of degree 2",
                 [1.0, -2.0, 0.5]),
    "two rates": (lambda S, T: 3.0 * S / (1.0 + S) * 2.0 / (2.0 + T), [[0.0, 0.0], [4.0, 5.0]],
                  "Monod × inhibition", [3.0, 1.0, 2.0]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_formula_behind_a_law_is_found_with_numbers_error_and_text(case):
    function, box, family, numbers = CASES[case]
    law = law_of(function, box)
    found = export.formula(law, tolerance=1e-3)
    assert found.family == family
    np.testing.assert_allclose(found.coefficients, numbers, rtol=0.02)
    a = np.random.default_rng(7).uniform(*box, (500, len(box[0])))
    errors = np.abs(found(a) - law(a)[:, 0])
    assert errors.max() < 1.5 * found.max_error + 1e-12 and found.max_error < 1e-3 * found.size
    assert np.sqrt(np.mean(errors ** 2)) < 2.0 * found.rms_error
    space = {"exp": np.exp, **dict(zip(found.inputs, a.T))}         # the text is the formula
    np.testing.assert_allclose(eval(found.text, space), found(a), rtol=1e-12)
    assert found.text in str(found)


def test_a_law_that_no_formula_follows_is_refused_with_the_closest():
    law = law_of(lambda S: np.sin(6.0 * S), [[-1.0], [1.0]])
    with pytest.raises(ValueError, match="no formula of the library follows .* the closest, "):
        export.formula(law, tolerance=1e-3)


def test_formulas_need_a_range_few_inputs_and_one_output():
    net = pcl.MLP((1, 2))
    with pytest.raises(ValueError, match="range has no 'x0'"):
        export.formula(net, net.init(0), output="y1")
    with pytest.raises(ValueError, match="output is None"):
        export.formula(net, net.init(0), range={"x0": (0.0, 1.0)})
    line = export.formula(net, net.init(0), output="y1", range={"x0": (0.0, 1.0)})
    assert line.family == "polynomial of degree 1" and line.max_error < 1e-14
    constant = export.formula(net, [0.0, 0.0, 2.0, 3.0], output="y1", range={"x0": (0.0, 1.0)})
    assert constant.family == "polynomial of degree 0" and constant.max_error < 1e-14
    wide = pcl.MLP((4, 1))
    with pytest.raises(ValueError, match="4 inputs"):
        export.formula(wide, wide.init(0), range={f"x{i}": (0.0, 1.0) for i in range(4)})
