"""Weights of laws fitted to smooth trajectories of inputs and outputs, and what such a start costs."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from pcl.dae.laws.output_range import normalised, output_range, shift_scale
from pcl.dae.laws.weight_prior import deviations
from pcl.dae.program.setting import Setting
from pcl.dae.stages.joint import pretrain_together, together
from pcl.support.validate import float64_array, known

MAXITER = 500
CALM = 1e-5         # relative decrease that ends it under a weight decay that was given
RIDGE = 1e-2        # a weight of size 1 costs as much as one point that is off by a tenth of a scale
# of the misfit in the weight decay, relative to the spread of the data: with 1e-9 exact data are followed
# below what the elements resolve, in up to 1,000 iterations in place of 30, and the law is no better
FLOOR = 1e-7


def decay_of_variance(variance, spread, count):
    """ρ = 2 max(s², `FLOOR` · spread/n): with ½ ρ ‖θ/σ‖² beside Σ ω r² the most probable weights, s² the
    variance of an observation of weight 1."""
    return 2.0 * max(variance, FLOOR * spread / count)


def pretrain(law, a, z, theta, share=0.0):
    """θ that minimises Σ_m mean ((law − z)/s)² + max(`RIDGE`/n, m · share) ‖θ‖² from θ by L-BFGS-B, s the
    standard deviation of z (n, m).

    Targets are in units of their scale, so that the ridge does not depend on the units of the misfit.
    share : ½ ρ / spread of a weight decay that was given, which makes this m/spread times the `objective`
        of a start, but for its misfit: weights trained under less begin the main solve far above it
    """
    n = len(z)
    penalty = 2.0 * max(RIDGE / n, share * z.shape[1])
    omega = 1.0 / (shift_scale(z)[1] ** 2 * n)

    options = {"maxiter": MAXITER, "maxfun": 2 * MAXITER, **({"ftol": CALM} if share else {})}

    def loss(theta):
        point = law.at(theta, a)
        r = point.value - z
        value = float((omega * r ** 2).sum()) + 0.5 * penalty * theta @ theta
        return value, point.pullback(2.0 * omega * r) + penalty * theta
    return minimize(loss, theta, jac=True, method="L-BFGS-B",
                    options=options)


def trainer(given):
    """The function of `Preparation.train` that `fit(pretrain=…)` asks for."""
    if given is None:
        return lambda law, a, z, theta: theta
    if callable(given):
        return given
    known("pretrain", given, ("auto",))
    return None


@dataclass(frozen=True, eq=False)
class Start:
    """Where a main solve may begin.

    Attributes
    ----------
    x : (n,), trajectories and parameters, without weights; outputs of laws that were fitted together are
        theirs
    laws : list of Law
    thetas : list of weights
    mismatch : (outputs,), root mean squares of law − z on the trajectories, in standard deviations of z
    misfit : Σ ω (simulated − observed)² of x
    decay : ρ of the weight decay
    deviations : list of σ (p,), in units of which the weights are penalised
    spread : Σ ω (observed − mean)²
    count : number of observations
    note : why the weights are not trained, or ""
    """

    x: np.ndarray
    laws: list
    thetas: list
    mismatch: np.ndarray
    misfit: float
    decay: float
    deviations: list
    spread: float
    count: int
    note: str = ""

    @property
    def objective(self):
        """misfit + spread · mean mismatch² + ½ ρ ‖θ/σ‖²: what a main solve should not end above.

        A law that gives no more of z than its mean, mismatch 1, is taken to explain none of the data.
        """
        return self._left + self.penalty

    @property
    def penalty(self):
        """½ ρ ‖θ/σ‖²."""
        return 0.5 * self.decay * self._norm

    @property
    def penalties(self):
        """P (p,) of ½ θᵀ diag(P) θ, one a law."""
        return [self.decay / sigma ** 2 for sigma in self.deviations]

    @property
    def score(self):
        """−2 log posterior of the weights up to a constant, the variance s² of an observation of weight 1
        unknown and eliminated: n log s² + ‖θ/σ‖², with s² = (misfit + spread · mean mismatch²)/n."""
        return self.count * np.log(max(self._left, FLOOR * self.spread) / self.count) + self._norm

    @property
    def _left(self):
        return self.misfit + self.spread * float(np.mean(self.mismatch ** 2))

    @property
    def _norm(self):
        return float(sum(np.sum((theta / sigma) ** 2)
                         for theta, sigma in zip(self.thetas, self.deviations)))

    def __str__(self):
        names = ["/".join(law.outputs) for law in self.laws]
        ends = np.cumsum([len(law.outputs) for law in self.laws])[:-1]
        worst = ", ".join(f"{name} to {np.sqrt(np.mean(part ** 2)):.1e}"
                          for name, part in zip(names, np.split(self.mismatch, ends)))
        return f"{self.note}weight decay {self.decay:.3g}; {worst} of their standard deviation"


@dataclass(frozen=True, eq=False)
class Preparation:
    """start = preparation(x): laws normalised and pre-trained on trajectories x.

    Parameters
    ----------
    setting : Setting
    laws : list of Law
    decay : ρ of ½ ρ ‖θ‖²; or "auto": 2 × the mean squared residual of x, in ½ ρ ‖θ/σ‖² with the σ of
        `pcl.dae.laws.weight_prior`
    normalise : bool
    """

    setting: Setting
    laws: list
    decay: Any      # ρ or "auto"
    normalise: bool
    fixed: float | None = None
    train: Any = None   # function (law, a, z, θ) -> θ

    def given(self, x, laws, thetas, decay=None):
        """The `Start` of trajectories x and laws with weights as they are, with ρ if there is one."""
        prepare = self if decay is None else replace(self, fixed=decay)
        return prepare._start(x, laws, thetas, np.zeros(sum(len(law.outputs) for law in laws)))

    def like(self, start):
        """The same with the ρ of a start, so that all have one objective."""
        return replace(self, fixed=start.decay)

    def __call__(self, x, seed):
        """The `Start` with the initial weights of `seed`, `seed` + 1, …, one a law."""
        laws, thetas, mismatch = [], [], []
        for k, law in enumerate(self.laws):
            a, z = self.setting.points_of(law, x)
            z = np.clip(z, *output_range(law))
            law = normalised(law, a, z) if self.normalise else law
            found = self._trained(law, a, z, law.init(seed + k))
            laws.append(law)
            thetas.append(found)
            error = (law.at(found, a).value - z) / shift_scale(z)[1]
            mismatch.append(np.sqrt(np.mean(error ** 2, axis=0)))
        x = x if self.train else self._together(x, laws, thetas, mismatch, seed)
        return self._start(x, laws, thetas, np.concatenate(mismatch))

    def _trained(self, law, a, z, theta):
        if self.train is None:
            given = 0.0 if self.decay == "auto" else 0.5 * self.decay / self.setting.spread
            return pretrain(law, a, z, theta, given).x
        return float64_array("what pretrain returns", self.train(law, a, z, theta), theta.shape)

    def untrained(self, x, seed, why):
        """The `Start` with initial weights as they are, where training them failed for a reason."""
        thetas = [law.init(seed + k) for k, law in enumerate(self.laws)]
        return self._start(x, self.laws, thetas, np.ones(sum(len(law.outputs) for law in self.laws)),
                           f"not possible: {why}; initial weights; ")

    def _start(self, x, laws, thetas, mismatch, note=""):
        misfit, spread = self.setting.misfit.at(x), self.setting.spread
        count = max(1, self.setting.misfit.size)
        decay, widths = self._decay(misfit, spread, count), [self.deviations(law) for law in laws]
        return Start(x, laws, thetas, mismatch, misfit, decay, widths, spread, count, note)

    def deviations(self, law):
        """σ (p,) of the weights of a law."""
        return deviations(law) if self.decay == "auto" else np.ones(law.size)

    def likely(self, program):
        """P of ½ θᵀPθ beside −2 log p(readings): the prior itself, of ρ = 2, where ρ is automatic, else
        those of the program of the sums of squares."""
        if self.decay != "auto":
            return program.penalties
        return [2.0 / self.deviations(law) ** 2 for law in program.laws]

    def _decay(self, misfit, spread, count):
        if self.fixed is not None:
            return self.fixed
        return self.decay if self.decay != "auto" else decay_of_variance(misfit / count, spread, count)

    def _together(self, x, laws, thetas, mismatch, seed):
        """x; laws that the trajectories do not tell apart get weights, mismatch and outputs in x anew."""
        model = self.setting.model
        elements = self.setting.elements
        z = elements.split(x)[1].reshape(-1, elements.n_w)[:, elements.n_w - elements.n_z:]
        size = shift_scale(z)[1]
        mixed = dict(zip(model.outputs, together(self.setting, x, size)))
        chosen = [k for k, law in enumerate(laws) if any(mixed[name] for name in law.term.outputs)]
        if not chosen:
            return x
        found, error, x = pretrain_together(self.setting, x, [laws[k].term for k in chosen],
                                            [seed + k for k in chosen], size, RIDGE)
        for k, theta in zip(chosen, found):
            thetas[k], mismatch[k] = theta, np.full(len(laws[k].outputs), error)
        return x

    def cost(self, start):
        """What chooses between starts: the objective itself, or the score where ρ is automatic."""
        return start.score if self.decay == "auto" else start.objective
