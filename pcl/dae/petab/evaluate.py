"""Trees as TensorFlow expressions, with exact derivatives of every order."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from pcl.dae.petab.expression import Node
from pcl.support.types import Tensor

_WHOLE = 16         # largest whole exponent that is written as a product, exact where the base is 0


def _all(function):
    return lambda *args: functools.reduce(function, args)


def _log(base, x):
    return tf.math.log(x) / tf.math.log(base)


def _root(degree, x):
    return tf.pow(x, 1.0 / degree)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "plus": _all(operator.add), "times": _all(operator.mul), "divide": operator.truediv,
    "minus": lambda a, *b: a - b[0] if b else -a, "log": _log, "root": _root, "sqrt": tf.sqrt,
    "exp": tf.exp, "ln": tf.math.log, "abs": tf.abs, "sign": tf.sign,
    "min": _all(tf.minimum), "max": _all(tf.maximum),
    "sin": tf.sin, "cos": tf.cos, "tan": tf.tan, "arcsin": tf.asin, "arccos": tf.acos,
    "arctan": tf.atan, "sinh": tf.sinh, "cosh": tf.cosh, "tanh": tf.tanh, "arcsinh": tf.asinh,
    "arccosh": tf.acosh, "arctanh": tf.atanh, "sec": lambda x: 1.0 / tf.cos(x),
    "csc": lambda x: 1.0 / tf.sin(x), "cot": lambda x: 1.0 / tf.tan(x),
    "lt": _all(tf.less), "leq": _all(tf.less_equal), "gt": _all(tf.greater),
    "geq": _all(tf.greater_equal), "eq": _all(tf.equal), "neq": _all(tf.not_equal),
    "and": _all(tf.logical_and), "or": _all(tf.logical_or), "xor": _all(tf.math.logical_xor),
    "not": tf.logical_not, "on": lambda x: x > 0.5, "true": lambda: tf.constant(True),
    "false": lambda: tf.constant(False),
}


class Scope:
    """What symbols stand for at points; the value of a rule is found once.

    Parameters
    ----------
    rules : {symbol: tree}; start : {symbol: tree}, the same at the start
    given : function name -> value of a symbol without a rule
    time : value of t, a tensor or a number
    shape : of the points, where it is known: constants have it, too, as derivatives of operations between
        equal shapes are the shorter ones
    """

    def __init__(self, rules: Mapping[str, Node], start: Mapping[str, Node],
                 given: Callable[[str], Any], time: Any, shape: Sequence[int] = ()):
        self._rules, self._start, self._given, self._time = rules, start, given, time
        self._shape = shape
        self._values: dict[str, Any] = {}
        self._constants: dict[Any, Tensor] = {}
        self._before: Scope | None = None
        self._open: list[str] = []

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            if name in self._open:
                raise ValueError(f"{name!r} is defined by itself: {' → '.join([*self._open, name])}.")
            if name in self._rules:
                self._open.append(name)
                self._values[name] = self._found(self._rules[name])
                self._open.pop()
            else:
                value = self._given(name)
                self._values[name] = value if tf.is_tensor(value) else float(value)
        return self._values[name]

    @property
    def before(self) -> Scope:
        """That of the start."""
        if self._before is None:
            self._before = Scope(self._start, self._start, self._given, 0.0, self._shape)
        return self._before

    def value(self, tree: Node) -> Tensor:
        """A tree as a tensor."""
        found = self._found(tree)
        return found if tf.is_tensor(found) else self._constant(found)

    def _found(self, tree):
        """A tensor, or a number or truth value where the tree has no symbols: it is known already."""
        if tree.op == "number":
            return tree.number
        if tree.op == "symbol":
            return self[tree.name]
        if tree.op == "time":
            return self._time
        if tree.op == "initial":
            return self.before._found(tree.args[0])
        if tree.op == "piecewise":
            return self._piecewise(tree.args)
        if tree.op == "power":
            return self._power(*tree.args)
        return self._operation(OPERATIONS[tree.op], map(self._found, tree.args))

    def _operation(self, function, args):
        args = list(args)
        if any(map(tf.is_tensor, args)):
            return function(*(x if tf.is_tensor(x) else self._constant(x) for x in args))
        with tf.init_scope():
            return function(*map(_constant, args)).numpy().item()

    def _constant(self, value):
        """A number or truth value as a tensor."""
        key = type(value), value
        if key not in self._constants:
            self._constants[key] = _constant(value, self._shape)
        return self._constants[key]

    def _power(self, base, exponent):
        """aᵇ; whole exponents are products, whose derivatives exist at a = 0, too."""
        a, n = self._found(base), exponent.number
        if n is None or n != int(n) or abs(n) > _WHOLE:
            return self._operation(tf.pow, (a, self._found(exponent)))
        if n == 0:
            return 1.0
        product = functools.reduce(operator.mul, [a] * int(abs(n)))
        return product if n > 0 else self._operation(operator.truediv, (1.0, product))

    def _piecewise(self, args):
        """Values and conditions in turn, and what holds otherwise."""
        pairs, rest = list(zip(args[0::2], args[1::2])), args[-1]
        result = self.value(rest)
        for value, condition in reversed(pairs):
            result = tf.where(self.value(condition), self.value(value), result)
        return result


def _constant(value, shape=()):
    return tf.constant(value, tf.bool if isinstance(value, bool) else tf.float64, shape)


class Expressions:
    """A function of the variables of a model: {name: tree} as {name: tensor (points,)}.

    Parameters
    ----------
    trees : {name: tree}; rules, start : see `Scope`
    names : {symbol: name of the variable in the model}
    """

    def __init__(self, trees: Mapping[str, Node], rules: Mapping[str, Node], start: Mapping[str, Node],
                 names: Mapping[str, str]):
        self._trees, self._rules, self._start, self._names = dict(trees), rules, start, names

    def __call__(self, v: Any) -> dict[str, Tensor]:
        scope = Scope(self._rules, self._start, lambda name: v[self._names[name]], v.t,
                      v.t.shape if v.t.shape.is_fully_defined() else ())
        zero = tf.zeros_like(v.t)
        return {name: scope.value(tree) + zero for name, tree in self._trees.items()}


class Expression:
    """The same of one tree; `at_start` in the scope of the start."""

    def __init__(self, tree: Node, rules: Mapping[str, Node], start: Mapping[str, Node],
                 names: Mapping[str, str], at_start: bool = False):
        tree = Node("initial", (tree,)) if at_start else tree
        self._all = Expressions({"": tree}, rules, start, names)

    def __call__(self, v: Any) -> Tensor:
        return self._all(v)[""]
