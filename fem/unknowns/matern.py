"""Matérn fields: the prior of a function that is smooth over a length, and its squared norm."""

import functools
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf
from scipy.sparse.linalg import splu
from scipy.special import gamma as gamma_function

from fem.unknowns.coefficient import Coefficient
from fem.unknowns.jumps import Lift, require_cellwise
from fem.unknowns.regulariser import Regulariser, flat
from pcl.errors import SingularMatrix
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.solve import solve
from pcl.support.arrays import scaled_rows
from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import float64_array
from pcl.uncertainty.prior.base import GaussianPrior

# β = √(γδ)/1.42: the Robin condition that keeps the deviation at the boundary near that inside.
# Source: U. Villa, N. Petra, O. Ghattas, 2021, hIPPYlib, ACM TOMS 47(2), section 2.2 (after Y. Daon,
# G. Stadler, 2018, Inverse Problems and Imaging 12).
ROBIN = 1.42
TOGETHER = 256      # columns of G that `variances` holds at once


class Matern(Regulariser, GaussianPrior):
    """J = ∫ (δ c̃ − ∇·(γ Θ ∇c̃))² dx, c̃ = c − c₀: minus twice the log density of a Matérn field.

        Q = A M⁻¹ A,     A_ij = ∫ γ Θ∇ψ_j·∇ψ_i + δ ψ_j ψ_i dx + ∫_∂Ω β ψ_j ψ_i ds,     J = c̃ᵀ Q c̃

        log p(c) = −½ J + ½ ln det Q − ½ n ln 2π,     Q⁻¹ = G Gᵀ,   G = A⁻¹ F,   F Fᵀ = M

    A field of covariance Q⁻¹ has, away from the boundary, mean c₀, standard deviation σ and the Matérn
    correlation of smoothness ν = 2 − dim/2, which falls to 0.14 at the distance ρ:

        κ = √(8ν)/ρ,    τ² = Γ(ν) / ((4π)^(dim/2) κ^(2ν) σ²),    γ = τ,    δ = τ κ²

    It is a prior of `pcl.Problem.from_data`, prior={"c": fem.Matern(c, length, deviation)}, and a
    regulariser: J is whitened, so that beside misfits divided by their noise Σ r² has its minimum at
    the most probable c.

    Parameters
    ----------
    coefficient : Coefficient
        Of any element with gradients, or P0; of a vector all components are independent.
    length : float
        ρ > 0, in the unit of x: the distance over which c hardly varies.
    deviation : float
        σ > 0, in the unit of c.
    mean : number, function of points, or array (size,)
        c₀ as `Coefficient.init` takes it.
    robin : float or None
        β = √(γδ)/robin. None for ∇c·n = 0, which doubles the variance at a straight boundary, four times
        at a corner.
    anisotropy : (dim, dim), or function of points -> (q, dim, dim), optional
        Θ symmetric positive definite, of determinant 1 to keep σ: lengths grow with √Θ.
    lumped : bool
        Whether M is made diagonal, M_ii = ∫ ψ_i dx (not for P2).

    Notes
    -----
    The residuals are r = F⁻¹ A c̃ (size,) with a sparse factor F Fᵀ = M; with a diagonal M, as in
    Lindgren et al., they are as sparse as A. Σ r² = J to rounding. ln det Q is that of the sparse
    factors; `variances` are exact, by n solves with A. The deviation tends to σ with the
    mesh; measured with eight cells in a length, P1: 0.5 % below in 2-D, 3 % above in 3-D, with a
    diagonal M 4 % and 30 % above. A cellwise c has A c̃ = δ M c̃ + γ Dᵀ σ(c̃) with its lifted gradient
    σ, see `jumps.CellGradient`.

    Sources: F. Lindgren, H. Rue, J. Lindström, 2011, J. R. Stat. Soc. B 73, 423–498 (equations 2 and 10,
    α = 2; ρ in section 2); U. Villa, N. Petra, O. Ghattas, 2021, hIPPYlib (the Robin condition).

    Raises
    ------
    TypeError, ValueError
        No Coefficient, one on a part of the boundary, length or deviation not above 0, an anisotropy that
        is not symmetric positive definite, lumped where an entry would not be positive.

    Examples
    --------
    A field of deviation 0.5 around 1; the deviation in the middle of the square, and a draw:

    >>> import numpy as np
    >>> import fem
    >>> c = fem.Coefficient(fem.Space(fem.unit_square(8)), "P1")
    >>> prior = fem.Matern(c, length=0.5, deviation=0.5, mean=1.0)
    >>> middle = np.argmin(np.linalg.norm(c.points - 0.5, axis=1))
    >>> round(float(np.sqrt(prior.variances()[middle])), 2)
    0.5
    >>> draw = prior.mean + prior.root(np.random.default_rng(0).standard_normal(c.size))
    >>> draw.shape
    (81,)
    """

    def __init__(self, coefficient: Coefficient, length: float, deviation: float, mean: Any = 0.0, *,
                 robin: float | None = ROBIN, anisotropy: Any = None, lumped: bool = False):
        super().__init__(coefficient)
        if coefficient.domain.is_boundary:
            raise ValueError("a Matérn prior is for a coefficient in all of the mesh, not on a part of "
                             "the boundary; take H1 and L2 there.")
        self.length, self.deviation = _positive("length", length), _positive("deviation", deviation)
        self.mean = coefficient.init(mean)
        self.gamma, self.delta = scaling(coefficient.space.dim, self.length, self.deviation)
        self.beta = 0.0 if robin is None else np.sqrt(self.gamma * self.delta) / _positive("robin", robin)
        of = coefficient, self.gamma, self.delta, self.beta, anisotropy
        smooth = "gradient" in coefficient.field.quantities.shapes
        self._factor = _Smooth(*of, _lumps(coefficient, lumped)) if smooth else _Cellwise(*of)

    def residuals(self, theta: ArrayLike | Tensor) -> Tensor:
        """r = F⁻¹ A c̃ (size,), with Σ r² = J, at θ (size,).

        Parameters
        ----------
        theta : array or tensor (size,)

        Raises
        ------
        ValueError
            Another shape.

        Examples
        --------
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
        >>> prior = fem.Matern(c, length=0.5, deviation=0.5, mean=1.0)
        >>> float(abs(prior.residuals(c.init(1.0))).numpy().max())
        0.0
        """
        return self._factor.residuals(self.coefficient.checked(theta) - self.mean)

    # --- as a prior ----------------------------------------------------------------------------
    def check(self, name: str, start: Array) -> None:
        """Refuse a block that is not the coefficient's.

        Parameters
        ----------
        name : str
        start : ndarray

        Raises
        ------
        ValueError
            Another shape than (size,).

        Examples
        --------
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
        >>> fem.Matern(c, length=0.5, deviation=0.5).check("kappa", c.init(0.0))
        """
        if start.shape != self.mean.shape:
            raise ValueError(f"the block {name!r} has shape {start.shape}, but its prior is for "
                             f"{self.coefficient!r}; expected {self.mean.shape}, as coefficient.init "
                             "gives.")

    def root(self, z: Array) -> Array:
        """G z = A⁻¹ F z, of covariance G Gᵀ = Q⁻¹ where z is of covariance 1: a draw, less c₀.

        Parameters
        ----------
        z : ndarray (size,) or (size, k)

        Returns
        -------
        ndarray of the shape of z, in the unit of c

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
        >>> prior = fem.Matern(c, length=0.5, deviation=0.5)
        >>> G = prior.root(np.eye(c.size))
        >>> bool(np.allclose(np.diag(G @ G.T), prior.variances()))
        True
        """
        return self._factor.solve(self._factor.root @ z)

    def root_transposed(self, v: Array) -> Array:
        """Gᵀ v = Fᵀ A⁻¹ v.

        Parameters
        ----------
        v : ndarray (size,) or (size, k)

        Returns
        -------
        ndarray of the shape of v

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
        >>> prior = fem.Matern(c, length=0.5, deviation=0.5)
        >>> one = np.eye(c.size)
        >>> bool(np.allclose(prior.root(one).T, prior.root_transposed(one)))
        True
        """
        return self._factor.root.T @ self._factor.solve(v)

    def log_determinant(self) -> float:
        """ln det Q⁻¹, of the sparse factors.

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
        >>> prior = fem.Matern(c, length=0.5, deviation=0.5)
        >>> full = np.linalg.slogdet(prior.covariance(np.arange(c.size)))[1]
        >>> bool(np.isclose(prior.log_determinant(), full))
        True
        """
        return self._factor.log_determinant

    def variances(self) -> Array:
        """The diagonal of Q⁻¹, (size,), in the unit of c squared; exact, by n solves with A.

        Examples
        --------
        The deviation at a corner, in the middle of a side and inside:

        >>> import numpy as np
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
        >>> np.sqrt(fem.Matern(c, length=0.5, deviation=0.5).variances()[[0, 1, 4]]).round(2).tolist()
        [0.47, 0.46, 0.46]
        """
        found = np.empty(self.mean.size)
        for start in range(0, found.size, TOGETHER):
            numbers = np.arange(start, min(start + TOGETHER, found.size))
            found[numbers] = np.sum(self.root_transposed(self._units(numbers)) ** 2, axis=0)
        return found

    def covariance(self, numbers: ArrayLike) -> Array:
        """Columns of Q⁻¹ = A⁻¹ M A⁻¹ for these unknowns, (size, len(numbers)).

        Parameters
        ----------
        numbers : whole numbers (m,)

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
        >>> prior = fem.Matern(c, length=0.5, deviation=0.5)
        >>> bool(np.isclose(prior.covariance([4])[4, 0], prior.variances()[4]))
        True
        """
        return self.product(self._units(np.ravel(numbers)))

    def _units(self, numbers):
        unit = np.zeros((self.mean.size, len(numbers)))
        unit[numbers, np.arange(len(numbers))] = 1.0
        return unit


class _Smooth:
    """r = F⁻¹ A c̃, A⁻¹ and M = F Fᵀ of an element with gradients."""

    def __init__(self, c, gamma, delta, beta, anisotropy, lumped):
        self._A = _operator(c, gamma, delta, beta, anisotropy)
        self._lumped = lumped
        if lumped:
            areas = _integrals(c)
            self.mass = sp.diags_array(areas)
            self.root = _square_root(areas)
            self._rows = LinearMap(scaled_rows(self._A, 1 / np.sqrt(areas)))
        else:
            B = c.domain.weighted("value").matrix                       # √w ψ_i
            self.mass = sp.csr_array(B.T @ B)
            self.root = cholesky(self.mass)
            self._rows, self._root = LinearMap(self._A), SparseMatrix.from_scipy(self.root)

    def residuals(self, c):
        return self._rows @ c if self._lumped else solve(self._root, self._rows @ c)

    @functools.cached_property
    def _lu(self):
        return splu(sp.csc_array(self._A))

    def solve(self, b):
        return self._lu.solve(b)

    @functools.cached_property
    def log_determinant(self):
        """ln det A⁻¹ M A⁻¹."""
        return _log_determinant(splu(sp.csc_array(self.mass))) - 2.0 * _log_determinant(self._lu)


def cholesky(M: Any) -> Any:
    """A sparse F with F Fᵀ = M symmetric positive definite: P M Pᵀ = L D Lᵀ, F = Pᵀ L √D."""
    lu = splu(sp.csc_array(M), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
              options={"SymmetricMode": True})
    D = lu.U.diagonal()
    if not np.array_equal(lu.perm_r, lu.perm_c) or not (D > 0).all():
        raise SingularMatrix("the mass matrix of the coefficient is not positive definite to rounding.")
    return sp.csr_array((lu.L @ sp.diags_array(np.sqrt(D))).tocsr()[lu.perm_r])


class _Cellwise:
    """The same of one value a cell: M diagonal, A = δ M + γ Dᵀ L⁻¹ D through the lifted gradient."""

    def __init__(self, c, gamma, delta, beta, anisotropy):
        require_cellwise(c)
        if anisotropy is not None or c.space.weight is not None:
            raise ValueError("anisotropy and a weight function are for elements with gradients; take "
                             "'P1' for the coefficient.")
        self._lift, self._k = Lift(c, beta / gamma), c.field.components
        areas = _integrals(c)
        self.root = _square_root(areas)
        self._areas, self._gamma, self._delta = areas[::self._k], gamma, delta

    def residuals(self, c):
        columns = tf.reshape(c, (-1, self._k))
        root = np.sqrt(self._areas)[:, None]
        back = self._lift.load.T @ self._lift.flux(columns)
        return flat(self._delta * root * columns + self._gamma / root * back)

    @functools.cached_property
    def _lu(self):
        """Of L σ − D c = 0, γ Dᵀ σ + δ M c = b."""
        D = self._lift.load.matrix
        M = sp.diags_array(self._delta * self._areas)
        return splu(sp.block_array([[self._lift.mass, -D], [self._gamma * D.T, M]], format="csc"))

    def solve(self, b):
        n, count = len(self._areas), self._lift.mass.shape[0]
        columns = b.reshape(n, -1)                                      # components side by side
        both = self._lu.solve(np.concatenate([np.zeros((count, columns.shape[1])), columns]))
        return both[count:].reshape(b.shape)

    @functools.cached_property
    def log_determinant(self):
        """ln det A⁻¹ M A⁻¹, det A = det of the system over det L, for each component."""
        A = _log_determinant(self._lu) - _log_determinant(splu(sp.csc_array(self._lift.mass)))
        return self._k * (np.log(self._areas).sum() - 2.0 * A)


def _square_root(areas):
    return sp.csr_array(sp.diags_array(np.sqrt(areas)))


def _log_determinant(lu):
    """ln |det A| of the sparse factors of A: those of L are 1."""
    return float(np.log(np.abs(lu.U.diagonal())).sum())


def scaling(dim: int, length: float, deviation: float) -> tuple[float, float]:
    """(γ, δ) of a Matérn field of this length and standard deviation, see `Matern`."""
    nu = 2.0 - dim / 2.0
    kappa = np.sqrt(8.0 * nu) / length
    tau = np.sqrt(gamma_function(nu) / (4.0 * np.pi) ** (dim / 2.0)) / (kappa ** nu * deviation)
    return tau, tau * kappa ** 2


def _lumps(c, lumped):
    """`lumped`, refused where an entry would not be positive."""
    areas = _integrals(c)
    if lumped and not (areas > 1e-8 * areas.max()).all():
        raise ValueError(f"lumped=True, but some functions of {c!r} have the integral 0 or less; leave "
                         "it out.")
    if c.space.unused_dofs.size:
        raise ValueError(f"{c.space.unused_dofs.size} unknowns of {c!r} belong to no cell, where a "
                         "Matérn field says nothing; drop unused nodes: mesh.remove_unused_nodes().")
    return bool(lumped)


def _operator(c, gamma, delta, beta, anisotropy):
    """A, sparse."""
    name = c.field.name
    theta = None if anisotropy is None else _directions(c, anisotropy)

    def inside(u, x):
        flux = u.gradient if theta is None else tf.einsum("qde,q...e->q...d", theta, u.gradient)
        return {name: {"value": delta * u.value, "gradient": gamma * flux}}

    def edge(u, x, normal):
        return {name: {"value": beta * u.value}}
    return sp.csr_array(c.space.matrix(inside, {None: edge} if beta else None).to_scipy())


def _directions(c, anisotropy):
    """Θ at the points, (q, dim, dim), refused unless symmetric and positive definite."""
    dim, points = c.space.dim, c.domain.points
    given = float64_array("anisotropy", anisotropy(points) if callable(anisotropy) else anisotropy)
    if given.shape not in [(dim, dim), (len(points), dim, dim)]:
        raise ValueError(f"anisotropy has shape {given.shape}; expected {(dim, dim)} or "
                         f"{(len(points), dim, dim)}.")
    if not np.allclose(given, np.swapaxes(given, -1, -2)) or np.linalg.eigvalsh(given).min() <= 0.0:
        raise ValueError("anisotropy is not symmetric positive definite everywhere; expected Θ with "
                         "positive eigenvalues, such as np.diag([4.0, 0.25]).")
    return np.broadcast_to(given, (len(points), dim, dim))


def _integrals(c):
    """∫ ψ_i w dx, (size,)."""
    rows, w = c.domain.map("value").matrix, c.domain.weights
    return rows.T @ np.repeat(w, rows.shape[0] // len(w))


def _positive(name, value):
    if not isinstance(value, (int, float, np.floating)) or not 0.0 < value < np.inf:
        raise ValueError(f"{name} is {value!r}; expected a finite number > 0.")
    return float(value)
