"""tanh from a table is tanh to a few units in the last place."""
import numpy as np
import pytest

from pcl.networks import tanh as module


@pytest.mark.parametrize("size", [1e-300, 1e-8, 1e-3, 0.1, 1.0, 5.0, 30.0, 1e30])
def test_tanh_from_a_table_is_within_four_units_in_the_last_place(size):
    z = size * np.random.default_rng(0).standard_normal(20_000)
    exact = np.tanh(z.astype(np.longdouble))
    found = module.from_table(z, np.empty_like(z))
    assert np.all(np.abs(found - exact) <= 4 * np.spacing(np.abs(exact).astype(float)))


def test_tanh_from_a_table_is_odd_monotone_and_one_at_infinity():
    z = np.linspace(-25.0, 25.0, 100_001)
    found = module.from_table(z, np.empty_like(z))
    np.testing.assert_array_equal(found, -module.from_table(-z, np.empty_like(z)))
    assert np.all(np.diff(found) >= -4 * np.spacing(1.0))
    ends = np.array([np.inf, -np.inf, np.nan, 0.0])
    np.testing.assert_array_equal(module.from_table(ends, np.empty(4)), [1.0, -1.0, np.nan, 0.0])


def test_tanh_writes_into_its_own_argument_whatever_its_size(monkeypatch):
    monkeypatch.setattr(module, "FAST", False)
    for shape in [(0,), (3, 5), (7, module.PART)]:
        z = np.random.default_rng(1).standard_normal(shape)
        expected = np.tanh(z)
        assert module.tanh(z, z) is z
        np.testing.assert_allclose(z, expected, rtol=1e-15)
    columns = np.asfortranarray(np.random.default_rng(2).standard_normal((4, 6)))
    np.testing.assert_array_equal(module.tanh(columns, np.empty_like(columns)), np.tanh(columns))
