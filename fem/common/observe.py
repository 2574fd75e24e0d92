"""Observation of a finite element function: values at points and at degrees of freedom."""

from pcl.support.arrays import selection
from pcl.support.validate import float64_array, whole_numbers

POLICIES = ("error", "nearest")


def observation_points(points, dim):
    """`points` as (m, dim); in 1-D a vector (m,) is accepted.

    Raises
    ------
    ValueError
        Another shape, no points, coordinates not finite.
    """
    array = float64_array("points", points)
    if dim == 1 and array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != dim:
        hint = " They look transposed." if array.ndim == 2 and array.shape[0] == dim else ""
        raise ValueError(f"points has shape {array.shape}; expected (m, {dim}), one row a "
                         f"point.{hint}")
    if not len(array):
        raise ValueError("points is empty; expected at least one observation point.")
    return array


def node_matrix(indices, n):
    """Rows of the identity for numbers of nodes, checked."""
    numbers = whole_numbers("indices", indices, n)
    if not numbers.size:
        raise ValueError("indices is empty; expected at least one observation.")
    return selection(numbers, n)
