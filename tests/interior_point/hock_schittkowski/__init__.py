"""Problems of W. Hock and K. Schittkowski, Test Examples for Nonlinear Programming Codes,
Lecture Notes in Economics and Mathematical Systems 187, Springer, Berlin 1981.

Numbered as there; 58, 82, 94 and 115 do not exist.
"""
from . import n001_024, n025_045, n046_066, n067_105, n071_098, n099_108, n109_119

PROBLEMS = tuple(sorted(
    n001_024.PROBLEMS + n025_045.PROBLEMS + n046_066.PROBLEMS + n067_105.PROBLEMS + n071_098.PROBLEMS
    + n099_108.PROBLEMS + n109_119.PROBLEMS, key=lambda problem: problem.number))

__all__ = ["PROBLEMS"]
