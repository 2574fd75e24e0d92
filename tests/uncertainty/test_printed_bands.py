"""A band of a few numbers shows them; a law of another shape is told how to be flat."""

import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl.uncertainty import noise


@pytest.fixture(scope="module")
def posterior():
    """One number a read four times with σ = 2: a = 10 ± 1."""
    problem = pcl.Problem.from_data(lambda theta: theta["a"] * tf.ones(4, tf.float64), np.full(4, 10.0),
                                    noise.Gaussian(2.0), {"a": 0.0})
    return pcl.minimize(problem, progress=False).posterior()


def test_a_band_of_one_number_is_printed_with_its_ends(posterior):
    said = str(posterior.band(lambda theta: 2.0 * theta["a"][None], level=0.95))
    assert "20 ± 2, from 16.0801 to 23.9199" in said                # 20 ∓ 1.96 · 2


def test_a_band_of_many_points_is_printed_in_one_line(posterior):
    assert len(str(posterior.band(lambda theta: theta["a"] * tf.ones(6, tf.float64))).splitlines()) == 1


@pytest.mark.parametrize("law", [lambda theta: theta["a"], lambda theta: theta["a"][None, None]],
                         ids=["scalar", "column"])
def test_a_law_of_another_shape_is_told_how_to_be_flat(posterior, law):
    with pytest.raises(ValueError, match=r"expected \(q,\).*tf.reshape\(f, \[-1\]\)"):
        posterior.band(law)
    assert posterior.band(lambda theta: tf.reshape(law(theta), [-1])).value == pytest.approx([10.0])


@pytest.mark.parametrize("law", [lambda theta: [theta["a"], 2.0 * theta["a"]], lambda theta: 3.0,
                                 lambda theta: np.ones(2), lambda theta: None])
def test_what_is_no_tensor_is_refused(posterior, law):
    with pytest.raises(TypeError, match=r"law gives a .*tf.stack\(\[…\]\)"):
        posterior.band(law)
