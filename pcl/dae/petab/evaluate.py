"""Trees as TensorFlow expressions, with exact derivatives of every order."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
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
    time : value of t
    """

    def __init__(self, rules: Mapping[str, Node], start: Mapping[str, Node],
                 given: Callable[[str], Any], time: Any):
        self._rules, self._start, self._given, self._time = rules, start, given, time
        self._values: dict[str, Tensor] = {}
        self._before: Scope | None = None
        self._open: list[str] = []

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._values:
            if name in self._open:
                raise ValueError(f"{name!r} is defined by itself: {' → '.join([*self._open, name])}.")
            if name in self._rules:
                self._open.append(name)
                self._values[name] = self.value(self._rules[name])
                self._open.pop()
            else:
                self._values[name] = tf.convert_to_tensor(self._given(name), tf.float64)
        return self._values[name]

    @property
    def before(self) -> Scope:
        """That of the start."""
        if self._before is None:
            self._before = Scope(self._start, self._start, self._given, tf.constant(0.0, tf.float64))
        return self._before

    def value(self, tree: Node) -> Tensor:
        """A tree as a tensor."""
        if tree.op == "number":
            return tf.constant(tree.number, tf.float64)
        if tree.op == "symbol":
            return self[tree.name]
        if tree.op == "time":
            return tf.convert_to_tensor(self._time, tf.float64)
        if tree.op == "initial":
            return self.before.value(tree.args[0])
        if tree.op == "piecewise":
            return self._piecewise(tree.args)
        if tree.op == "power":
            return self._power(*tree.args)
        return OPERATIONS[tree.op](*map(self.value, tree.args))

    def _power(self, base, exponent):
        """aᵇ; whole exponents are products, whose derivatives exist at a = 0, too."""
        a, n = self.value(base), exponent.number
        if n is None or n != int(n) or abs(n) > _WHOLE:
            return tf.pow(a, self.value(exponent))
        product = functools.reduce(operator.mul, [a] * int(abs(n)), tf.ones_like(a)) if n else (
            tf.ones_like(a))
        return product if n >= 0 else 1.0 / product

    def _piecewise(self, args):
        """Values and conditions in turn, and what holds otherwise."""
        pairs, rest = list(zip(args[0::2], args[1::2])), args[-1]
        result = self.value(rest)
        for value, condition in reversed(pairs):
            result = tf.where(self.value(condition), self.value(value), result)
        return result


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
        scope = Scope(self._rules, self._start, lambda name: v[self._names[name]], v.t)
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
