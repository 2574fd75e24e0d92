"""One signature for every method; the ready-made callbacks stop, log, and are taken up again."""

import csv
import time

import numpy as np
import pytest

from pcl.callbacks import CSVLogger, NoProgress, TargetLoss, TensorBoard, TimeLimit
from pcl.training.minimize import minimize
from pcl.training.run.history import ROWS
from pcl.training.run.status import Status

ALL = ["trust-exact", "trust-krylov", "trust-ncg", "newton-trust-region", "BFGS", "L-BFGS-B",
       "levenberg-marquardt", "least-squares", "adam"]


class Quartic:
    """loss = Σ r²,  r_i = i x_i²: it falls by a constant factor an iteration under Newton's method."""

    has_residuals = True

    def __init__(self, n=3):
        self.size, self.theta0, self.a = n, np.linspace(1.0, 2.0, n), 1.0 + np.arange(n)

    def residuals(self, x):
        return self.a * x**2

    def jacobian(self, x):
        return np.diag(2.0 * self.a * x)

    def value(self, x):
        return float(((self.a * x**2) ** 2).sum())

    def gradient(self, x):
        return 4.0 * self.a**2 * x**3

    def value_and_gradient(self, x):
        return self.value(x), self.gradient(x)

    def hessian(self, x):
        return np.diag(12.0 * self.a**2 * x**2)

    def hvp(self, x, v):
        return 12.0 * self.a**2 * x**2 * v


class Flat(Quartic):
    """The same with a constant residual of 10: the loss ends at 100."""

    def residuals(self, x):
        return np.append(super().residuals(x), 10.0)

    def jacobian(self, x):
        return np.vstack([super().jacobian(x), np.zeros(self.size)])

    def value(self, x):
        return super().value(x) + 100.0


class Step:
    """A snapshot as far as the callbacks under test read it."""

    def __init__(self, iteration, loss):
        self.iteration, self.loss = iteration, loss


def run(callback, method="L-BFGS-B", maxiter=12, problem=None, **more):
    return minimize(Quartic() if problem is None else problem, method, callback=callback,
                    maxiter=maxiter, **{"gtol": 0.0, "ftol": 0.0, **more})


def stops_at(callback, losses):
    """The iteration at which a callback ends a run with these losses, or None."""
    for i, loss in enumerate(losses, start=1):
        try:
            callback(Step(i, loss))
        except StopIteration:
            return i
    return None


@pytest.mark.parametrize("method", ALL)
def test_the_target_ends_every_method_with_its_words(method):
    result = run(TargetLoss(1e-2), method, 2000, options=(
        {"learning_rate": 0.05} if method == "adam" else None))
    assert result.status is Status.STOPPED_BY_CALLBACK and not result.success
    assert result.history.loss[-1] <= 1e-2 < result.history.loss[-2]
    assert "reached the target 0.01" in result.message


def test_the_target_itself_counts():
    assert stops_at(TargetLoss(1.0), [3.0, 2.0, 1.0, 0.5]) == 3


def test_the_time_limit_counts_from_when_it_was_made():
    limit = TimeLimit(0.05)
    time.sleep(0.06)
    result = run(limit)
    assert result.nit == 1 and "time limit of 0.05 s is over" in result.message
    assert run(TimeLimit(60.0)).nit == 12


@pytest.mark.parametrize("losses, iterations, relative, expected", [
    ([8.0, 4.0, 2.0, 1.0, 1.0, 1.0, 1.0], 3, 1e-3, 7),      # the last decrease was at 4
    ([1.0] * 9, 2, 0.0, 3),
    ([2.0**-i for i in range(40)], 3, 0.1, None),
    ([1.0 - 1e-4 * i for i in range(40)], 5, 1e-2, 6),      # falls, but too little
    ([1.0, 9.0, 9.0, 0.5, 9.0, 9.0, 9.0], 3, 1e-3, 7),      # only the lowest so far counts
    ([-1.0, -2.0, -3.0, -4.0, -5.0, -6.0], 2, 1e-2, None)])
def test_no_progress_compares_the_lowest_losses(losses, iterations, relative, expected):
    assert stops_at(NoProgress(iterations, relative), losses) == expected


def test_no_progress_serves_a_second_run():
    callback = NoProgress(2, 0.0)
    assert [stops_at(callback, [1.0] * 9) for _ in range(2)] == [3, 3]


def test_no_progress_ends_a_run_where_only_a_constant_is_left():
    result = run(NoProgress(5, 1e-6), "trust-exact", 200, Flat())
    assert result.status is Status.STOPPED_BY_CALLBACK and 5 < result.nit < 40
    assert "in 5 iterations" in result.message


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_csv_holds_the_history_to_the_last_digit(tmp_path):
    result = run(CSVLogger(tmp_path / "log.csv"))
    lines = rows(tmp_path / "log.csv")
    assert list(lines[0]) == ["iteration", *ROWS]
    assert [int(line["iteration"]) for line in lines] == list(range(1, 13))
    for name in ("loss", "gradient_norm", "step", "seconds", "evaluations"):
        assert [float(line[name]) for line in lines] == getattr(result.history, name)[1:].tolist()


def test_csv_is_complete_after_every_line_and_begun_anew_by_a_new_run(tmp_path):
    logger, seen = CSVLogger(tmp_path / "log.csv"), []
    run([logger, lambda snapshot: seen.append(len(rows(tmp_path / "log.csv")))], maxiter=5)
    assert seen == [1, 2, 3, 4, 5]
    run(logger, maxiter=3)
    assert len(rows(tmp_path / "log.csv")) == 3


def test_csv_that_cannot_be_written_is_warned_of_and_the_run_goes_on(tmp_path):
    with pytest.warns(RuntimeWarning, match="No such file") as caught:
        result = run(CSVLogger(tmp_path / "nowhere" / "log.csv"))
    assert result.nit == 12 and len(caught) == 1


@pytest.mark.parametrize("method", ["L-BFGS-B", "trust-exact", "least-squares"])
def test_csv_of_a_resumed_run_has_every_iteration_once(method, tmp_path):
    path = tmp_path / "run.npz"
    run(CSVLogger(tmp_path / "log.csv"), method, 6, checkpoint=path)
    result = run(CSVLogger(tmp_path / "log.csv"), method, 12, resume=path)
    lines = rows(tmp_path / "log.csv")
    assert [int(line["iteration"]) for line in lines] == list(range(1, 13))
    assert [float(line["loss"]) for line in lines] == result.history.loss[1:].tolist()


def test_no_progress_remembers_the_iterations_before_a_resume(tmp_path):
    path = tmp_path / "run.npz"
    whole = run(NoProgress(8, 1e-6), "BFGS", 200, Flat())
    run(None, "BFGS", whole.nit - 3, Flat(), checkpoint=path)
    resumed = run(NoProgress(8, 1e-6), "BFGS", 200, Flat(), resume=path)
    assert resumed.nit == whole.nit and resumed.message == whole.message


def test_replayed_iterations_are_not_reported_twice(tmp_path):
    seen, path = [], tmp_path / "run.npz"
    run(None, maxiter=6, checkpoint=path)
    run(lambda snapshot: seen.append(snapshot.iteration), maxiter=12, resume=path)
    assert seen == list(range(7, 13))


def test_all_members_of_a_list_see_every_snapshot_and_each_may_end_the_run():
    first, last = [], []
    result = run([lambda snapshot: first.append(snapshot.iteration), TargetLoss(1e-3),
                  TargetLoss(1e-2), lambda snapshot: last.append(snapshot.iteration)], "BFGS", 100)
    assert first == last == list(range(1, result.nit + 1))
    assert "target 0.01" in result.message and "target 0.001" not in result.message


def test_a_stop_without_words_stops_as_well():
    def stop(snapshot):
        raise StopIteration

    result = run([stop])
    assert result.nit == 1 and result.message == Status.STOPPED_BY_CALLBACK.value
    assert run([]).nit == 12


def test_tensorboard_finds_the_loss_of_every_iteration(tmp_path):
    tf = pytest.importorskip("tensorflow")
    result = run(TensorBoard(tmp_path), maxiter=5)
    losses = {}
    for path in tmp_path.iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                if value.tag == "loss":
                    losses[event.step] = float(tf.make_ndarray(value.tensor))
    assert sorted(losses) == [1, 2, 3, 4, 5]
    np.testing.assert_allclose([losses[i] for i in range(1, 6)], result.history.loss[1:], rtol=1e-6)


@pytest.mark.parametrize("make, words", [
    (lambda: TimeLimit(0), "seconds is 0"), (lambda: TimeLimit("1"), "seconds is '1'"),
    (lambda: TargetLoss(float("nan")), "value is nan"),
    (lambda: NoProgress(0), "iterations is 0"), (lambda: NoProgress(5, 1.0), "relative is 1.0")])
def test_a_bad_setting_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("callback", [7, [print, 7], [None], "print"])
def test_what_cannot_be_called_is_refused(callback):
    with pytest.raises(TypeError, match="callback is a"):
        run(callback)
