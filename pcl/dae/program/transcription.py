"""A model with laws and data as one nonlinear program, by collocation in time."""

from typing import Any

import numpy as np

from pcl.dae.blocks import multiplied
from pcl.dae.laws.inputs import Inputs
from pcl.dae.program import pointwise
from pcl.dae.program.equations import _pointwise, equations_of
from pcl.dae.program.handover import Handover
from pcl.dae.program.law_curvature import LawCurvature, many
from pcl.dae.program.prior_rows import PriorRows
from pcl.dae.program.structured import RowLayout, StructuredHessian, StructuredJacobian
from pcl.support.types import Array


class Transcription:
    """minimise Σ ω (simulated − observed)² + Σ_l ½ θ_lᵀ P_l θ_l, and the priors of p, over trajectories,
    p and θ, subject to

        r(x', x, y, z, p, u, t) = 0,   z = law(a; θ)    at every node of every element,
        x₀ of an element = end of the one before, or what a jump makes of it,
        x₀ of a trajectory as given, where it is,
        g(x', x, y, z, p, u, t) ≤ 0                      at every node, and bounds.

    The program that `interior_point.solve` takes. Unknowns: x₀ (E, n_x), w (E, K, n_w), p, θ.

    Parameters
    ----------
    model : Model
    laws : list of Law or another `Term`; together they give every output
    elements : Elements
    inputs : (E, K, n_u), u at the nodes
    fixed : bool (E, n_x), which starts are given (first elements only)
    start : (E, n_x), their values; in other elements what a dose adds to what the one before hands on
    misfit : Misfit or ObservedMisfit
    penalties : list of P_l, each a number, (p_l,) or (p_l, p_l)
    leaps : tuple of `leap.Leap`, jumps and starts that follow from parameters

    Attributes
    ----------
    by_products : bool, whether Hessians know the curvature of laws in their weights by products alone
    """

    def __init__(self, model, laws, elements, inputs, fixed, start, misfit, penalties, leaps=()):
        self.model, self.laws, self.elements, self.misfit = model, list(laws), elements, misfit
        self.terms = [law.term for law in self.laws]
        self.equations = equations_of(model)
        self.path: Any = _pointwise(model, pointwise.path) if model.path is not None else None
        self._u = inputs.reshape(elements.E * elements.K, len(model.inputs))
        self._t = elements.times.ravel()
        self.penalties = [_matrix(P, law.size) for P, law in zip(penalties, self.laws)]
        self.handover = Handover(elements, fixed, start, leaps)
        self.rows = RowLayout(elements, [self._law_rows(term) for term in self.terms],
                              self.handover, len(self.path or ()),
                              [law.size for law in self.laws])
        self.n, self.m = self.rows.n, self.rows.m
        self.by_products = many(self.rows)
        self.prior = PriorRows(model, elements) if model.priors else None
        self._inputs = [Inputs(term, model, elements) for term in self.terms]
        self._set_bounds(fixed)
        self._point = None

    # --- the program --------------------------------------------------------------------------
    def objective(self, x: Array) -> float:
        """f."""
        point = self._at(x)
        prior = self.prior.value(point.u) if self.prior else 0.0
        return self.misfit.value(point.u) + prior + sum(
            0.5 * theta @ _product(P, theta) for P, theta in zip(self.penalties, self.rows.parameters(x)))

    def gradient(self, x: Array) -> Array:
        """∇f (n,)."""
        u = self.misfit.gradient(self._at(x).u)
        if self.prior:
            u = u + self.prior.gradient(self._at(x).u)
        u = self.elements.scatter(u)
        theta = [_product(P, theta) for P, theta in zip(self.penalties, self.rows.parameters(x))]
        return np.concatenate([u, *theta])

    def constraints(self, x: Array) -> Array:
        """c (m,)."""
        point, elements = self._at(x), self.elements
        local = np.empty((elements.E * elements.K, elements.n_w))
        n_eq = len(self.equations)
        local[:, :n_eq] = self.equations.residual(point.a, self._u, self._t)
        z = point.a[:, elements.arguments.outputs]
        for inputs, law in zip(self._inputs, point.laws):
            local[:, n_eq + inputs.outputs] = z[:, inputs.outputs] - law.value
        joints = self.handover.residual(x[:elements.n], point.u)
        path = self.path.residual(point.a, self._u, self._t).ravel() if self.path else np.zeros(0)
        return np.concatenate([local.ravel(), joints, path])

    def jacobian(self, x: Array) -> Any:
        """∂c/∂x, a `StructuredJacobian`."""
        point, elements = self._at(x), self.elements
        E, K, n_eq = elements.E, elements.K, len(self.equations)
        J = np.zeros((E, K, elements.n_w, len(elements.arguments)))
        J[:, :, :n_eq] = self.equations.jacobian(point.a, self._u, self._t).reshape(E, K, n_eq, -1)
        weights = []
        for inputs, law in zip(self._inputs, point.laws):
            J[:, :, n_eq + inputs.outputs, elements.arguments.outputs.start + inputs.outputs] = 1.0
            slopes = law.input_jacobian()[..., inputs.variable]
            J[:, :, (n_eq + inputs.outputs)[:, None], inputs.columns] -= slopes.reshape(
                E, K, *slopes.shape[1:])
            weights.append(multiplied(law.jacobian(), -1.0).reshape(E, K * len(inputs.outputs), -1))
        path = (self.path.jacobian(point.a, self._u, self._t) if self.path
                else np.zeros((E * K, 0, J.shape[-1])))
        return StructuredJacobian(self.rows, elements.pull(J),
                                  elements.pull(path.reshape(E, K, *path.shape[1:])), weights,
                                  self.handover.slopes(point.u))

    def hessian(self, x: Array, lam: Array, sigma: float, weights: Any = None) -> Any:
        """∇²(σ f + λᵀc), a `StructuredHessian`; `weights` (p_l, p_l) … stand in for −Σ λ ∂²z/∂θ²."""
        point, elements = self._at(x), self.elements
        local_lam, joint_lam, path_lam = self.rows.split(lam)
        nodes = local_lam.reshape(elements.E * elements.K, elements.n_w)
        n_eq = len(self.equations)
        second = self.equations.hessian(point.a, self._u, self._t, nodes[:, :n_eq])
        if self.path:
            second += self.path.hessian(point.a, self._u, self._t,
                                        path_lam.reshape(elements.E * elements.K, -1))
        mixed, theta = [], []
        for k, (inputs, law, P) in enumerate(zip(self._inputs, point.laws, self.penalties)):
            adjoint = -nodes[:, n_eq + inputs.outputs]
            bend = law.input_curvature(adjoint)[:, inputs.variable][:, :, inputs.variable]
            second[:, inputs.columns[:, None], inputs.columns] += bend
            mixed.append(inputs.unknown(law.mixed_curvature(adjoint)).reshape(
                elements.E, elements.K * len(inputs.columns), self.rows.sizes[k]))
            theta.append(self._weights_block(law, adjoint, sigma, P) if weights is None
                         else _plus(weights[k], sigma, P))
        local = self._local(second, point.u, sigma)
        if self.prior:
            self.prior.add_hessian(point.u, sigma, local)
        for place, bend in self.handover.curvature(point.u, joint_lam):
            local[place] += bend
        return StructuredHessian(self.rows, local, mixed,
                                 [inputs.map for inputs in self._inputs], theta)

    def gauss_newton(self, x, sigma):
        """σ ∇²f alone, a `StructuredHessian`, its misfit without the curvature of observables."""
        elements, sizes = self.elements, self.rows.sizes
        u = self._at(x).u
        local = sigma * self.misfit.gauss_newton(u)
        if self.prior:
            self.prior.add_hessian(u, sigma, local)
        return StructuredHessian(self.rows, local,
                                 [np.zeros((elements.E, 0, size)) for size in sizes],
                                 [np.zeros((0, elements.width)) for _ in sizes],
                                 [_plus(np.zeros((size, size)), sigma, P)
                                  for size, P in zip(sizes, self.penalties)])

    def weight_gradients(self, x, thetas, lam):
        """[∂(λᵀc)/∂θ_l (p_l,), …] at the trajectories of x and the weights `thetas`."""
        point, elements = self._at(x), self.elements
        nodes = self.rows.split(lam)[0].reshape(elements.E * elements.K, elements.n_w)
        return [law.at(theta, inputs.values(point.a, self._u, self._t)).pullback(
                    -nodes[:, len(self.equations) + inputs.outputs])
                for law, inputs, theta in zip(self.terms, self._inputs, thetas)]

    def row_sizes(self, x, typical):
        """(n_eq,), (n_g,): root mean square of Σ |∂row/∂a| · typical (n_a,), or of the row itself where
        that is larger, of equations and paths."""
        point = self._at(x)
        found = []
        for rows in (self.equations, self.path):
            J = rows.jacobian(point.a, self._u, self._t) if rows else np.zeros((1, 0, typical.size))
            r = rows.residual(point.a, self._u, self._t) if rows else np.zeros((1, 0))
            found.append(np.sqrt(np.mean(np.maximum(np.abs(J) @ typical, np.abs(r)) ** 2, axis=0)))
        return found

    def row_name(self, j: int) -> str:
        """Words for constraint j."""
        elements, rows = self.elements, self.rows
        if j < elements.E * rows.n_local:
            e, place = divmod(j, rows.n_local)
            k, row = divmod(place, elements.n_w)
            names = (*self.equations.names, *(f"law of {z}" for z in self.model.outputs))
            return f"{names[row]} {self._where(e, k)}"
        j -= elements.E * rows.n_local
        if j < rows.joints.shape[0]:
            e, i = divmod(int(self.handover.places[j]), elements.n_x)
            return f"start of {self.model.states[i]} in element {e}"
        e, place = divmod(j - rows.joints.shape[0], elements.K * rows.paths)
        k, row = divmod(place, rows.paths)
        return f"path {self.path.names[row]} {self._where(e, k)}"

    def variable_name(self, i: int) -> str:
        """Words for unknown i."""
        elements, model = self.elements, self.model
        if i >= elements.n:
            return f"weight {i - elements.n}"
        p = elements.parameters
        if i >= elements.n - p.n:
            return p.labels(range(len(p.places)))[i - elements.n + p.n]
        if i < elements.E * elements.n_x:
            e, state = divmod(i, elements.n_x)
            return f"{model.states[state]} at the start of element {e}"
        e, place = divmod(i - elements.E * elements.n_x, elements.K * elements.n_w)
        k, name = divmod(place, elements.n_w)
        return f"{(*model.states, *model.algebraic, *model.outputs)[name]} {self._where(e, k)}"

    # --- parts --------------------------------------------------------------------------------
    def _at(self, x):
        point = self._point
        if point is None or not np.array_equal(point.x, x):
            self._point = point = _AtNodes(self, x)
        return point

    def _local(self, second, u, sigma):
        """(E, width, width): Σ_j G_jᵀ S (second) S G_j + σ misfit."""
        elements = self.elements
        E, K = elements.E, elements.K
        second = second.reshape(E, K, *second.shape[1:])
        at = elements.arguments.derivatives
        h = elements.lengths[:, None, None, None]
        second[..., at] /= h
        second[:, :, at] /= h
        half = np.matmul(second, elements.gather).reshape(E, -1, elements.width)
        G = elements.gather.reshape(-1, elements.width)
        return np.matmul(G.T, half) + sigma * self.misfit.curvature(u)

    def _weights_block(self, law, adjoint, sigma, P):
        """Σ ⟨z̄, ∂²z/∂θ²⟩ + σP (p, p), by its products where there are many weights."""
        if self.by_products and P.ndim == 1:
            return LawCurvature(law, adjoint, sigma * P)
        return _plus(law.curvature(adjoint), sigma, P)

    def _law_rows(self, law):
        outputs = np.array([self.model.outputs.index(name) for name in law.outputs])
        nodes = np.arange(self.elements.K)[:, None] * self.elements.n_w
        return (nodes + self.elements.n_x + self.elements.n_y + outputs).ravel()

    def _where(self, e, k):
        time = self.elements.times[e, k]
        return f"at t = {time:g} of trajectory {self.elements.trajectory[e]}"

    def _set_bounds(self, fixed):
        self.x_lower, self.x_upper = (
            np.concatenate([side, np.full(sum(self.rows.sizes), none)]) for side, none in
            zip(bounds_of(self.model, self.elements, fixed), (-np.inf, np.inf)))
        equal = self.m - self.elements.E * self.elements.K * self.rows.paths
        self.c_upper = np.zeros(self.m)
        self.c_lower = np.zeros(self.m)
        self.c_lower[equal:] = -np.inf


class _AtNodes:
    """What is known at one x."""

    def __init__(self, program, x):
        elements = program.elements
        self.x, self.u = x.copy(), elements.local(x[:elements.n])
        self.a = elements.at_points(self.u)
        self.laws = [law.at(theta, inputs.values(self.a, program._u, program._t))
                     for law, inputs, theta in
                     zip(program.terms, program._inputs, program.rows.parameters(x))]


def bounds_of(model, elements, fixed):
    """(lower, upper) of trajectories and parameters (n,); starts that are `fixed` (E, n_x) have none."""
    names, sides = (*model.states, *model.algebraic, *model.outputs), []
    for side, none in enumerate((-np.inf, np.inf)):
        w = np.array([model.limits(name)[side] for name in names])
        w = np.tile(w, (elements.E, elements.K, 1))
        if elements.scheme.points[0] == 0.0:     # a Lobatto slot at the start is a derivative
            w[:, 0, :elements.n_x] = none
        x0 = np.full((elements.E, elements.n_x), none)
        free = elements.first[:, None] & ~fixed
        x0[free] = np.tile(w[:1, -1, :elements.n_x].ravel(), (elements.E, 1))[free]
        names_p = elements.parameters.names
        sides.append(elements.join(x0, w, [model.limits(name)[side] for name in names_p]))
    return sides


def _matrix(P, size):
    """A penalty as (p,) or (p, p)."""
    P = np.asarray(P, dtype=float)
    return np.full(size, float(P)) if P.ndim == 0 else P


def _product(P, theta):
    return P * theta if P.ndim == 1 else P @ theta


def _plus(H, sigma, P):
    """H + σP."""
    if P.ndim == 2:
        return H + sigma * P
    H = np.array(H)
    H.ravel()[::len(P) + 1] += sigma * P
    return H
