"""Does `pcl.dae.fit` with its defaults reach the least objectives known of three published systems?

The fed-batch bioreactor, the populations and the tanks of arXiv:2504.04665 on the data of the paper's own
package: noisy samples, interpolated linearly to the collocation points and normalised. It minimises

    Σ over trajectories of the mean squared normalised difference + reg |θ|²,      starts free,

which is stated here by the weights 1/(obs_std² n_t n_x) and `weight_decay` = 2 reg. With --noisy the
systems of `benchmarks.dae_cases` with their own noise instead, starts given, about 150 and 1,500 weights.
Run from the root of the project, one thread:

    python -m benchmarks.companion --seeds 3
    python -m benchmarks.companion --seeds 3 --hessians exact limited-memory+exact --noisy
"""
import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":                        # before NumPy is imported: one thread
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1",
                      TF_NUM_INTEROP_THREADS="1")

import numpy as np

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import dae_cases, harness
from pcl import MLP, collocation
from pcl.dae import Law, Trajectory, fit

DATA = Path(__file__).with_name("data")


@dataclass(frozen=True)
class Case:
    """One system: its model and what the package reached.

    Parameters
    ----------
    name : str, of the file of data
    system : dae_cases.Case, whose model and inputs are the same
    widths, activation : of the network of all states
    elements, points : int
    reg : float, weight of |θ|²
    least : float, the best objective the package reached
    """

    name: str
    system: dae_cases.Case
    widths: tuple
    activation: str
    elements: int
    points: int
    reg: float
    least: float

    def data(self):
        """The trajectories, weighted as the package does."""
        found = np.load(DATA / f"{self.name}.npz")
        n_runs, n_t, n_x = found["target_mesh"].shape
        weights = dict(zip(self.system.model.states, 1.0 / (found["obs_std"]**2 * n_t * n_x)))
        seen = found["target_mesh"] * found["obs_std"] + found["obs_mean"]
        inputs = [dict(zip(self.system.model.inputs, self.system.inputs(start))) for start in found["ic"]]
        return [Trajectory(found["t_mesh"], dict(zip(self.system.model.states, values.T)), inputs=u,
                           weights=weights) for values, u in zip(seen, inputs)]

    def law(self):
        """The network with shifts and scales of the package."""
        found = np.load(DATA / f"{self.name}.npz")
        shifts = (found[key] for key in ("input_mean", "input_std", "output_mean", "output_std"))
        model = self.system.model
        return Law(MLP(self.widths, self.activation), model.states, model.outputs, *shifts)

    def fit(self, seed, **options):
        """The `Fit` of this objective; all that does not state it is the default, or in `options`."""
        return fit(self.system.model, self.data(), self.law(), elements=self.elements,
                   scheme=collocation.radau(self.points), weight_decay=2.0 * self.reg, scaling="none",
                   normalise=False, seed=seed, **options)


CASES = {case.name: case for case in (
    Case("fed_batch", dae_cases.FEDBATCH, (4, 20, 20, 1), "softplus", 20, 3, 1e-3, 0.04388),
    Case("leslie_gower", dae_cases.POPULATION_FREE, (2, 16, 16, 1), "softplus", 40, 3, 1e-3, 0.02541),
    Case("four_tank", dae_cases.TANK, (4, 32, 32, 2), "tanh", 20, 2, 1e-2, 0.2298))}


@dataclass(frozen=True)
class Noisy:
    """A system of `dae_cases` with its own noise; `width` of both hidden layers."""

    system: dae_cases.Case
    width: int
    least: float = float("nan")

    @property
    def name(self):
        """Of the system."""
        return self.system.name

    def law(self):
        """The network of the system."""
        model, n = self.system.model, len(self.system.law_inputs)
        net = MLP((n, self.width, self.width, len(model.outputs)))
        return Law(net, self.system.law_inputs, model.outputs)

    def data(self, seed):
        """Trajectories with the noise of `seed`, weights of maximum likelihood up to a factor."""
        return self.system.trajectories(np.random.default_rng(seed), self.system.noise)

    def fit(self, seed, **options):
        """The `Fit` under a unit normal prior of the weights."""
        system = self.system
        return fit(system.model, self.data(seed), self.law(), elements=system.elements, seed=seed,
                   scheme=collocation.radau(system.points), weight_decay=system.penalty, scaling="none",
                   **options)


NOISY = [Noisy(system, width) for system in dae_cases.CASES.values()
         for width in (system.width, system.wide)]


def record(case, seed, hessian="auto"):
    """One row of the table."""
    start = time.process_time()
    pair = tuple(hessian.split("+")) if "+" in hessian else hessian
    found = case.fit(seed, hessian=pair)
    solves = {stage.name: [] for stage in found.stages}
    for stage in found.stages:
        solves[stage.name].append(stage)
    iterations = [stage.iterations for name in ("coarse", "main") for stage in solves.get(name, ())]
    return {"case": case.name, "p": case.law().size, "hessian": hessian, "seed": seed,
            "success": found.success, "objective": f"{found.objective:.5f}", "package": case.least,
            "misfit": found.misfit, "smoothing": solves["smoother"][0].words.split()[1],
            "iterations": "+".join(map(str, iterations)), "s": time.process_time() - start}


def main(arguments=None):
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cases", nargs="+", choices=[*CASES, *dae_cases.CASES])
    parser.add_argument("--hessians", nargs="+", default=["auto"])
    parser.add_argument("--noisy", action="store_true")
    options = parser.parse_args(arguments)
    cases = [case for case in (NOISY if options.noisy else CASES.values())
             if not options.cases or case.name in options.cases]
    rows = []
    for case in cases:
        for hessian in options.hessians:
            for seed in range(options.seeds):
                rows.append(record(case, seed, hessian))
                harness.progress(str(rows[-1]))
    print(harness.table(rows))
    return rows


if __name__ == "__main__":
    main()
