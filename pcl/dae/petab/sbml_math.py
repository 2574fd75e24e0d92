"""Formulae of SBML, and of PEtab, as trees: a walk along libsbml's syntax tree, no text is executed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pcl.dae.petab.expression import Node, TIME, number, substituted, symbol
from pcl.dae.petab.unsupported import Unsupported

_AVOGADRO = 6.02214179e23       # SBML Level 3 Version 1, 3.4.6
_CONSTANTS = {"AST_CONSTANT_E": 2.718281828459045, "AST_CONSTANT_PI": 3.141592653589793,
              "AST_NAME_AVOGADRO": _AVOGADRO}
_PLAIN = {"AST_PLUS": "plus", "AST_TIMES": "times", "AST_MINUS": "minus", "AST_DIVIDE": "divide",
          "AST_POWER": "power", "AST_FUNCTION_POWER": "power", "AST_FUNCTION_EXP": "exp",
          "AST_FUNCTION_LN": "ln", "AST_FUNCTION_LOG": "log", "AST_FUNCTION_ROOT": "root",
          "AST_FUNCTION_ABS": "abs", "AST_FUNCTION_PIECEWISE": "piecewise", "AST_FUNCTION_MIN": "min",
          "AST_FUNCTION_MAX": "max", "AST_LOGICAL_AND": "and", "AST_LOGICAL_OR": "or",
          "AST_LOGICAL_NOT": "not", "AST_LOGICAL_XOR": "xor", "AST_CONSTANT_TRUE": "true",
          "AST_CONSTANT_FALSE": "false"}
_PLAIN |= {f"AST_RELATIONAL_{name.upper()}": name for name in ("lt", "leq", "gt", "geq", "eq", "neq")}
_PLAIN |= {f"AST_FUNCTION_{name.upper()}": name for name in (
    "sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan",
    "arcsinh", "arccosh", "arctanh")}
_TEXT = {"log2": 2.0, "log10": 10.0}     # functions of PEtab's formulae that SBML does not know


class Reader:
    """Syntax trees of libsbml as `Node`s.

    Parameters
    ----------
    functions : {name: (arguments, body)} of function definitions
    """

    def __init__(self, functions: Mapping[str, tuple[tuple[str, ...], Node]] | None = None):
        import libsbml
        self._kinds = {getattr(libsbml, name): name for name in dir(libsbml) if name.startswith("AST_")}
        self.functions = dict(functions or {})

    def tree(self, ast: Any, where: str) -> Node:
        """The tree of a syntax tree; `where` for messages.

        Raises
        ------
        Unsupported
            Delays, rates of change as a function, and whatever else is not known, by name.
        """
        if ast is None:
            raise Unsupported(f"{where} has no formula.")
        if ast.isNumber():
            return number(ast.getValue())
        kind = self._kinds[ast.getType()]
        if kind in _CONSTANTS:
            return number(_CONSTANTS[kind])
        if kind == "AST_NAME_TIME":
            return TIME
        if kind == "AST_NAME":
            return symbol(ast.getName())
        args = tuple(self.tree(ast.getChild(i), where) for i in range(ast.getNumChildren()))
        if kind == "AST_FUNCTION":
            return self._called(ast.getName(), args, where)
        if kind not in _PLAIN:
            name = ast.getName() or kind.removeprefix("AST_").lower()
            raise Unsupported(f"{where} contains {name!r} ({kind.removeprefix('AST_').lower()}), which "
                              "is not supported.")
        return _node(_PLAIN[kind], args)

    def formula(self, text: str, where: str) -> Node:
        """The tree of a formula of a PEtab table, whose `log` is the natural one."""
        import libsbml
        settings = libsbml.L3ParserSettings()
        settings.setParseLog(libsbml.L3P_PARSE_LOG_AS_LN)
        ast = libsbml.parseL3FormulaWithSettings(str(text), settings)
        if ast is None:
            raise ValueError(f"{where} is {text!r}, which cannot be read: "
                             f"{libsbml.getLastParseL3Error()}")
        return self.tree(ast, where)

    def _called(self, name, args, where):
        if name in self.functions:
            bound, body = self.functions[name]
            if len(bound) != len(args):
                raise ValueError(f"{where} calls {name} with {len(args)} arguments; expected "
                                 f"{len(bound)}.")
            return substituted(body, dict(zip(bound, args)))
        if name in _TEXT and len(args) == 1:
            return Node("log", (number(_TEXT[name]), *args))
        if name == "sign":
            return Node("sign", args)
        raise Unsupported(f"{where} calls the function {name!r}, which is not supported.")


def _node(op, args):
    """A node with the defaults of SBML filled in, numbers with a sign as such."""
    if op in ("plus", "times") and not args:
        return number(op == "times")
    if op == "minus" and len(args) == 1 and args[0].number is not None:
        return number(-args[0].number)
    if op == "piecewise" and len(args) % 2 == 0:
        args = (*args, number(float("nan")))
    return Node(op, args)
