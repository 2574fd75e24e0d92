"""Young's modulus of a block from the displacement of its surface."""

import numpy as np

from examples import elastic_modulus


def test_pads_press_with_their_force_and_displacements_go_as_one_over_the_modulus():
    """∫ p cos² = p · 8 mm downwards; u of a linear material with 2E is u/2."""
    block = elastic_modulus.Block(5)
    force = block.loads.reshape(-1, 2, 3).sum(axis=0)
    np.testing.assert_allclose(force, [[0.0] * 3, [-8.0] * 3], rtol=0.02, atol=1e-12)
    E = np.full(len(block.points), 20.0)
    np.testing.assert_allclose(block.displacements(2.0 * E), block.displacements(E) / 2.0, rtol=1e-10,
                               atol=1e-14)


def test_the_lump_is_found_and_the_truth_is_within_the_band(tmp_path):
    outcome = elastic_modulus.main(n=8, maxiter=15)
    assert outcome["error"] < 0.6 * outcome["error_of_guess"] and outcome["known"].mean() > 0.25
    assert np.linalg.norm(elastic_modulus.lump(outcome) - [26.0, 13.0]) < 2.0
    ratio = np.log(outcome["modulus"] / outcome["truth"]) / outcome["deviation"]
    assert np.mean(np.abs(ratio) < 2.0) > 0.9
    height, deviation = outcome["block"].moduli.dof_points[:, 1], outcome["deviation"]
    assert np.median(deviation[height == 0.0]) > 2.0 * np.median(deviation[height > 15.0])
    assert elastic_modulus.plot(outcome, tmp_path).stat().st_size > 20_000
