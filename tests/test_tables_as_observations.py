"""Columns of pandas and arrays of xarray are observations, as arrays are."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import fem
import pcl
from pcl.uncertainty import noise

V = fem.Space(fem.unit_square(4), "P1")
AT = np.array([[0.3, 0.4], [0.6, 0.2], [0.5, 0.7]])


def problem(points, readings, sigma):
    see = V.observe(points)

    def model(theta):
        return see @ fem.solve(V.laplace(), V.load(theta["f"]), dirichlet=0.0)
    return pcl.Problem.from_data(model, readings, noise.Gaussian(sigma), {"f": 1.0})


@pytest.fixture(scope="module")
def readings():
    return (V.observe(AT) @ fem.solve(V.laplace(), V.load(2.0), dirichlet=0.0)).numpy()


@pytest.fixture(scope="module")
def wanted(readings):
    return pcl.minimize(problem(AT, np.asarray(readings), 0.01)).x


def test_a_frame_whose_index_is_not_in_order_is_read_by_rows(readings, wanted):
    frame = pd.DataFrame({"x": AT[:, 0], "y": AT[:, 1], "u": np.asarray(readings)}, index=[7, 3, 5])
    found = pcl.minimize(problem(frame[["x", "y"]], frame["u"], 0.01))
    np.testing.assert_array_equal(found.x, wanted)


def test_arrays_of_xarray_are_read_in_the_order_they_have(readings, wanted):
    u = xr.DataArray(np.asarray(readings), dims="well", attrs={"units": "m"})
    at = xr.DataArray(AT, dims=("well", "axis"))
    np.testing.assert_array_equal(pcl.minimize(problem(at, u, 0.01)).x, wanted)


def test_a_missing_reading_is_refused_by_its_place(readings):
    frame = pd.DataFrame({"u": np.asarray(readings)})
    frame.loc[1, "u"] = np.nan
    with pytest.raises(ValueError, match="nan|NaN|finite"):
        problem(AT, frame["u"], 0.01)


def test_a_column_of_words_is_refused(readings):
    with pytest.raises((TypeError, ValueError), match="number"):
        problem(AT, pd.Series(["a", "b", "c"]), 0.01)
