"""Standard errors of a fit from the reduced Hessian at the solution."""

from __future__ import annotations

import functools

import numpy as np

from pcl.dae.kkt.reduced import ReducedKKT
from pcl.dae.program.reading import Reading
from pcl.dae.program.scaled import Scaled

_CLOSEST = 1e-12        # distance from a bound, or of a path row from 0, that is told from none

FEWEST = 10             # readings to spare, from which a variable has a variance of its own
_ACCURATE = 1e-4        # residual of a solve relative to its right-hand side; more: H is singular
_SINGULAR = (
    "The reduced Hessian at the solution is not positive definite: the data do not determine all "
    "parameters and weights, or the solve ended too early or at a saddle. Observe more, fix or bound a "
    "parameter, raise weight_decay, or fit with a smaller tol or another seed.")


def _units(places, n):
    """Unit vectors (n,)."""
    for i in places:
        e = np.zeros(n)
        e[i] = 1.0
        yield e


def weights_known(setting):
    """Whether the objective is −2 log of a likelihood: there are noise models, or the weights of the data
    are taken as 1/σ², as σ or weights other than 1 were given, and none were scaled."""
    if setting.densities:
        return True
    given = any(s.known or (s.weights != 1.0).any()
                for item in setting.data for s in item.observed.values())
    return given and not setting.stand_in and all(factor == 1.0 for factor in setting.factors.values())


class Undetermined(ValueError):
    """The reduced Hessian is not positive definite: the data do not determine what was asked.

    Examples
    --------
    Of x' = −(a + b) x only the sum is determined:

    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["a", "b"], rates=lambda v: {"x": -(v.a + v.b) * v.x})
    >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
    >>> found = dae.fit(model, data, guess=None, elements=2)
    >>> try:
    ...     found.standard_errors()
    ... except dae.Undetermined as error:
    ...     print(str(error).split(":")[0])
    The reduced Hessian at the solution is not positive definite
    """


class Uncertainty:
    """Covariances of linear functions of the unknowns of a fit.

    With f = Σ ω r² + ½ θᵀPθ and the linearised constraints J dx = 0, dx = Z q,

        cov(gᵀx) = 2 s² gᵀ Z H⁻¹ Zᵀ g,     H = Zᵀ (∇²𝓛 + Σ) Z,

    where Σ holds active bounds and path constraints fast. s² = 1 if the weights are ω = 1/σ² with known
    σ; else s² is the residual variance Σ ω r² / (n − p), n observations less their total leverage p =
    Σ_o 2 ω_o gᵀ Z H⁻¹ Zᵀ g (g the gradient of observation o), which is the number of free parameters of
    a linear model without penalty. Linear in the neighbourhood of the solution; a penalty counts as
    prior.

    Variables are seldom read with one error. Where each of them has at least `FEWEST` readings to spare,
    unknown σ is estimated variable by variable, s_v² = Σ_v ω r² / (n_v (1 − p/n)), and the covariance is

        2 s² gᵀ Z H⁻¹ Zᵀ g + 4 Σ_o ω_o (s_v² − s²) (g_oᵀ Z H⁻¹ Zᵀ g)²,

    of which for s_v = s nothing remains but the first term, and without a penalty nothing but
    H⁻¹ M H⁻¹ with M the covariance of the gradient.

    Source: Y. Bard, Nonlinear Parameter Estimation (1974), sections 7-5 to 7-10; for unequal variances
    H. White, Econometrica 48 (1980) 817, with one variance a variable; H from the KKT system, see
    `pcl.dae.kkt.reduced`.

    Parameters
    ----------
    program : Transcription
    result : interior_point.Result
    known : bool, whether s² = 1
    curvature : bool, whether H has the curvature of equations, laws and observables; without it is the
        Gauss–Newton matrix, as at a perfect fit
    """

    def __init__(self, program, result, known, curvature=True):
        self.program, self._result, self.known, self._curvature = program, result, known, curvature

    @functools.cached_property
    def _factor(self):
        """(Scaled program, W, J, factor, d_x, d_c) at the solution, in units of its own."""
        program = Scaled(self.program, self._result.x)
        result = program.inside(self._result)
        x = result.x
        W, J = (program.hessian(x, result.lam, 1.0) if self._curvature else program.gauss_newton(x, 1.0),
                program.jacobian(x))
        with np.errstate(invalid="ignore"):
            d_x = sum((np.where(np.isfinite(bound), z / np.maximum(sign * (x - bound), _CLOSEST), 0.0)
                       for z, bound, sign in ((result.z_lower, program.x_lower, 1.0),
                                              (result.z_upper, program.x_upper, -1.0))), np.zeros(x.size))
        d_c, rows = np.zeros(program.m), program.c_lower != program.c_upper
        if rows.any():
            room = np.maximum(-program.constraints(x)[rows], _CLOSEST)
            d_c[rows] = room / np.maximum(result.lam[rows], 1e-300)
        for kkt in (ReducedKKT(iterative=False),
                    ReducedKKT(segment=self.program.elements.E, adapt=False, iterative=False)):
            factor = kkt.factor(W, J, d_x, d_c)
            if factor.right_inertia and not factor.singular:
                break
        else:
            raise Undetermined(_SINGULAR)
        return program, W, J, factor, d_x, d_c

    @property
    def definite(self):
        """Whether H is positive definite: the point is a minimum, no saddle, and all is determined."""
        try:
            return self._factor is not None
        except Undetermined:
            return False

    def _inverse(self, g):
        """Z H⁻¹ Zᵀ g."""
        return self.solve(g)[0]

    def solve(self, r_x, r_c=None):
        """(dx (n,), λ (m,)) with K [dx; λ] = [r_x; r_c], with one step of refinement.

        Raises
        ------
        Undetermined
        """
        program, W, J, factor, d_x, d_c = self._factor
        size = np.abs(program.d * r_x).max() or 1.0
        r_x = program.d * r_x / size
        r_c = np.zeros(self.program.m) if r_c is None else program.r * r_c * (program.s / size)
        dx, lam = factor.solve(r_x, r_c)
        more = factor.solve(r_x - (W @ dx + d_x * dx + J.T @ lam), r_c - (J @ dx - d_c * lam))
        dx, lam = dx + more[0], lam + more[1]
        left = np.abs(r_x - (W @ dx + d_x * dx + J.T @ lam)).max()
        largest = max(np.abs(r_x).max(), np.abs(J.T @ lam).max() if r_c.any() else 0.0)
        if not left <= _ACCURATE * largest:             # positive pivots by rounding alone
            raise Undetermined(_SINGULAR)
        return dx * program.d * (size / program.s), lam * program.r * size

    def newton_step(self):
        """dx (n,) of one Newton step of the program from the solution, active constraints held fast."""
        program, x = self.program, self._result.x
        c, rows = program.constraints(x), program.c_lower != program.c_upper
        c[rows] += np.maximum(-c[rows], _CLOSEST)
        return self.solve(-program.gradient(x), -c)[0]

    def variances(self, gradients):
        """Variances (k,) of the functions with gradients (k, n)."""
        found = [self.covariance([g])[0, 0] for g in gradients]
        return np.maximum(np.array(found), 0.0)

    def covariance(self, gradients):
        """Covariances (k, k)."""
        G = np.array(gradients)
        return self.combined(G, [self._inverse(g) for g in G], self.scale, self.excess)

    def combined(self, G, V, scale, excess):
        """Covariances (k, k) of gradients G (k, n) with V = Z H⁻¹ Zᵀ G, for given s² and s_v² − s²."""
        found = 2.0 * scale * G @ np.array(V).T
        if not np.any(excess):
            return found
        seen = np.array([self.observed(v) for v in V])
        return found + 2.0 * (seen * excess) @ seen.T

    @functools.cached_property
    def excess(self):
        """s_v² − s² at each observation (n_obs,)."""
        misfit = self.program.misfit
        if self.known:
            return np.zeros(misfit.size)
        count, scale, share = np.bincount(misfit.variable), self.scale, self._room / misfit.size
        if len(count) == 1 or count.min() * share < FEWEST:
            return np.zeros(misfit.size)
        r = misfit.residuals(self.program.elements.local(self._trajectories))
        s = np.bincount(misfit.variable, misfit.weights * r ** 2) / (count * share)
        return s[misfit.variable] - scale

    @functools.cached_property
    def scale(self):
        """s²."""
        return 1.0 if self.known else self.misfit / self._room

    @property
    def misfit(self):
        """Σ ω r² at the solution."""
        return self.program.misfit.at(self._result.x)

    @property
    def _trajectories(self):
        return self._result.x[:self.program.elements.n]

    @property
    def _room(self):
        misfit = self.program.misfit
        room = misfit.size - self.leverage
        if room < 0.5:
            raise Undetermined(f"{misfit.size} observations determine about "
                               f"{self.leverage:.1f} parameters "
                               "and nothing is left for their variance. Give weights 1/σ² and "
                               "known_variance=True.")
        return room

    @functools.cached_property
    def leverage(self):
        """p, the effective number of parameters, tr(Zᵀ F Z H⁻¹) with F the Hessian of the misfit.

        By as many solves as there are free unknowns q (weights, parameters, free starts), or observations
        if they are fewer: with V = Z H⁻¹ Zᵀ E_q and C = E_qᵀ V it is tr(C⁻¹ Vᵀ F V).
        """
        free = self.free
        if free.size > self.program.misfit.size:
            return self._leverage_of_observations()
        V = self.columns(free)
        size = np.sqrt(np.maximum(np.einsum("ii->i", V[:, free]), np.finfo(float).tiny))[:, None]
        seen = np.array([self.observed(v) for v in V / size]).reshape(free.size, -1)
        try:
            found = float(np.trace(np.linalg.solve(V[:, free] / size / size.T, seen @ seen.T)))
        except np.linalg.LinAlgError:
            found = np.nan
        return found if np.isfinite(found) else self._leverage_of_observations()

    def columns(self, places):
        """Rows Z H⁻¹ Zᵀ e_i (k, n) of the unknowns at `places` (k,)."""
        found = [self._inverse(g) for g in _units(places, self.program.n)]
        return np.array(found).reshape(len(places), self.program.n)

    @property
    def free_starts(self):
        """Where the free starts stand in the vector of unknowns."""
        return np.flatnonzero((self.program.elements.first[:, None] & ~self.program.rows.jointed).ravel())

    @property
    def determined_weights(self):
        """How many of the weights of laws the data determine: all but tr(P Z H⁻¹ Zᵀ), those of the prior;
        between none and all where H is without `curvature`.

        Source: D. J. C. MacKay, Neural Computation 4 (1992) 415, γ.
        """
        program, total = self.program, 0.0
        ends = program.elements.n + np.cumsum([0, *program.rows.sizes])
        for P, a, b in zip(program.penalties, ends, ends[1:]):
            C = self.columns(np.arange(a, b))[:, a:b]
            total += np.diag(C) @ P if P.ndim == 1 else np.vdot(P, C)
        return float(sum(program.rows.sizes) - total)

    @property
    def free(self):
        """Where free starts, parameters and weights stand in the vector of unknowns."""
        elements = self.program.elements
        return np.concatenate([self.free_starts,
                               np.arange(elements.n - elements.parameters.n, self.program.n)])

    def observed(self, v):
        """√(2ω) times the change of what is observed, (n_obs,)."""
        misfit, elements = self.program.misfit, self.program.elements
        u, du = elements.local(self._trajectories), elements.local(v[:elements.n])
        return np.sqrt(2.0 * misfit.weights) * misfit.sensitivity(u, du)

    def _leverage_of_observations(self):
        misfit, elements = self.program.misfit, self.program.elements
        total = 0.0
        for e, row, omega in zip(*misfit.rows_at(elements.local(self._trajectories)), misfit.weights):
            u = np.zeros((elements.E, elements.width))
            u[e] = row
            g = np.zeros(self.program.n)
            g[:elements.n] = elements.scatter(u)
            total += 2.0 * omega * (g @ self._inverse(g))
        return total

    # --- gradients ----------------------------------------------------------------------------
    def parameter_gradients(self):
        """Of the parameters, (n_P, n)."""
        elements, n_p = self.program.elements, self.program.elements.parameters.n
        G = np.zeros((n_p, self.program.n))
        G[np.arange(n_p), elements.n - n_p + np.arange(n_p)] = 1.0
        return G

    def law_gradients(self, number, output, a):
        """Of one output of a law at inputs a (k, d), (k, n)."""
        program = self.program
        ends = program.elements.n + np.cumsum([0, *(law.size for law in program.laws)])
        theta = self._result.x[ends[number]:ends[number + 1]]
        G = np.zeros((len(a), program.n))
        G[:, ends[number]:ends[number + 1]] = program.laws[number].at(theta, a).jacobian()[:, output]
        return G

    def curve_gradients(self, k, name, t, inputs):
        """Of a variable or observable of trajectory k at times t (m,), (m, n); inputs (m, n_u)."""
        elements = self.program.elements
        read = Reading(elements, name, [(k, t, inputs)])
        G = np.zeros((len(t), self.program.n))
        rows = read.gradient_rows(elements.local(self._trajectories))
        for g, e, row in zip(G, read.place, rows):
            u = np.zeros((elements.E, elements.width))
            u[e] = row
            g[:elements.n] = elements.scatter(u)
        return G
