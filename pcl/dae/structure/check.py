"""Whether the equations of a model determine its variables, and how: counts, singular parts, index."""

from collections.abc import Sequence

import numpy as np

from pcl.dae.laws.law import Law
from pcl.dae.model import Model
from pcl.dae.structure.index import reduction
from pcl.dae.structure.matching import parts
from pcl.dae.structure.report import Constraint, Report, StructureError

__all__ = ["check", "inspect", "Report", "StructureError"]

_POINTS = 5        # sample points; a generic rank shows at almost every one


def check(model: Model, laws: Law | Sequence[Law] | None = None, points: tuple | None = None,
          seed: int = 0) -> Report:
    """A `Report` on a declared model.

    Parameters
    ----------
    model : Model
    laws : Law or sequence of them, optional
        Outputs are functions of the inputs of their law. Without laws they are known functions of time.
    points : (a, u, t), optional
        Where the Jacobian is evaluated: arguments (n, n_a) = (x', x, y, z, p), inputs (n, n_u), times
        (n,). By default random numbers within the bounds, near 1 where there are none.
    seed : int

    Raises
    ------
    ValueError
        The Jacobian is not finite at any sample point; the wrong number of equations.

    Returns
    -------
    Report
        With `index`, `constraints`, `problems` and `ok`; `require()` raises StructureError.

    Examples
    --------
    A pendulum's constraint x² + y² = 1 is differentiated twice before it tells the force: index 3.

    >>> from pcl import dae
    >>> pendulum = dae.Model(
    ...     states=["x", "y", "u", "w"], algebraic=["force"],
    ...     rates=lambda v: {"x": v.u, "y": v.w, "u": -v.force * v.x, "w": -v.force * v.y - 9.81},
    ...     equations=lambda v: {"rod": v.x ** 2 + v.y ** 2 - 1.0})
    >>> report = dae.check(pendulum)
    >>> report.index, [constraint.order for constraint in report.constraints]
    (3, [0, 1, 2])
    """
    from pcl.dae.program.equations import equations_of
    laws = None if laws is None else [law.term if isinstance(law, Law) else law for law in _listed(laws)]
    pointwise = equations_of(model)
    a, u, t = samples(model, pointwise, seed) if points is None else points
    rates = set(model.states)
    names = [f"rate of {n}" if n in rates else n for n in pointwise.names]
    return inspect(pointwise.jacobian(a, u, t), equations=names, states=model.states,
                   algebraic=model.algebraic, outputs=model.outputs, parameters=model.parameters,
                   inputs=model.inputs, laws=laws, seed=seed)


def inspect(jacobian, *, equations, states, algebraic=(), outputs=(), parameters=(), inputs=(), laws=None,
            seed=0, tolerance=1e-9):
    """A `Report` on the equations F(x', x, y, z, p) = 0 from their Jacobian at sample points.

    Parameters
    ----------
    jacobian : (n_pt, n_eq, n_a) or (n_eq, n_a)
        With respect to (x', x, y, z, p) in this order; what is exactly zero at all points counts as
        absent.
    equations, states, algebraic, outputs, parameters, inputs : names
    laws : objects with `inputs` and `outputs` (names), optional
        See `check`. Their derivatives are replaced by random numbers: a law couples its outputs to all
        its inputs.
    tolerance : relative, what counts as zero in the ranks

    Raises
    ------
    ValueError
        The Jacobian's shape does not fit the names; no sample point with finite entries.
    """
    states, algebraic, outputs = tuple(states), tuple(algebraic), tuple(outputs)
    n_x, groups = len(states), (states, states, algebraic, outputs, parameters)
    ends = np.cumsum([0, *map(len, groups)])
    J = _finite(jacobian, len(equations), int(ends[-1]))
    dx, x, y, z, p = (J[:, :, a:b] for a, b in zip(ends, ends[1:]))
    laws = _listed(laws)
    linked, problems = coupling(laws, (*states, *algebraic), outputs, inputs, seed)
    unknowns = (*states, *algebraic)
    A = np.concatenate([x, y], axis=2) + z @ linked
    E = np.concatenate([dx, np.zeros_like(y)], axis=2)
    counts = {"equations": len(equations), "states": n_x, "algebraic": len(algebraic),
              "outputs": len(outputs), "parameters": len(parameters), "laws": len(laws or ())}
    problems += _absent(E, A, z, p, equations, states, algebraic, outputs)
    problems += _unmatched(E, A, equations, unknowns)
    notes = _unused_parameters(p, parameters)
    if problems:
        return Report(counts, problems=tuple(problems), notes=tuple(notes))
    found = [reduction(e, a, tolerance) for e, a in zip(E, A)]
    return _judged(found, counts, notes, equations, unknowns, n_x)


def _judged(found, counts, notes, equations, unknowns, n_x):
    """The report of reductions at all sample points: the highest index, and a note if they differ."""
    regular = [r for r in found if r.index is not None]
    if not regular:
        names = _join(equations[i] for i in found[0].dependent)
        return Report(counts, notes=tuple(notes), problems=(
            f"The equations {names} are dependent: a combination of them or of their derivatives "
            "vanishes at every sample point. Replace one of them by an independent equation.",))
    if len(regular) < len(found):
        count = f"{len(found) - len(regular)} of {len(found)}"
        notes = [*notes, f"The system is singular at {count} sample points."]
    indices = sorted({r.index for r in regular})
    if len(indices) > 1:
        notes = [*notes, f"The index differs between sample points: {_join(map(str, indices))}."]
    worst = max(regular, key=lambda r: r.index)
    return Report(counts, worst.index, _constraints(worst, equations, unknowns, n_x), (), tuple(notes))


def _constraints(found, equations, unknowns, n_x):
    """`Constraint`s in words."""
    free = _undetermined(found, n_x)
    return tuple(_constraint(d, found, free, equations, unknowns) for d in found.constraints)


def _undetermined(found, n_x):
    """Which unknowns are algebraic and not given by the constraints of order 0."""
    G = np.array([d.coefficients[n_x:] for d in found.constraints if d.order == 0])
    n_y = G.shape[1] if G.size else 0
    if not n_y:
        return np.zeros(n_x + n_y, dtype=bool)
    size = np.linalg.norm(G, axis=1, keepdims=True)
    _, s, Vt = np.linalg.svd(G / np.where(size > 0.0, size, 1.0))
    rank = int(np.count_nonzero(s > 1e-10))
    return np.concatenate([np.zeros(n_x, dtype=bool), np.abs(Vt[rank:]).max(axis=0, initial=0.0) > 1e-9])


def _constraint(d, found, free, equations, unknowns):
    inside = d.coefficients != 0.0
    names = tuple(unknowns[j] for j in np.flatnonzero(inside))
    determines = tuple(unknowns[j] for j in np.flatnonzero(inside & free)) if d.order else ()
    sources = tuple(equations[i] for i in d.origin)
    helpers = tuple(equations[i] for i in d.helpers)
    first = next(c for c in found.constraints if c.row == d.row)
    stated = _join(unknowns[j] for j in np.flatnonzero(first.coefficients))
    text = _sentence(sources, stated, d.order, helpers, names, determines)
    return Constraint(sources, d.order, helpers, names, determines, text)


def _sentence(sources, stated, order, helpers, names, determines):
    what = f"equation{'s' if len(sources) > 1 else ''} {_join(f'`{s}`' for s in sources)} ({stated})"
    inserted = f", with {_join(f'`{h}`' for h in helpers)} inserted," if helpers else ""
    effect = (f"constrains {_join(determines)}" if determines else
              f"constrains {_join(names)}: initial values must satisfy it")
    if not order:
        return f"{what}{inserted} constrains {_join(names)}"
    return f"d{'/dt' if order == 1 else f'^{order}/dt^{order}'} of {what}{inserted} {effect}"


def coupling(laws, unknowns, outputs, inputs, seed):
    """∂z/∂(x, y) with random entries (n_z, n_x + n_y), and sentences about laws that do not fit."""
    C = np.zeros((len(outputs), len(unknowns)))
    problems: list[str] = []
    if laws is None:
        return C, problems
    random, given = np.random.RandomState(seed), []
    for law in laws:
        problems += [f"A law gives {name!r}, which is no output of the model; outputs are "
                     f"{_join(outputs)}."
                     for name in law.outputs if name not in outputs]
        problems += [f"A law takes {name!r}; expected states, algebraic variables, inputs or 't'."
                     for name in law.inputs if name not in (*unknowns, *inputs, "t")]
        given += law.outputs
        for i in (outputs.index(name) for name in law.outputs if name in outputs):
            for j in (unknowns.index(name) for name in law.inputs if name in unknowns):
                C[i, j] = random.uniform(0.5, 1.5) * random.choice([-1.0, 1.0])
    problems += [f"The output {name!r} has no law. Give one, or declare it algebraic with an equation."
                 for name in outputs if name not in given]
    problems += [f"The output {name!r} has {given.count(name)} laws; expected one."
                 for name in outputs if given.count(name) > 1]
    return C, problems


def _absent(E, A, z, p, equations, states, algebraic, outputs):
    """Equations without unknowns, variables without equations."""
    problems = []
    for i, name in enumerate(equations):
        if not (E[:, i].any() or A[:, i].any()):
            what = ("only outputs" if z[:, i].any() else
                    "only parameters" if p[:, i].any() else "no variable at all")
            problems.append(f"The equation {name!r} contains no unknown ({what}).")
    n_x = len(states)
    for j, name in enumerate((*states, *algebraic)):
        if not (E[:, :, j].any() or A[:, :, j].any()):
            problems.append(f"The variable {name!r} appears nowhere.")
        elif j < n_x and not E[:, :, j].any():
            problems.append(f"The derivative of the state {name!r} appears nowhere: declare it "
                            "algebraic.")
    problems += [f"The output {name!r} appears in no equation." for k, name in enumerate(outputs)
                 if not z[:, :, k].any()]
    return problems


def _unmatched(E, A, equations, unknowns):
    """Sentences about the over- and underdetermined parts."""
    pattern = (E != 0.0).any(axis=0) | (A != 0.0).any(axis=0)
    (rows, columns), (under_rows, under_columns) = parts(pattern)
    problems = []
    if rows and columns:
        surplus = _too(len(rows) - len(columns), "many")
        problems.append(f"Overdetermined: the equations {_join(equations[i] for i in rows)} contain "
                        f"only the unknowns {_join(unknowns[j] for j in columns)}, {surplus}.")
    if under_columns and under_rows:
        short = _too(len(under_columns) - len(under_rows), "few")
        problems.append(f"Underdetermined: the unknowns {_join(unknowns[j] for j in under_columns)} "
                        f"appear only in {_join(equations[i] for i in under_rows)}, {short}.")
    if len(equations) != len(unknowns):
        problems.append(f"There are {len(equations)} equations for {len(unknowns)} unknowns (states and "
                        "algebraic variables); expected as many.")
    return problems


def _unused_parameters(p, parameters):
    return [f"The parameter {name!r} appears in no equation." for k, name in enumerate(parameters)
            if not p[:, :, k].any()]


def _too(n, what):
    return f"{n} equation{'s' if n > 1 else ''} too {what}"


def _listed(laws):
    if laws is None:
        return None
    return (laws,) if hasattr(laws, "outputs") else tuple(laws)


def _finite(jacobian, n_eq, n_a):
    """(n_pt, n_eq, n_a) at the sample points where all entries are finite."""
    J = np.asarray(jacobian, dtype=float)
    J = J[None] if J.ndim == 2 else J
    if J.shape[1:] != (n_eq, n_a):
        raise ValueError(f"jacobian has shape {J.shape}; expected (points, {n_eq}, {n_a}): a row an "
                         "equation, a column for each of x', x, y, z, p.")
    good = J[np.isfinite(J).all(axis=(1, 2))]
    if not len(good):
        raise ValueError("the Jacobian is not finite at any sample point; pass `points` where the "
                         "equations can be evaluated.")
    return good


def samples(model, pointwise, seed):
    """Random (a, u, t) where the equations are finite, as far as there are any."""
    random = np.random.RandomState(seed)
    n = 4 * _POINTS
    columns = [random.standard_normal(n) for _ in model.states]
    for name in (*model.states, *model.algebraic, *model.outputs, *model.parameters):
        lower, upper = model.limits(name)
        s = random.uniform(0.5, 1.5, n)
        columns.append(_within(lower, upper, s))
    a, t = np.array(columns).T, random.uniform(size=n)
    u = random.uniform(0.5, 1.5, (n, len(model.inputs)))
    good = np.flatnonzero(np.isfinite(pointwise.jacobian(a, u, t)).all(axis=(1, 2)))[:_POINTS]
    return (a[good], u[good], t[good]) if good.size else (a, u, t)


def _within(lower, upper, s):
    """Numbers s in (0.5, 1.5) moved between bounds."""
    if np.isfinite(lower) and np.isfinite(upper):
        return lower + (upper - lower) * s / 2.0
    if np.isfinite(lower):
        return lower + s
    return upper - s if np.isfinite(upper) else s


def _join(names):
    return ", ".join(names)
