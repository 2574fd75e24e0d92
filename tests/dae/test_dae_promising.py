"""A start that ends early, but lower than the best, is gone on with."""

from types import SimpleNamespace

import numpy as np
import pytest

from pcl.dae.stages.solves import Search
from pcl.interior_point.status import Status


class Solved:
    """Stands for the main solves: gives these results, one after the other."""

    def __init__(self, *results):
        self.results, self.starts, self.maxiter = list(results), [], 1000
        self.clock = SimpleNamespace(stage=lambda *words: words)

    def passes(self, program, x, words="", **options):
        self.starts.append(float(x[0]))
        return self.results.pop(0), [words]


def result(fun, success, violation=0.0):
    status = Status.SOLVED if success else Status.STEP_TOO_SMALL
    return SimpleNamespace(fun=fun, success=success, x=np.array([fun]), status=status,
                           constraint_violation=violation)


@pytest.mark.parametrize("second, goes_on", [
    (result(5.0, False), True), (result(9.95, False), False), (result(5.0, False, 1e-2), False)])
def test_only_a_feasible_point_clearly_below_the_best_is_gone_on_with(second, goes_on):
    solves = Solved(result(10.0, True), second, result(4.0, True))
    program = SimpleNamespace(laws=[], penalties=[])
    setting = SimpleNamespace(spread=1.0, transcription=lambda laws, penalties: program,
                              misfit=SimpleNamespace(at=lambda x: float(x[0])))
    search = Search(setting, solves, 0.0, [], penalised=True)
    for _ in range(2):
        search.run("", lambda: ([], [], np.zeros(1)))
    assert search.best[1].fun == (4.0 if goes_on else 10.0)
    assert solves.starts == ([0.0, 0.0, 5.0] if goes_on else [0.0, 0.0])
