"""How late generalised-α is in every period, by steps a period: the table of the guide."""

import numpy as np
import pytest
import scipy.sparse

import pcl

ONE = pcl.SparseMatrix.from_scipy(scipy.sparse.eye_array(1))


@pytest.mark.parametrize("radius, late", [(1.0, np.pi ** 2 / 3.0), (0.8, 3.47), (0.5, 4.92)])
def test_generalised_alpha_is_late_by_a_multiple_of_the_step_squared(radius, late):
    """At radius 1, Newmark's rule of average accelerations, by (ωh)²/12 = π²/(3N²) of a period."""
    N, periods = 80, 5
    omega, times = 2.0 * np.pi, np.arange(periods * N + 1) / N
    spring = pcl.SecondOrder(ONE, omega ** 2 * ONE)
    u = pcl.march(spring, np.ones(1), times, rate=np.zeros(1), radius=radius)
    last = times > periods - 1
    waves = np.stack([np.cos(omega * times[last]), np.sin(omega * times[last])], axis=1)
    c = np.linalg.lstsq(waves, np.ravel(u)[last], rcond=None)[0]
    lag = np.arctan2(c[1], c[0]) / omega / (periods - 0.5)
    assert lag * N ** 2 == pytest.approx(late, rel=0.01)
