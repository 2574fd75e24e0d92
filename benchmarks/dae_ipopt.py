"""The program of a `dae_cases.SetUp` in CasADi, to be solved by IPOPT: the same unknowns, rows and bounds.

An element is one function of scalar expressions, mapped over the elements; the objective is a constant
sparse map of the unknowns. CasADi derives Jacobian and Hessian with their sparsity. `expand` turns the whole
program into scalar expressions: faster to evaluate for some hundred weights, too large for some thousand.
"""
import time
from dataclasses import dataclass

import casadi as ca
import numpy as np
import scipy.sparse as sp

from pcl.dae.pointwise import equations, path

EXPANDED_UP_TO = 500        # weights; beyond, mapped functions build and evaluate faster


@dataclass(frozen=True)
class Outcome:
    """A finished solve: `seconds` of the solve alone, `status` in IPOPT's words."""

    status: str
    success: bool
    objective: float
    iterations: int
    seconds: float
    violation: float
    x: np.ndarray


class Point:
    """The variables at one node: v.name, v["name"], v.d(state)."""

    def __init__(self, values, slopes):
        self.__dict__.update(values)
        self._slopes = slopes

    def __getitem__(self, name):
        return self.__dict__[name]

    def d(self, state):
        """The derivative of a state."""
        return self._slopes[state]


class Nonlinear:
    """objective f(x), constraints g(x) of a `Transcription` as CasADi functions.

    Parameters
    ----------
    program : Transcription, with tanh networks
    expand : bool, whether into scalar expressions; None chooses by the number of weights
    """

    def __init__(self, program, expand=None):
        self.program = program
        weights = sum(law.size for law in program.laws)
        self.expand = weights <= EXPANDED_UP_TO if expand is None else expand
        x = ca.MX.sym("x", program.n)
        self.nlp = {"x": x, "f": self._objective(x), "g": self._constraints(x)}
        f, g = ca.Function("f", [x], [self.nlp["f"]]), ca.Function("g", [x], [self.nlp["g"]])
        self.objective = lambda at: float(f(at))
        self.constraints = lambda at: np.asarray(g(at)).ravel()

    def solver(self, hessian="exact", tol=1e-6, maxiter=1000, max_seconds=600.0, **ipopt):
        """IPOPT on the program, its derivatives built; `hessian` is "exact" or "limited-memory"."""
        options = {"tol": tol, "max_iter": maxiter, "max_cpu_time": max_seconds, "print_level": 0, "sb": "yes",
                   "linear_solver": "mumps", "hessian_approximation": hessian, **ipopt}
        return ca.nlpsol("solver", "ipopt", self.nlp,
                         {"ipopt": options, "print_time": False, "expand": self.expand})

    def solve(self, x0, solver):
        """The `Outcome` of `solver` from x0."""
        program = self.program
        start = time.perf_counter()
        found = solver(x0=x0, lbx=program.x_lower, ubx=program.x_upper, lbg=program.c_lower,
                       ubg=program.c_upper)
        seconds = time.perf_counter() - start
        stats, x = solver.stats(), np.asarray(found["x"]).ravel()
        c = self.constraints(x)
        violation = max(np.maximum(c - program.c_upper, program.c_lower - c).max(), 0.0)
        return Outcome(stats["return_status"], bool(stats["success"]), float(found["f"]),
                       int(stats["iter_count"]), seconds, float(violation), x)

    # --- parts --------------------------------------------------------------------------------
    def _objective(self, x):
        program, misfit = self.program, self.program.misfit
        elements = program.elements
        columns = elements.columns()[misfit.place]
        row = np.repeat(np.arange(len(misfit.data)), columns.shape[1])
        simulated = sp.coo_array((misfit.rows.ravel(), (row, columns.ravel())),
                                 shape=(len(misfit.data), program.n)).tocsc()
        simulated.eliminate_zeros()
        residuals = ca.mtimes(ca.DM(sp.csc_matrix(simulated)), x) - misfit.data
        f, at = ca.dot(misfit.weights, residuals**2), elements.n
        for law, P in zip(program.laws, program.penalties):
            theta = x[at:at + law.size]
            f, at = f + 0.5 * ca.dot(P, theta**2), at + law.size
        return f

    def _constraints(self, x):
        program, elements = self.program, self.program.elements
        E, K, n_x = elements.E, elements.K, elements.n_x
        a, b = E * n_x, E * (n_x + K * elements.n_w)
        x0, w = ca.reshape(x[:a], n_x, E), ca.reshape(x[a:b], K * elements.n_w, E)
        local, paths, end = self._element().map(E)(x0, w, x[b:], elements.lengths[None],
                                                   program._u.reshape(E, -1).T, elements.times.T)
        after = np.flatnonzero(~elements.first)
        joints = x0[:, after.tolist()] - end[:, (after - 1).tolist()]
        given = program.rows.joints[after.size * n_x:].indices
        starts = x[given.tolist()] - program._known
        return ca.vertcat(ca.vec(local), ca.vec(joints), starts, ca.vec(paths))

    def _element(self):
        """(x₀, w, p and θ, h, u, t) of an element -> (equations and laws, paths, states at its end)."""
        elements, model = self.program.elements, self.program.model
        K, n_x, scheme = elements.K, elements.n_x, elements.scheme
        x0, w = ca.SX.sym("x0", n_x), ca.SX.sym("w", elements.n_w, K)
        rest = ca.SX.sym("rest", self.program.n - elements.n + elements.n_p)
        h, u, t = ca.SX.sym("h"), ca.SX.sym("u", len(model.inputs), K), ca.SX.sym("t", K)
        slots = ca.vertcat(x0.T, w[:n_x, :].T)                                           # (K + 1, n_x)
        states, slopes = ca.mtimes(scheme.value, slots), ca.mtimes(scheme.derivative, slots) / h
        local, paths = [], []
        for k in range(K):
            values = [*ca.horzsplit(states[k, :]), *ca.vertsplit(w[n_x:, k]),
                      *ca.vertsplit(rest[:elements.n_p]), *ca.vertsplit(u[:, k]), t[k]]
            names = (*model.states, *model.algebraic, *model.outputs, *model.parameters, *model.inputs, "t")
            v = Point(dict(zip(names, values)), dict(zip(model.states, ca.horzsplit(slopes[k, :]))))
            local += [*equations(model, v).values(), *self._law_rows(v, rest[elements.n_p:])]
            paths += path(model, v).values()
        end = ca.mtimes(scheme.end[None], slots).T
        return ca.Function("element", [x0, ca.vec(w), rest, h, ca.vec(u), t],
                           [ca.vertcat(*local), ca.vertcat(*paths), end])

    def _law_rows(self, v, theta):
        """z − N(a; θ) of every output, in the model's order."""
        rows, at = {}, 0
        for law in self.program.laws:
            a = (ca.vertcat(*(v[name] for name in law.inputs)) - law.input_shift) / law.input_scale
            z = law.output_shift + law.output_scale * network(law.net, theta[at:at + law.size], a)
            rows.update({name: v[name] - z[i] for i, name in enumerate(law.outputs)})
            at += law.size
        return [rows[name] for name in self.program.model.outputs]


def network(net, theta, a):
    """A tanh MLP at one point a (n_in,)."""
    at, widths = 0, net.widths
    for layer, (rows, columns) in enumerate(zip(widths, widths[1:])):
        W = ca.reshape(theta[at:at + rows * columns], columns, rows)     # stored row by row: this is Wᵀ
        at += rows * columns
        a = ca.mtimes(W, a) + theta[at:at + columns]
        at += columns
        a = ca.tanh(a) if layer < len(widths) - 2 else a
    return a
