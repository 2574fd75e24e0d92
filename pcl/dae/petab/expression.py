"""Formulae as trees: what stands between a parser and TensorFlow. Trees are values and can be pickled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

RELATIONS = ("lt", "leq", "gt", "geq", "eq", "neq")


@dataclass(frozen=True)
class Node:
    """An operation on other nodes, a symbol or a number.

    Attributes
    ----------
    op : "number", "symbol", "time", "initial" (the value at the start), or one of `evaluate.OPERATIONS`
    args : tuple of Node
    name : str, of a symbol
    number : float or None
    """

    op: str
    args: tuple[Node, ...] = ()
    name: str = ""
    number: float | None = None


TIME = Node("time")


def number(value: float) -> Node:
    """A number."""
    return Node("number", number=float(value))


def symbol(name: str) -> Node:
    """A symbol."""
    return Node("symbol", name=name)


def times(*args: Node) -> Node:
    """A product, without factors 1."""
    rest = tuple(arg for arg in args if arg.number != 1.0)
    return rest[0] if len(rest) == 1 else Node("times", rest) if rest else number(1.0)


def plus(*args: Node) -> Node:
    """A sum, without terms 0."""
    rest = tuple(arg for arg in args if arg.number != 0.0)
    return rest[0] if len(rest) == 1 else Node("plus", rest) if rest else number(0.0)


def over(a: Node, b: Node) -> Node:
    """a/b."""
    return a if b.number == 1.0 else Node("divide", (a, b))


def mapped(tree: Node, change: Callable[[Node], Node | None]) -> Node:
    """The tree with each node for which `change` gives another one replaced by it, from the root down."""
    found = change(tree)
    if found is not None:
        return found
    return replace(tree, args=tuple(mapped(arg, change) for arg in tree.args)) if tree.args else tree


def substituted(tree: Node, by: Mapping[str, Node]) -> Node:
    """The tree with symbols replaced."""
    return mapped(tree, lambda node: by.get(node.name) if node.op == "symbol" else None)


def leaves(tree: Node, rules: Mapping[str, Node], start: Mapping[str, Node]) -> set[str]:
    """Names of the symbols without a rule that a tree is a function of; "time" stands as ":time".

    rules, start : {symbol: tree}, anywhere and at the start
    """
    found: set[str] = set()
    _collect(tree, rules, start, found, set())
    return found


def _collect(tree, rules, start, found, seen):
    if tree.op == "time":
        found.add(":time")
    elif tree.op == "initial":
        before: set[str] = set()
        _collect(tree.args[0], start, start, before, set())
        found |= before - {":time"}
    elif tree.op == "symbol" and tree.name not in rules:
        found.add(tree.name)
    elif tree.op == "symbol":
        if (tree.name, id(rules)) not in seen:
            seen.add((tree.name, id(rules)))
            _collect(rules[tree.name], rules, start, found, seen)
    for arg in tree.args if tree.op != "initial" else ():
        _collect(arg, rules, start, found, seen)
