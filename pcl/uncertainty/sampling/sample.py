"""Draws of the posterior itself, where its normal approximation does not do."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pcl.execute.surviving import hired
from pcl.support import memory, processes
from pcl.support.interface import require_interface
from pcl.support.types import Path
from pcl.support.validate import known, positive_integer, positive_number
from pcl.training.progress import Progress
from pcl.uncertainty.laplace.posterior import Posterior
from pcl.uncertainty.sampling.density import Reference
from pcl.uncertainty.sampling.file import identity, read_chains, write_chains
from pcl.uncertainty.sampling.methods import ACCEPTANCE, begun
from pcl.uncertainty.sampling.runs import ByWorkers, File, Here, InProcesses, run
from pcl.uncertainty.sampling.samples import Samples
from pcl.uncertainty.sampling.state import RECORDED, Settings


def sample(problem: Any | Callable[[], Any], posterior: Posterior, method: str = "nuts", *,
           chains: int = 4, draws: int = 1000, warmup: int = 500, acceptance: float | None = None,
           seed: int = 0, n_jobs: int = 1, progress: bool | None = None, checkpoint: Path | None = None,
           checkpoint_seconds: float = 30.0, resume: bool | Path = False,
           executor: Any = None) -> Samples:
    """Draws of p(θ | y) ∝ exp(−ℓ/2σ²) by Markov chains on the exact log density and gradient.

        θ = θ* + F z,   F Fᵀ = C of the Laplace posterior

    The chains see z, in which the density is close to a standard normal one: the Hessian at the peak is
    their mass matrix.

        posterior = pcl.minimize(problem).posterior()
        samples = pcl.uncertainty.sample(problem, posterior)
        print(samples)
        samples.band(law, points)

    Parameters
    ----------
    problem : Problem, or function without arguments that makes it
        Of a fit, `posterior.problem` (`pcl.dae.Fit.posterior`), whose trajectories are solved for at
        every θ. A function is needed for n_jobs > 1, since a Problem cannot be sent to another process.
    posterior : Posterior, of this problem at its peak
    method : str
        ====== =================================================== ======================== ==========
        name   what it does                                        a step costs             acceptance
        ====== =================================================== ======================== ==========
        nuts   trajectories of Hamilton until they turn back       3 to 1023 gradients      0.8
        hmc    trajectories of random length                       π/2ε gradients, ε a step 0.8
        mala   one step of a trajectory (Langevin)                 1 gradient               0.574
        pcn    preconditioned Crank–Nicolson: for fields of any    1 value                  0.4
               resolution whose posterior is not far from normal
        ====== =================================================== ======================== ==========

        nuts, hmc and mala are the kernels of TensorFlow Probability (mala is HMC with one leapfrog step).
    chains : int
        They start at independent draws of the Laplace posterior.
    draws : int, of each chain, after the warm-up
    warmup : int
        Steps at the beginning that adapt the size of steps and are not kept.
    acceptance : float in (0, 1), optional
        Mean probability of acceptance to adapt to; see the table. More makes shorter steps.
    seed : int
        The same seed gives the same draws, whatever n_jobs and interruptions.
    n_jobs : int
        Chains at a time in processes of their own; −1 is one a processor.
    progress : bool, optional
        A bar over all steps; None shows it on a terminal only.
    checkpoint : path, optional
        A file that holds the chains (.npz without pickle), written every `checkpoint_seconds` and at the
        end for whatever reason.
    resume : True, or path of a checkpoint
        Go on from it (True: from `checkpoint`), with the same problem, posterior, method, warm-up, seed
        and number of chains: bit for bit the draws of a run that was never interrupted. With more `draws`
        a finished run is continued.
    checkpoint_seconds : float
    executor : str or object, optional
        Where chains are taken further instead, as in `Problem.sum`; n_jobs above 1 says how many workers
        are started.

    Returns
    -------
    Samples
        Draws, R̂, effective sample sizes, divergences, bands. Ctrl-C ends the run: the chains so far are
        returned with the status INTERRUPTED, cut to the shortest. A chain whose process dies is taken
        further in another; where that dies too the others go on, and the chain is named (`lost`), kept in
        the checkpoint and left out of the draws.

    Raises
    ------
    ValueError, TypeError
        Bad arguments; a posterior with directions that neither data nor prior determine, or with negative
        ones (`Indefinite`); no start with a value; a checkpoint of another run (`CheckpointError`); a fit
        whose noise is not stated.
    MemoryError
        The draws would not fit.

    Notes
    -----
    A trial at which the model has no value is rejected and counted (`samples.failed`).

    Source: M. Hoffman and A. Gelman, 2014, The No-U-Turn sampler; S. Cotter and others, 2013, MCMC
    methods for functions; J. Martin and others, 2012, A stochastic Newton MCMC method, for the Hessian at
    the peak.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> problem = pcl.Problem.from_data(lambda t: t["k"], [1.0], pcl.uncertainty.noise.Gaussian(0.5),
    ...                                 {"k": [0.0]})
    >>> posterior = problem.posterior(pcl.minimize(problem).x)
    >>> samples = pcl.uncertainty.sample(problem, posterior, "pcn", chains=2, draws=400, warmup=100)
    >>> samples.blocks["k"].shape, samples.failed
    ((2, 400, 1), 0)
    >>> samples.standard_errors()["k"].round(1)                     # σ
    array([0.5])
    """
    clock = time.perf_counter()
    settings = _settings(method, warmup, seed, acceptance)
    chains, draws = positive_integer("chains", chains), positive_integer("draws", draws)
    reference = _reference(posterior, chains * draws)
    n_jobs = min(processes.jobs(n_jobs), chains)
    same = identity(reference, posterior.problem.log_density(reference.center))
    source = checkpoint if resume is True else resume or None
    if resume is True and checkpoint is None:
        raise ValueError("resume=True goes on from checkpoint, which is None; name the file by one of "
                         "them.")
    found = read_chains(source, settings, same) if source is not None else [
        begun(number, size=reference.center.size) for number in range(chains)]
    if len(found) != chains:
        raise ValueError(f"chains is {chains}, but {source} holds {len(found)}.")
    file = File(lambda state: write_chains(checkpoint, settings, same, state), checkpoint,
                positive_number("checkpoint_seconds", checkpoint_seconds))
    total = warmup + draws
    bar = Progress(progress, sum(max(0, total - chain.done) for chain in found), method)
    try:
        with _runner(problem, reference, settings, n_jobs, executor) as runner:
            status, lost = run(found, total, warmup, runner, bar, file)
    finally:
        bar.close()
    seconds = time.perf_counter() - clock
    return _samples(found, lost, draws, reference, posterior, settings, status, seconds)


def _settings(method, warmup, seed, acceptance):
    known("method", method, ACCEPTANCE)
    acceptance = ACCEPTANCE[method] if acceptance is None else positive_number("acceptance", acceptance)
    if acceptance >= 1.0:
        raise ValueError(f"acceptance is {acceptance:g}; expected a probability between 0 and 1.")
    return Settings(method, positive_integer("warmup", warmup), positive_integer("seed", seed, minimum=0),
                    acceptance)


def _reference(posterior, count):
    """The normal density of the posterior, refused unless it is one in all directions."""
    if not isinstance(posterior, Posterior):
        raise TypeError(f"posterior is a {type(posterior).__name__}; expected result.posterior() or "
                        "problem.posterior(theta).")
    covariance, size = posterior.covariance_form, posterior.theta.size
    left_out = posterior.left_out or size - covariance.root_transposed(np.zeros(size)).size
    if left_out:
        raise ValueError(f"{left_out} of {size} directions of theta are determined neither by data nor "
                         "by a prior, so that their density has no end and no chain would come back. "
                         "State a prior for every block (prior= of pcl.Problem.from_data), or fewer "
                         "unknowns.")
    memory.require(5 * 8 * count * size, f"{count:,} draws of {size:,} numbers",
                   "take fewer draws or chains, or run chains one by one with different seeds")
    return Reference(posterior.theta, covariance, posterior.sigma, posterior.coordinates)


@contextlib.contextmanager
def _runner(problem, reference, settings, n_jobs, executor):
    """Who takes the chains further."""
    if executor is None:
        yield _without_executor(problem, reference, settings, n_jobs)
        return
    with hired(executor, None if n_jobs == 1 else n_jobs) as workers:
        if not workers.here:
            _require_maker(problem, f"executor is {workers!r}")
            yield ByWorkers(problem, reference, settings, workers)
        else:
            yield _without_executor(problem, reference, settings, 1)


def _require_maker(problem, given):
    if not callable(problem):
        raise TypeError(f"{given} and problem a {type(problem).__name__}, which cannot be sent to "
                        "another process. Give a function without arguments that makes it, or use "
                        "n_jobs=1.")


def _without_executor(problem, reference, settings, n_jobs):
    if n_jobs > 1:
        _require_maker(problem, f"n_jobs is {n_jobs}")
        return InProcesses(problem, reference, settings, n_jobs)
    problem = problem() if callable(problem) else problem
    require_interface(problem, "size", "log_density", "log_density_and_gradient")
    if problem.size != reference.center.size:
        raise ValueError(f"problem has {problem.size} parameters and posterior {reference.center.size}; "
                         "expected the posterior of this problem.")
    return Here(problem, reference, settings)


def _samples(chains, lost, draws, reference, posterior, settings, status, seconds):
    chains = [chain for chain in chains if chain.number not in lost] or chains
    count = min(draws, *(len(chain.drawn["z"]) for chain in chains))
    drawn = {name: np.array([chain.drawn[name][:count] for chain in chains])
             for name in RECORDED}
    problem = posterior.problem
    shapes = {name: np.shape(value) for name, value in problem.unravel(reference.center).items()}
    return Samples(
        reference.theta(drawn["z"]), drawn["log_density"], drawn["acceptance"], drawn["divergent"],
        steps=np.array([chain.step for chain in chains]), failed=sum(chain.failed for chain in chains),
        shapes=shapes, method=settings.method, status=status, warmup=settings.warmup, seconds=seconds,
        problem=problem, laws=posterior.exact_laws, lost=lost)
