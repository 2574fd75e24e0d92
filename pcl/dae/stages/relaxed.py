"""A first guess made better: data and equations together, in the sense of least squares.

    minimise Σ ω (simulated − observed)²/spread + P mean (equation/size)² + R T Σ_k ∫ z_k'² dt/size_k²

for P = 1, 10², 10⁴, over all trajectories, unknown terms and parameters. Nothing has to hold exactly on
the way, so that poor guesses of what is not observed do no harm: Levenberg–Marquardt on sparse matrices,
steps clipped to the bounds.
"""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from pcl.dae.program.equations import equations_of
from pcl.dae.program.structured import placed
from pcl.dae.program.transcription import bounds_of

PENALTIES = (1.0, 1e2, 1e4)     # P of the passes
# R: a z that moves by its size in a hundredth of the horizon costs a hundredth of the data's spread
ROUGHNESS = 1e-6
_JOINTS = 1e2                   # weight of joints and given starts, relative to P
_ROUNDS, _DAMPING, _CALM = 15, 1e-3, 1e-3   # steps a pass; first damping; relative decrease that ends it
_LOWEST, _HIGHEST = 1e-9, 1e8   # damping


def relaxed(setting, x, penalties=PENALTIES):
    """The guess x (n,) of trajectories and parameters after passes with these P, within their bounds."""
    lower, upper = bounds_of(setting.model, setting.elements, setting.starts[0])
    x = np.clip(x, lower, upper)
    with np.errstate(all="ignore"):
        for penalty in penalties:
            x = _levenberg_marquardt(_Rows(setting, x, penalty), x, lower, upper)
    return x


def _levenberg_marquardt(rows, x, lower, upper):
    damping, r = _DAMPING, rows.residual(x)
    best, J, steps = r @ r, None, 0
    while steps < _ROUNDS and damping < _HIGHEST and np.isfinite(best):
        if J is None:
            J = rows.jacobian(x)
            A, g, steps = (J.T @ J).tocsc(), J.T @ r, steps + 1
        trial = np.clip(x + _step(A, g, damping), lower, upper)
        r_trial = rows.residual(trial)
        found = r_trial @ r_trial
        if not found < best:
            damping *= 10.0
            continue
        decrease, x, r, best, J = best - found, trial, r_trial, found, None
        damping = max(0.1 * damping, _LOWEST)
        if decrease <= _CALM * best:
            break
    return x


def _step(A, g, damping):
    """−(A + damping diag A)⁻¹ g; zero where A cannot be used."""
    diagonal = A.diagonal()
    least = np.finfo(float).eps * np.where(diagonal > 0.0, diagonal, max(diagonal.max(), 1e-300))
    shift = damping * diagonal + least      # column by column: sizes of unseen variables are guesses
    try:
        step = -splu((A + sp.diags_array(shift)).tocsc(), permc_spec="MMD_AT_PLUS_A",
                     diag_pivot_thresh=0.0, options={"SymmetricMode": True}).solve(g)
    except (RuntimeError, ValueError):          # singular, not finite
        return np.zeros(g.size)
    return np.where(np.isfinite(step), step, 0.0)


class _Rows:
    """The residuals whose squares one pass adds up, with scales taken at x."""

    def __init__(self, setting, x, penalty):
        self._setting, self._elements = setting, setting.elements
        self._equations, self._t = equations_of(setting.model), self._elements.times.ravel()
        self._u = setting.inputs.reshape(self._t.size, -1)
        self._columns = self._elements.columns()
        self._used = [(used, self._scale(term.density)[used]) for term, used in
                      zip(self._setting.misfit.terms, setting.misfit.readable(self._elements.local(x)))]
        self._weight = np.sqrt(penalty / self._t.size) / self._sizes(x)
        self._joint_scale = self._joints(x, penalty)
        parts = [self._observations()]
        parts += [self._bending(x)] if self._elements.n_z else []
        self._linear = sp.vstack([rows for rows, _ in parts], format="csr")
        self._right = np.concatenate([right for _, right in parts])

    def residual(self, x):
        """(m,)."""
        u = self._elements.local(x)
        r = self._weight * self._equations.residual(self._elements.at_points(u), self._u, self._t)
        seen = [scale * (reading.value(u) - density.data)[used]
                for (reading, density, _), (used, scale) in zip(self._setting.misfit.terms, self._used)]
        joints = self._joint_scale * self._setting.handover.residual(x, u)
        return np.concatenate([r.ravel(), joints, *seen, self._linear @ x - self._right])

    def jacobian(self, x):
        """Sparse (m, n)."""
        elements = self._elements
        J = self._equations.jacobian(self._points(x), self._u, self._t) * self._weight[:, None]
        rows = placed(elements.pull(J.reshape(elements.E, elements.K, *J.shape[1:])), self._columns,
                      elements.n)
        rows.eliminate_zeros()
        joints = self._setting.handover.slopes(elements.local(x)).rows
        return sp.vstack([rows, sp.diags_array(self._joint_scale) @ joints,
                          *self._through(elements.local(x)), self._linear], format="csr")

    def _through(self, u):
        """Rows of the readings through observables."""
        return [self._read(term.reading.place[used], scale[:, None] * term.reading.gradient_rows(u)[used])
                for term, (used, scale) in zip(self._setting.misfit.terms, self._used)]

    def _scale(self, seen):
        return np.sqrt(seen.weights / self._setting.spread)

    def _read(self, place, rows):
        """Rows (m, width) that act on u of these elements as a sparse matrix (m, n)."""
        i, j = np.nonzero(rows)
        return sp.csr_array((rows[i, j], (i, self._columns[place[i], j])),
                            shape=(len(rows), self._elements.n))

    def _points(self, x):
        return self._elements.at_points(self._elements.local(x))

    def _sizes(self, x):
        """Root mean square of |∂r/∂a| times the typical size of a, of each equation (n_eq,); a state
        that stands still, up to rounding, moves by its size over the horizon."""
        a, at = self._points(x), self._elements.arguments
        J = np.nan_to_num(np.abs(self._equations.jacobian(a, self._u, self._t)), posinf=0.0)
        typical = _rms(a)
        horizon = self._elements.lengths.sum() / len(self._elements.starts)
        typical[at.derivatives] = np.maximum(typical[at.derivatives],
                                             _positive(typical[at.states]) / horizon)
        return _positive(_rms(np.einsum("nra,a->nr", J, typical)))

    def _joints(self, x, penalty):
        """Factors (m_j,) of the rows of `Handover`."""
        typical = _positive(_rms(self._elements.split(x)[0]))       # of each state
        size = typical[self._setting.handover.places % self._elements.n_x]
        return np.sqrt(_JOINTS * penalty / max(1, size.size)) / size

    def _observations(self):
        plain = self._setting.misfit.plain
        scale = self._scale(plain)
        return self._read(plain.place, scale[:, None] * plain.rows), scale * plain.data

    def _bending(self, x):
        elements = self._elements
        n_w, n_z = elements.n_w, elements.n_z
        size = _positive(_rms(elements.split(x)[1][:, :, n_w - n_z:].reshape(-1, n_z)))
        slot = (elements.E * elements.n_x + np.arange(self._t.size)[:, None] * n_w + n_w - n_z
                + np.arange(n_z))                                   # (points, n_z)
        left = np.flatnonzero(np.diff(np.repeat(self._setting.pieces, elements.K)) == 0)
        step = np.maximum(np.diff(self._t)[left], 1e-3 * elements.lengths.mean() / elements.K)
        horizon = elements.lengths.sum() / len(elements.starts)
        value = (np.sqrt(ROUGHNESS * horizon / step / len(elements.starts))[:, None] / size).ravel()
        row = np.arange(value.size)
        column = np.concatenate([slot[left + 1].ravel(), slot[left].ravel()])
        rows = sp.csr_array((np.concatenate([value, -value]), (np.tile(row, 2), column)),
                            shape=(row.size, elements.n))
        return rows, np.zeros(row.size)


def _rms(values):
    return np.sqrt(np.mean(values ** 2, axis=0))


def _positive(size):
    return np.where((size > 0.0) & np.isfinite(size), size, 1.0)
