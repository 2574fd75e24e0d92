"""The equations of a model at many points at once: values, Jacobians and Hessians, from TensorFlow."""

import numpy as np
import tensorflow as tf

from pcl.dae.model import Variables
from pcl.dae.program import coloured
from pcl.engine.glue.numpy_code import ELEMENTARY, compiled
from pcl.errors import FailedCheck
from pcl.support.nearest import nearest
from pcl.support.numpy_calls import explained

_SPEC = tf.TensorSpec([None, None], tf.float64)
_SAMPLE = 7     # points at which expressions are traced; what is traced holds at any number


class Arguments:
    """Where each variable stands among the arguments a = (x', x, y, z, p) of a point.

    Attributes
    ----------
    names : tuple of the n_a arguments; derivatives are written x'
    derivatives, states, algebraic, outputs, parameters : slices
    """

    def __init__(self, model):
        groups = [tuple(f"{s}'" for s in model.states), model.states, model.algebraic, model.outputs,
                  model.parameters]
        ends = np.cumsum([0, *map(len, groups)])
        self.names = tuple(name for group in groups for name in group)
        (self.derivatives, self.states, self.algebraic, self.outputs,
         self.parameters) = (slice(int(a), int(b)) for a, b in zip(ends, ends[1:]))

    def __len__(self):
        return len(self.names)


def equations(model, v):
    """{name: expression = 0}: x' − f for every rate, then the other equations."""
    rows = {}
    if model.rates is not None:
        rates = model.rates(v)
        if not isinstance(rates, dict):
            raise TypeError(f"rates returns a {type(rates).__name__}; expected a dict {{state: rate}}.")
        unknown = [name for name in rates if name not in model.states]
        if unknown:
            raise ValueError(f"rates has {unknown[0]!r}; expected some of the states "
                             f"{', '.join(model.states)}.{nearest(unknown[0], model.states)}")
        rows.update({name: v.d(name) - _rate(name, rates[name])
                     for name in model.states if name in rates})
    for name, expression in _named(model.equations, v, "equations").items():
        rows[_free(name, rows)] = expression
    wanted = len(model.states) + len(model.algebraic)
    if len(rows) != wanted:
        raise ValueError(
            f"the model has {len(rows)} equations ({', '.join(rows)}) for {wanted} variables: "
            f"{len(model.states)} states and {len(model.algebraic)} algebraic ones; expected as many.")
    return rows


def _rate(name, rate):
    if tf.is_tensor(rate) and rate.dtype != tf.float64:
        raise TypeError(f"the rate of {name!r} has dtype {rate.dtype.name}; expected float64.")
    return rate


def path(model, v):
    """{name: expression ≤ 0}."""
    return _named(model.path, v, "path")


def observable(name):
    """Rows of one entry for `Pointwise`, an observable of the model."""
    def rows(model, v):
        return {name: model.observed[name](v)}
    return rows


def _named(function, v, prefix):
    if function is None:
        return {}
    found = function(v)
    if isinstance(found, dict):
        return dict(found)
    if isinstance(found, (tuple, list)):
        return {f"{prefix}[{i}]": expression for i, expression in enumerate(found)}
    raise TypeError(f"{prefix} returns a {type(found).__name__}; expected a dict {{name: "
                    "expression}} or a list.")


def _free(name, taken):
    return f"{name} (equation)" if name in taken else str(name)


class Pointwise:
    """Expressions r(a, u, t) of a model at points, with their derivatives.

    The pattern of the derivatives is that of the TensorFlow graph: what a row does not contain has
    no entry.

    Parameters
    ----------
    model : Model
    rows : function (model, v) -> {name: expression}; `equations` or `path`

    Attributes
    ----------
    names : tuple of the rows
    arguments : Arguments
    """

    def __init__(self, model, rows=equations):
        self.model, self.arguments = model, Arguments(model)
        self._rows = rows
        self._trace()
        self._require_pointwise()

    def __len__(self):
        return len(self.names)

    def residual(self, a, u, t):
        """r (n, rows) at arguments a (n, n_a), inputs u (n, n_u), times t (n,)."""
        out = np.empty((len(a), len(self)))
        for j, value in enumerate(self._value(a, u, t)):
            out[:, j] = value
        return out

    def jacobian(self, a, u, t):
        """∂r/∂a (n, rows, n_a)."""
        out = np.zeros((len(a), len(self), len(self.arguments)))
        for i, j, value in zip(*self._entries, self._jacobian(a, u, t)):
            out[:, i, j] = value
        return out

    def hessian(self, a, u, t, lam):
        """Σ_j λ_j ∂²r_j/∂a² (n, n_a, n_a), λ (n, rows)."""
        H = np.zeros((len(a), len(self.arguments), len(self.arguments)))
        for i, j, value in zip(*self._pairs, self._hessian(a, u, t, lam)):
            H[:, i, j] = H[:, j, i] = value
        return H

    @property
    def pattern(self):
        """Where ∂r/∂a may differ from zero, bool (rows, n_a)."""
        found = np.zeros((len(self), len(self.arguments)), dtype=bool)
        found[self._entries] = True
        return found

    def _trace(self):
        """Three functions: values, entries of the Jacobian, of the Hessian's upper triangle."""
        with explained("model"):
            tf.function(self._build, autograph=False).get_concrete_function()

    def _build(self):
        widths = (len(self.arguments), len(self.model.inputs), 1)
        a, u, (t,) = [[_placeholder() for _ in range(k)] for k in widths]
        rows = self._expressions(a, u, t)
        self.names = tuple(rows)
        lam = [_placeholder() for _ in rows]
        jacobian, second = coloured.jacobian(list(rows.values()), a), self._second(rows, a, lam)
        self._entries, self._pairs = _places(jacobian), _places(second)
        feeds = [*a, *u, t]
        self._value = _numpy(feeds, list(rows.values())) or self._graph(
            lambda a, rows: list(rows.values()))
        self._jacobian = _numpy(feeds, _present(jacobian)) or self._graph(
            lambda a, rows: _present(coloured.jacobian(list(rows.values()), a)))
        self._hessian = _numpy([*feeds, *lam], _present(second)) or self._graph(
            lambda a, rows, lam: _present(self._second(rows, a, tf.unstack(lam, len(rows)))), 1)

    def _require_pointwise(self):
        """Two points together give what each gives alone."""
        a, u = (np.random.default_rng(0).uniform(0.5, 1.5, (2, k))
                for k in (len(self.arguments), len(self.model.inputs)))
        t = np.array([0.3, 0.7])
        both = self.residual(a, u, t)
        alone = np.concatenate([self.residual(a[[i]], u[[i]], t[[i]]) for i in range(2)])
        bad = ~np.isclose(both, alone, rtol=1e-10, atol=1e-10, equal_nan=True).all(axis=0)
        if bad.any():
            raise ValueError(f"{self.names[int(np.argmax(bad))]!r} at one point depends on other points; "
                             "expected operations that treat each point alone, without sums or shifts.")

    def _graph(self, build, extra=0):
        """The same by TensorFlow, for expressions of other operations."""
        def run(a, u, t, *lam):
            symbols = self._symbols(a, u, t)
            entries = build(symbols[0], self._expressions(*symbols), *lam)
            zero = tf.zeros_like(symbols[2])
            return tf.stack([x + zero for x in entries]) if entries else tf.zeros([0, 0], tf.float64)
        function = tf.function(run, input_signature=[_SPEC] * (3 + extra), autograph=False)

        def call(a, u, t, *lam):
            columns = (a, u, t[:, None], *lam)
            try:
                return function(*(tf.constant(x.T, tf.float64) for x in columns)).numpy()
            except tf.errors.InvalidArgumentError as error:
                raise FailedCheck(f"an operation of the model refuses its input: {error}") from error
        return call

    def _symbols(self, a, u, t):
        return (tf.unstack(a, len(self.arguments)), tf.unstack(u, len(self.model.inputs)), t[0])

    def _expressions(self, a, u, t):
        """{name: tensor (n,)}."""
        at, model = self.arguments, self.model
        names = (*model.states, *model.algebraic, *model.outputs, *model.parameters, *model.inputs, "t")
        v = Variables(dict(zip(names, [*a[at.states.start:], *u, t])),
                      dict(zip(model.states, a[at.derivatives])))
        return {name: _checked(name, expression, t) for name, expression in self._rows(model, v).items()}

    def _second(self, rows, a, lam):
        """Nested list of the upper triangle of Σ λ_j ∂²r_j, None where it vanishes."""
        if not rows:
            return [[None] * len(a) for _ in a]
        return coloured.upper_hessian(tf.add_n([lam[j] * r for j, r in enumerate(rows.values())]), a)


class OneVariable:
    """r = the value of one variable, as `Pointwise` gives it."""

    def __init__(self, model, name):
        self.model, self.names, self.arguments = model, (name,), Arguments(model)
        self._column = self.arguments.names.index(name)

    @property
    def pattern(self):
        """Where ∂r/∂a differs from zero, bool (1, n_a)."""
        return (np.arange(len(self.arguments)) == self._column)[None]

    def residual(self, a, u, t):
        """r (n, 1)."""
        return a[:, [self._column]]

    def jacobian(self, a, u, t):
        """∂r/∂a (n, 1, n_a)."""
        return np.tile(self.pattern.astype(float), (len(a), 1, 1))

    def hessian(self, a, u, t, lam):
        """Zero (n, n_a, n_a)."""
        return np.zeros((len(a), len(self.arguments), len(self.arguments)))


def _checked(name, expression, t):
    """A float64 tensor (n,); scalars are spread over the points."""
    if not tf.is_tensor(expression):
        expression = tf.convert_to_tensor(expression, tf.float64)
    if expression.dtype != tf.float64:
        raise TypeError(f"equation {name!r} has dtype {expression.dtype.name}; expected float64.")
    rank = expression.shape.rank
    if rank == 0:
        return expression + tf.zeros_like(t)
    if rank != 1:
        raise ValueError(f"equation {name!r} has shape {tuple(expression.shape)}; expected one value a "
                         "point, (points,).")
    return expression


def _numpy(feeds, fetches):
    """NumPy's function (a, u, t, λ) -> values (n,): TensorFlow costs more than a few points. Or None."""
    program = compiled(feeds, fetches, ELEMENTARY, _uniform, {})
    if program is None:
        return None

    def call(a, u, t, *lam):
        return program(*a.T, *u.T, t, *(x for each in lam for x in each.T))
    return call


def _uniform(value):
    """A constant as a number, None if it differs from point to point."""
    value = np.asarray(value)
    if value.dtype != np.float64 or value.shape not in ((), (_SAMPLE,)):
        return None if value.dtype == np.float64 else value
    return value.ravel()[0] if (value == value.ravel()[0]).all() else None


def _placeholder():
    return tf.compat.v1.placeholder(tf.float64, [_SAMPLE])


def _places(table):
    """(i, j) of the entries that are not None."""
    found = [(i, j) for i, row in enumerate(table) for j, x in enumerate(row) if x is not None]
    i, j = np.array(found, dtype=int).reshape(-1, 2).T
    return i, j


def _present(table):
    return [x for row in table for x in row if x is not None]
