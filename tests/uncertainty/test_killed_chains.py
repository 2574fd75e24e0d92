"""A process that is killed: its chain is taken further by another, or lost alone, and found again."""
import os
import pathlib
import signal

import numpy as np
from numpy_density import Density

from pcl.uncertainty import ChainStatus, sample

OPTIONS = {"method": "pcn", "chains": 3, "draws": 60, "warmup": 10, "seed": 3}


def banana(x):
    bend = x[1] - 0.5 * x[0] ** 2
    return -0.5 * x[0] ** 2 - 2.0 * bend ** 2, np.array([-x[0] + 4.0 * x[0] * bend, -4.0 * bend])


def killed_at(place, folder, lives):
    """A maker of the density, whose process is killed at θ = `place` so many times."""
    def make():
        def function(x):
            if np.allclose(x, place, rtol=1e-12, atol=0.0):
                deaths = len(list(pathlib.Path(folder).iterdir()))
                if deaths < lives:
                    pathlib.Path(folder, str(deaths)).touch()
                    os.kill(os.getpid(), signal.SIGKILL)
            return banana(x)
        return Density(function, 2)
    return make


def test_a_chain_that_kills_its_processes_is_named_the_others_kept_and_resumed_bit_by_bit(tmp_path):
    """Killed twice, chain 1 is lost; killed once more when it is resumed, another process goes on."""
    problem, deaths, file = Density(banana, 2), tmp_path / "deaths", tmp_path / "chains.npz"
    posterior = problem.around([0.0, 0.0], np.diag([1.0, 0.5]))
    expected = sample(problem, posterior, **OPTIONS)
    deaths.mkdir()
    make = killed_at(expected.theta[1, 30], deaths, 3)
    found = sample(make, posterior, n_jobs=2, checkpoint=file, **OPTIONS)
    assert found.status is ChainStatus.DIED and found.lost == (1,) and "Lost: chain 1." in found.verdict
    np.testing.assert_array_equal(found.theta, expected.theta[[0, 2]])
    again = sample(make, posterior, n_jobs=2, checkpoint=file, resume=True, **OPTIONS)
    assert again.status is ChainStatus.COMPLETE and not again.lost and len(list(deaths.iterdir())) == 3
    np.testing.assert_array_equal(again.theta, expected.theta)
