"""A collocated program in units of its own: variables by their sizes, equations by those of their terms.

    x = d ∘ x̂,    ĉ = r ∘ c(d ∘ x̂),    f̂ = f / s;      λ = s r ∘ λ̂,    z = s ẑ / d

d is one number a variable (weights: 1), r one number an equation, s the size of the misfit
(`Misfit.unit`), powers of two: nothing is rounded. The
derivative of a state counts with its size over the horizon at least, and a row with its own value there:
a guess that stands still says nothing of how fast things move. The joints x₀ = end of the element before
are of one variable each and stay as they are. So the absolute
tolerances of the interior point, its barrier and its distances to bounds mean the same for 1e-14 A and
1e9 cells.
Paths are asked to stay ≤ −`MARGIN`, so that they are ≤ 0 whatever violation is left.
"""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from pcl.dae.blocks import multiplied
from pcl.dae.program.handover import Slopes
from pcl.dae.program.structured import StructuredHessian, StructuredJacobian

CONSTRAINT_TOL, MARGIN = 5e-9, 6e-9     # largest violation; distance that paths keep from zero


class Scaled:
    """The scaled program; the methods that a Transcription has.

    Parameters
    ----------
    program : Transcription
    x : (n,), where sizes are taken: root mean squares over all nodes
    parameters : (n_P,) or a number, least sizes of the parameters
    """

    def __init__(self, program, x, parameters=0.0):
        elements = self._elements = program.elements
        self._program, self.rows, self.n, self.m = program, program.rows, program.n, program.m
        w, p, states = _sizes(elements, x)
        p[np.isin(elements.model.parameters, elements.model.exponents)] = 1.0
        p = p[[elements.model.parameters.index(name) for name in elements.parameters.names]]
        self.p = p = np.maximum(p, parameters)
        starts = np.tile(w[:elements.n_x], (elements.E, 1))
        slots = np.tile(w, (elements.E, elements.K, 1))
        self.d = np.concatenate([elements.join(starts, slots, p), np.ones(self.n - elements.n)])
        self.local = elements.local(self.d[:elements.n])[0]                             # (width,)
        with np.errstate(all="ignore"):
            equations, path = program.row_sizes(x, np.concatenate([
                states, w, self.local[len(self.local) - elements.n_p:]]))
        self.row = np.tile(1.0 / _power(np.concatenate([equations, w[elements.n_w - elements.n_z:]])),
                           elements.K)                                                  # (K·n_w,)
        self._path = np.tile(1.0 / _power(path), elements.K)                            # (K·n_g,)
        self._state = self.d[program.handover.places]
        self.r = np.concatenate([np.tile(self.row, elements.E), 1.0 / self._state,
                                 np.tile(self._path, elements.E)])
        self.s = float(_power(np.array(program.misfit.unit)))
        self.x_lower, self.x_upper = program.x_lower / self.d, program.x_upper / self.d
        self.c_lower, self.c_upper = self.r * program.c_lower, self.r * program.c_upper
        self.c_upper[np.isinf(program.c_lower)] -= MARGIN

    def objective(self, x):
        """f̂."""
        return self._program.objective(self.d * x) / self.s

    def gradient(self, x):
        """∂f̂/∂x̂ (n,)."""
        return self.d * self._program.gradient(self.d * x) / self.s

    def constraints(self, x):
        """ĉ (m,)."""
        return self.r * self._program.constraints(self.d * x)

    def jacobian(self, x):
        """∂ĉ/∂x̂."""
        J = self._program.jacobian(self.d * x)
        weights = [multiplied(N, self.row[law][:, None]) for law, N in zip(self.rows.laws, J.weights)]
        return StructuredJacobian(self.rows, J.local * (self.row[:, None] * self.local),
                                  J.path * (self._path[:, None] * self.local), weights,
                                  self._joints(J.joints))

    def hessian(self, x, lam, sigma, weights=None):
        """∇²(σ f̂ + λ̂ᵀĉ)."""
        return self._hessian(self._program.hessian(self.d * x, self.r * lam, sigma / self.s,
                                                   weights=weights))

    def gauss_newton(self, x, sigma):
        """σ ∇²f̂."""
        return self._hessian(self._program.gauss_newton(self.d * x, sigma / self.s))

    def weight_gradients(self, x, thetas, lam):
        """See `Transcription.weight_gradients`."""
        return self._program.weight_gradients(self.d * x, thetas, self.r * lam)

    def row_name(self, j):
        """Words for constraint j."""
        return self._program.row_name(j)

    def variable_name(self, i):
        """Words for unknown i."""
        return self._program.variable_name(i)

    def _joints(self, slopes):
        """Rows of linear joints are of one variable each and stay as they are."""
        if not self._program.handover.leaps:
            return slopes
        size, columns = self.local[:self._elements.n_x, None], sp.diags_array(self.d[:self._elements.n])
        rows = (sp.diags_array(1.0 / self._state) @ slopes.rows @ columns).tocsr()
        return Slopes(rows, rows.T.tocsr(), slopes.ends * self.local / size,
                      slopes.starts * self.local[len(self.local) - self._elements.n_p:] / size)

    def _hessian(self, W):
        return StructuredHessian(self.rows, W.local * (self.local[:, None] * self.local), W.mixed,
                                 [A * self.local for A in W.inputs], W.theta)

    # --- results ------------------------------------------------------------------------------
    def outside(self, result):
        """The result in the units of the program; residuals stay relative to the sizes."""
        found = type(result)(result)
        found.update(x=self.d * result.x, fun=self.s * result.fun, lam=self.s * self.r * result.lam,
                     z_lower=self.s * result.z_lower / self.d, z_upper=self.s * result.z_upper / self.d)
        return found

    def inside(self, result):
        """A result in the units of the program as one of this program."""
        found = type(result)(result)
        found.update(x=result.x / self.d, fun=result.fun / self.s, lam=result.lam / self.r / self.s,
                     z_lower=result.z_lower * self.d / self.s, z_upper=result.z_upper * self.d / self.s)
        return found

    def told(self, callback):
        """The callback, given points and objectives in the units of the program."""
        return lambda snapshot: callback(replace(snapshot, x=self.d * snapshot.x,
                                                 objective=self.s * snapshot.objective))


def _sizes(elements, x):
    """(of the n_w variables, of the n_p parameters, of the derivatives), powers of two."""
    a = elements.at_points(elements.local(x[:elements.n]))
    typical = np.sqrt(np.mean(a ** 2, axis=0))
    at = elements.arguments
    w = np.concatenate([typical[at.states], typical[at.algebraic], typical[at.outputs]])
    horizon = elements.lengths.sum() / len(elements.starts)
    slopes = np.maximum(typical[at.derivatives], typical[at.states] / horizon)
    return _power(w), _power(typical[at.parameters]), _power(slopes)


RESIZED, VANISHED = 1e3, 1e-12    # change of a size that matters; share below which it is rounding


def resized(program, before, after):
    """Whether sizes taken at x = `before` say nothing of those at x = `after`; see `Scaled.p` for
    parameters: they count where they have grown."""
    old = Scaled(program, before)
    new = Scaled(program, after, old.p)
    ratios = np.concatenate([new.d / old.d, new.r / old.r])
    change = np.abs(np.log(ratios[ratios > VANISHED]))
    return bool(change.max(initial=0.0) > np.log(RESIZED))


def worst_row(program, x):
    """(violation relative to the sizes at x, the same row's in the units of the model, its words)."""
    c = program.constraints(x)
    off = np.maximum(np.maximum(program.c_lower - c, c - program.c_upper), 0.0)
    if not off.size:
        return 0.0, 0.0, "no row"
    relative = Scaled(program, x).r * off
    j = int(relative.argmax())
    return float(relative[j]), float(off[j]), program.row_name(j)


def _power(size):
    """The nearest powers of two; 1 where there is no size."""
    size = np.where((size > 0.0) & np.isfinite(size), size, 1.0)
    return np.exp2(np.round(np.log2(size)))
