"""A run that is cut off anywhere and taken up again ends as if nothing had happened."""

import numpy as np
import pytest
from interrupted_runs import OTHERS, REQUIRED, CopyAt, Offset, Rosenbrock, run, same

from pcl.training.checkpoint import CheckpointError, read_checkpoint
from pcl.training.run.status import Status

pytestmark = pytest.mark.usefixtures("at_every_iteration")


@pytest.mark.parametrize("method, options, n", [*REQUIRED, *OTHERS])
@pytest.mark.parametrize("k", [2, 11])
def test_a_run_taken_up_after_iteration_k_ends_bit_identical(method, options, n, k, tmp_path):
    path, copy = tmp_path / "run.npz", tmp_path / "copy.npz"
    plain = run(method, options, n)
    watched = run(method, options, n, checkpoint=path, callback=CopyAt(path, copy, k))
    resumed = run(method, options, n, resume=copy)
    assert same(plain, watched)
    assert same(plain, resumed)


@pytest.mark.parametrize("method", ["trust-exact", "newton-trust-region", "levenberg-marquardt"])
@pytest.mark.parametrize("algebra", ["svd", "cholesky"])
def test_rejected_steps_are_kept_too(method, algebra, tmp_path):
    options = {"linear_algebra": algebra} if method == "levenberg-marquardt" else {}
    options["initial_trust_radius"] = 50.0
    path, copy = tmp_path / "run.npz", tmp_path / "copy.npz"
    plain = run(method, options, 14)
    rejected = np.flatnonzero(~plain.history.accepted)
    assert rejected.size >= 3
    for k in rejected[:3]:
        run(method, options, 14, checkpoint=path, callback=CopyAt(path, copy, k + 1))
        assert len(read_checkpoint(copy).history) == k + 1
        assert same(plain, run(method, options, 14, resume=copy))


@pytest.mark.parametrize("method, options, n", REQUIRED)
def test_with_failed_trial_points_as_well(method, options, n, tmp_path):
    path, copy = tmp_path / "run.npz", tmp_path / "copy.npz"
    plain = run(method, options, n, Rosenbrock(failing=True))
    k = min(9, plain.nit)    # the copy holds iteration k − 1
    run(method, options, n, Rosenbrock(failing=True), checkpoint=path, callback=CopyAt(path, copy, k))
    resumed = run(method, options, n, Rosenbrock(failing=True), resume=copy)
    assert same(plain, resumed)
    assert read_checkpoint(copy).history.failed[-1] > 0


@pytest.mark.parametrize("method", ["trust-exact", "L-BFGS-B", "least-squares"])
def test_a_run_near_its_stop_stops_at_the_same_iteration_for_the_same_reason(method, tmp_path):
    path, copy = tmp_path / "run.npz", tmp_path / "copy.npz"
    tolerances = {"gtol": 0.0, "ftol": 0.3}     # three steps in a row
    plain = run(method, maxiter=200, problem=Offset(), **tolerances)
    assert plain.status is Status.CONVERGED_LOSS
    run(method, maxiter=200, problem=Offset(), checkpoint=path, **tolerances,
        callback=CopyAt(path, copy, plain.nit - 1))
    assert same(plain, run(method, maxiter=200, problem=Offset(), resume=copy, **tolerances))


@pytest.mark.parametrize("method", ["L-BFGS-B", "least-squares"])
def test_with_bounds_as_well(method, tmp_path):
    path, copy = tmp_path / "run.npz", tmp_path / "copy.npz"
    box = [(-2.0, 0.7)] * 8
    plain = run(method, maxiter=14, bounds=box)
    run(method, maxiter=14, bounds=box, checkpoint=path, callback=CopyAt(path, copy, 6))
    assert same(plain, run(method, maxiter=14, bounds=box, resume=copy))
    with pytest.raises(CheckpointError, match="other bounds"):
        run(method, maxiter=14, bounds=[(-2.0, 0.8)] * 8, resume=copy)


@pytest.mark.parametrize("method, options, n", REQUIRED)
def test_a_finished_run_goes_on_with_a_larger_limit(method, options, n, tmp_path):
    path = tmp_path / "run.npz"
    short = run(method, options, n // 2, checkpoint=path)
    assert short.status is Status.ITERATION_LIMIT
    assert same(run(method, options, n // 2, resume=path), short)
    assert same(run(method, options, n, resume=path), run(method, options, n))


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "trust-krylov"])
def test_a_replay_evaluates_nothing_but_the_start(method, tmp_path):
    run(method, maxiter=15, checkpoint=tmp_path / "run.npz")
    problem = Rosenbrock()
    run(method, maxiter=15, resume=tmp_path / "run.npz", problem=problem)
    assert problem.calls == 1


def test_trust_exact_computes_one_hessian_to_get_back(tmp_path):
    path, copy = tmp_path / "run.npz", tmp_path / "copy.npz"
    run("trust-exact", maxiter=20, checkpoint=path, callback=CopyAt(path, copy, 19))
    problem = Rosenbrock()
    resumed = run("trust-exact", maxiter=20, resume=copy, problem=problem)
    before = int(read_checkpoint(copy).meta["core"]["counts"]["hessians"])
    # the one at the start of SciPy's loop, and those of the iterations after the file
    assert problem.hessians <= 1 + resumed.nhev - before + 1


def test_seconds_go_on_and_never_fall(tmp_path):
    first = run(maxiter=10, checkpoint=tmp_path / "run.npz", problem=Rosenbrock(pause=0.002))
    resumed = run(maxiter=20, resume=tmp_path / "run.npz")
    np.testing.assert_array_equal(resumed.history.seconds[:11], first.history.seconds)
    assert (np.diff(resumed.history.seconds) >= 0).all()


def test_a_pcl_problem_goes_on_bit_identical(tmp_path):
    tf = pytest.importorskip("tensorflow")
    import pcl
    net = pcl.MLP([1, 6, 1])
    x = np.linspace(0.0, 1.0, 7)[:, None]

    def problem():
        return pcl.Problem.from_residuals(
            lambda theta: tf.reshape(net(theta["net"], tf.constant(x)), [-1]) - np.sin(3.0 * x[:, 0]),
            {"net": net.init(seed=2)})

    for method in ("trust-exact", "BFGS", "L-BFGS-B", "least-squares"):
        path, copy = tmp_path / f"{method}.npz", tmp_path / f"{method}-copy.npz"
        plain = run(method, maxiter=12, problem=problem())
        run(method, maxiter=12, problem=problem(), checkpoint=path, callback=CopyAt(path, copy, 6))
        assert same(plain, run(method, maxiter=12, problem=problem(), resume=copy))
    other = pcl.Problem(lambda theta: tf.reduce_sum(theta["kappa"] ** 2), {"kappa": np.ones(19)})
    with pytest.raises(CheckpointError, match="another problem.*net.*kappa"):
        run("L-BFGS-B", maxiter=12, problem=other, resume=tmp_path / "L-BFGS-B-copy.npz")
