"""Matrices of blocks: sparse matrices beside and below each other, and complex ones in real form."""

from collections.abc import Sequence

import numpy as np

from pcl.nodes.linear.matrix import SparseMatrix


def block(blocks: Sequence[Sequence[SparseMatrix | None]]) -> SparseMatrix:
    """The matrix of a table of blocks, None standing for zeros.

        [[A, B.T],        (u; p) ↦ (A u + Bᵀp; B u)
         [B, None]]

    It is linear in the coefficients of all blocks, each of which is differentiated; the same block in two
    places, or a block and its transpose, share theirs. So a saddle point of a viscosity ν is stated by

        pcl.solve(pcl.block([[ν * A, B.T], [B, None]]), b)

    Parameters
    ----------
    blocks : list of rows, each a list of SparseMatrix or None
        Equal heights in a row, equal widths in a column; at least one matrix in each row and column.

    Returns
    -------
    SparseMatrix, which belongs to no space: its unknowns are those of all columns, one after the other.

    Raises
    ------
    TypeError
        An entry is neither a SparseMatrix nor None.
    ValueError
        Rows of different lengths; heights or widths that differ; a row or column of None alone.

    Examples
    --------
    The saddle point A = 2, B = 1: 2u + p = 4, u = 1.

    >>> import pcl
    >>> A = pcl.SparseMatrix.from_entries([0], [0], [2.0], (1, 1))
    >>> B = pcl.SparseMatrix.from_entries([0], [0], [1.0], (1, 1))
    >>> pcl.solve(pcl.block([[A, B.T], [B, None]]), [4.0, 1.0]).numpy()
    array([1., 2.])
    """
    rows = [list(row) for row in blocks] if _is_table(blocks) else []
    if not rows or not rows[0] or len({len(row) for row in rows}) > 1:
        raise ValueError("blocks is no table; expected a list of rows of equal length, such as "
                         "[[A, B.T], [B, None]].")
    for i, row in enumerate(rows):
        for j, A in enumerate(row):
            if A is not None and not isinstance(A, SparseMatrix):
                raise TypeError(f"blocks[{i}][{j}] is a {type(A).__name__}; expected a "
                                "pcl.SparseMatrix, or None for zeros. A constant matrix becomes one by "
                                "SparseMatrix.from_scipy(A).")
    heights = [_common("row", "rows", i, [A and A.shape[0] for A in row]) for i, row in enumerate(rows)]
    widths = [_common("column", "columns", j, [A and A.shape[1] for A in column])
              for j, column in enumerate(zip(*rows))]
    return _assembled(rows, heights, widths)


def _is_table(blocks):
    return isinstance(blocks, (list, tuple)) and all(isinstance(row, (list, tuple)) for row in blocks)


def _common(what, unit, number, sizes):
    """The one size of the blocks in a row or column, (None where there is none)."""
    found = [(k, n) for k, n in enumerate(sizes) if n is not None]
    if not found:
        raise ValueError(f"{what} {number} of blocks is None alone, so its size is not known. Leave "
                         "it out, or give a matrix without entries of its shape.")
    first, size = found[0]
    for k, n in found:
        if n != size:
            raise ValueError(f"{what} {number} of blocks: block {first} has {size} {unit}, block "
                             f"{k} has {n}; expected equal numbers.")
    return size


def _assembled(rows, heights, widths):
    shape, tops, lefts = (sum(heights), sum(widths)), np.cumsum([0, *heights]), np.cumsum([0, *widths])
    structures: list = []
    coefficients: list = []
    positive: list = []
    for row, top in zip(rows, tops):
        for A, left in zip(row, lefts):
            if A is not None:
                structures += [s.placed(shape, int(top), int(left)) for s in A.structures]
                coefficients += A.coefficients
                positive += A.positive
    return SparseMatrix(structures, coefficients, positive=positive)


def complex_block(A: SparseMatrix, B: SparseMatrix) -> SparseMatrix:
    """The real form [[A, −B], [B, A]] of A + iB: (x; y) ↦ (A x − B y; B x + A y) for x + iy.

    Its eigenvalues are those of A + iB and their conjugates. `solve_complex` solves with it.

    Parameters
    ----------
    A, B : SparseMatrix (n, n)

    Returns
    -------
    SparseMatrix (2n, 2n)

    Examples
    --------
    >>> import pcl
    >>> A = pcl.SparseMatrix.from_entries([0], [0], [3.0], (1, 1))
    >>> B = pcl.SparseMatrix.from_entries([0], [0], [4.0], (1, 1))
    >>> (pcl.complex_block(A, B) @ [1.0, 0.0]).numpy()              # (3 + 4i) · 1
    array([3., 4.])
    """
    return block([[A, _negated(B)], [B, A]])


def _negated(A):
    """−A, whose sign is in the open: terms of any sign."""
    return SparseMatrix(A.structures, [-c for c in A.coefficients]) if isinstance(A, SparseMatrix) else A
