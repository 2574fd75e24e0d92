"""A `pcl.dae.program.transcription.Transcription` in CasADi, to be solved by IPOPT: the same unknowns and
rows.

The arguments of the equations at all nodes, the joints and the simulated data are constant sparse maps of
the unknowns; the equations are a function of scalar expressions mapped over the nodes; the network is a
chain of matrix products over all nodes. CasADi derives Jacobian and Hessian with their sparsity. `expand`
turns the whole program into scalar expressions: for some hundred weights the Hessian then takes a small
part of the time, for some thousand the expressions become too large.
"""
import time
from dataclasses import dataclass

import casadi as ca
import numpy as np
import scipy.sparse as sp

from pcl.dae.program.pointwise import equations, path

EXPANDED_UP_TO = 500        # weights; beyond, the Hessian's scalar expressions become too many
ORDERINGS = {"automatic": 7, "approximate minimum degree": 0, "METIS": 5}     # of MUMPS
DERIVED = {"grad_f": "nlp_grad_f", "jac_g": "nlp_jac_g", "hess_lag": "nlp_hess_l"}    # derived once
_TRIAL = 10                 # iterations with each ordering, to choose the fastest


@dataclass(frozen=True)
class Outcome:
    """A finished solve: `seconds` of the processor in the solve alone, `status` in IPOPT's words."""

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
    expand : bool, whether into scalar expressions; None: unless the Hessian of many weights is asked for
    """

    def __init__(self, program, expand=None):
        self.program, self._expand = program, expand
        self._derived = {}
        self._small = sum(law.size for law in program.laws) <= EXPANDED_UP_TO
        x = ca.MX.sym("x", program.n)
        self.nlp = {"x": x, "f": self._objective(x), "g": self._constraints(x)}
        f, g = ca.Function("f", [x], [self.nlp["f"]]), ca.Function("g", [x], [self.nlp["g"]])
        self.objective = lambda at: float(f(at))
        self.constraints = lambda at: np.asarray(g(at)).ravel()

    def solver(self, hessian="exact", tol=1e-6, maxiter=1000, max_seconds=600.0, ordering="automatic",
               **ipopt):
        """IPOPT on the program, its derivatives built.

        `hessian` is "exact" or "limited-memory", `ordering` one of `ORDERINGS`, max_seconds those of the
        processor; further options go to IPOPT as they are.
        """
        expand = self._small or hessian != "exact" if self._expand is None else self._expand
        options = {"tol": tol, "max_iter": maxiter, "max_cpu_time": max_seconds, "print_level": 0,
                   "sb": "yes", "linear_solver": "mumps", "mumps_pivot_order": ORDERINGS[ordering],
                   "hessian_approximation": hessian, **ipopt}
        known = self._derived.get(hessian, {})
        solver = ca.nlpsol("solver", "ipopt", self.nlp,
                           {"ipopt": options, "print_time": False, "expand": expand, **known})
        self._derived[hessian] = {option: solver.get_function(name) for option, name in DERIVED.items()
                                  if solver.has_function(name)}
        return solver

    def fastest_ordering(self, x0, hessian="exact"):
        """The ordering with the fewest seconds over the first iterations"""
        def seconds(ordering):
            return self.solve(x0, self.solver(hessian, maxiter=_TRIAL, ordering=ordering)).seconds
        return min(ORDERINGS, key=seconds)

    def solve(self, x0, solver):
        """The `Outcome` of `solver` from x0."""
        program = self.program
        start = time.process_time()
        found = solver(x0=x0, lbx=program.x_lower, ubx=program.x_upper, lbg=program.c_lower,
                       ubg=program.c_upper)
        seconds = time.process_time() - start
        stats, x = solver.stats(), np.asarray(found["x"]).ravel()
        c = self.constraints(x)
        violation = max(np.maximum(c - program.c_upper, program.c_lower - c).max(), 0.0)
        return Outcome(stats["return_status"], bool(stats["success"]), float(found["f"]),
                       int(stats["iter_count"]), seconds, float(violation), x)

    # --- parts --------------------------------------------------------------------------------
    def _objective(self, x):
        program, misfit = self.program, self.program.misfit
        columns = program.elements.columns()[misfit.place]
        residuals = _mapped(misfit.rows[:, None], columns, program.n, x) - misfit.data
        f = ca.dot(misfit.weights, residuals**2)
        for P, theta in zip(program.penalties, self._weights(x)):
            f += 0.5 * ca.dot(P, theta**2)
        return f

    def _constraints(self, x):
        program, elements = self.program, self.program.elements
        points, n_a = elements.E * elements.K, len(elements.arguments)
        gather = np.broadcast_to(elements.gather, (elements.E, *elements.gather.shape)).copy()
        gather[:, :, elements.arguments.derivatives] /= elements.lengths[:, None, None, None]
        rows = gather.reshape(elements.E, -1, elements.width)
        a = ca.reshape(_mapped(rows, elements.columns(), program.n, x), n_a, points)
        equal, paths = self._point().map(points)(a, program._u.T, program._t[None])
        joints = ca.mtimes(ca.DM(sp.csc_matrix(program.rows.joints)), x[:elements.n])
        return ca.vertcat(ca.vec(ca.vertcat(equal, self._laws(a, x))), joints - program.handover.right,
                          ca.vec(paths))

    def _point(self):
        """(arguments, u, t) of one node -> (equations, paths)."""
        model, at = self.program.model, self.program.elements.arguments
        a, u, t = ca.SX.sym("a", len(at)), ca.SX.sym("u", len(model.inputs)), ca.SX.sym("t")
        names = (*model.states, *model.algebraic, *model.outputs, *model.parameters, *model.inputs, "t")
        values = ca.vertsplit(a[at.states.start:]) + (ca.vertsplit(u) if model.inputs else []) + [t]
        v = Point(dict(zip(names, values)), dict(zip(model.states, ca.vertsplit(a[at.derivatives]))))
        rows = [ca.vertcat(*found(model, v).values()) for found in (equations, path)]
        return ca.Function("point", [a, u, t], [ca.SX(row) for row in rows])

    def _laws(self, a, x):
        """z − N(a; θ) of every output at every node, in the model's order."""
        program, at = self.program, self.program.elements.arguments
        model, rows = program.model, {}
        known = {name: a[at.states.start + i, :]
                 for i, name in enumerate((*model.states, *model.algebraic))}
        known.update(dict(zip(model.inputs, program._u.T[:, None])), t=program._t[None])
        for law, theta in zip(program.laws, self._weights(x)):
            inputs = ca.vertcat(*(known[name] for name in law.inputs))
            scaled = (inputs - law.input_shift) / law.input_scale
            z = law.output_shift + law.output_scale * network(law.net, theta, scaled)
            rows.update({name: z[i, :] for i, name in enumerate(law.outputs)})
        return a[at.outputs, :] - ca.vertcat(*(rows[name] for name in model.outputs))

    def _weights(self, x):
        ends = self.program.elements.n + np.cumsum([0, *(law.size for law in self.program.laws)])
        return [x[int(a):int(b)] for a, b in zip(ends, ends[1:])]


def _mapped(rows, columns, n, x):
    """Rows (e, r, width) of numbers times x at columns (e, width), (e·r,)."""
    i = np.arange(rows.shape[0] * rows.shape[1]).reshape(*rows.shape[:2], 1)
    i, j = np.broadcast_to(i, rows.shape), np.broadcast_to(columns[:, None], rows.shape)
    matrix = sp.csc_matrix((rows.ravel(), (i.ravel(), j.ravel())), shape=(i.max() + 1, n))
    matrix.eliminate_zeros()
    return ca.mtimes(ca.DM(matrix), x)


def network(net, theta, a):
    """A tanh MLP at points a (n_in, points): (n_out, points)."""
    at, widths = 0, net.widths
    for layer, (rows, columns) in enumerate(zip(widths, widths[1:])):
        W = ca.reshape(theta[at:at + rows * columns], columns, rows)     # stored row by row: this is Wᵀ
        at += rows * columns
        a = ca.mtimes(W, a) + ca.repmat(theta[at:at + columns], 1, a.shape[1])
        at += columns
        a = ca.tanh(a) if layer < len(widths) - 2 else a
    return a
