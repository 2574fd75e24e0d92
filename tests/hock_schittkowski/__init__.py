"""Problems of W. Hock and K. Schittkowski, Test Examples for Nonlinear Programming Codes,
Lecture Notes in Economics and Mathematical Systems 187, Springer, Berlin 1981.

Numbered as there. Left out: 67 to 70, 85, 87 to 92 and 105 (iterated, integrated, discontinuous or
with long tables of data); 58, 82, 94 and 115 do not exist.
"""
from . import n001_024, n025_045, n046_066, n071_098, n099_108, n109_119

PROBLEMS = (n001_024.PROBLEMS + n025_045.PROBLEMS + n046_066.PROBLEMS + n071_098.PROBLEMS
            + n099_108.PROBLEMS + n109_119.PROBLEMS)

__all__ = ["PROBLEMS"]
