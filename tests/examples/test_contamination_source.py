"""Place and strength of a source from a few wells."""

import numpy as np

from examples import contamination_source


def test_plume_on_the_mesh_is_the_gaussian_plume_of_an_aquifer_without_end():
    """Up to the error of mesh and steps, of second order in time; the edges are too far to matter."""
    exact = contamination_source.gaussian_plume(contamination_source.WELLS, contamination_source.READ_AT)
    errors = []
    for n, step in ((8, 12.0), (16, 6.0)):
        found = contamination_source.Aquifer(n, step).readings(contamination_source.TRUE).numpy()
        errors.append(np.abs(found - exact).max())
    assert errors[1] < 0.01 and errors[0] > 3.0 * errors[1]


def test_source_is_found_at_its_place_with_its_strength(tmp_path):
    """Within four standard errors; mesh and steps add less than half of one."""
    outcome = contamination_source.main(n=10, step=10.0, maxiter=20)
    truth = np.array([35.0, 62.0, np.log(20.0)])
    assert np.all(np.abs(outcome["result"].x - truth) < 4.0 * outcome["errors"])
    np.testing.assert_allclose(outcome["errors"], [0.47, 0.06, 0.007], rtol=0.25)
    assert outcome["misfit"] < 110.0
    assert contamination_source.plot(outcome, tmp_path).stat().st_size > 20_000
