"""A sparse triangular matrix in dense blocks of columns: substitution at the speed of dense products.

The columns fall into ranges I_1, I_2, …; with R_k the rows below I_k where its columns have entries,

    L x = b      x_I = L_II⁻¹ b_I,   b_R ← b_R − L_RI x_I          for the ranges in order
    Lᵀx = b      x_I = L_II⁻ᵀ (b_I − L_RIᵀ x_R)                    backwards

L_II and L_RI are held dense, their zeros too. Any ranges are right; good ones join columns with much the
same rows, which a fill-reducing order puts side by side. They are halves of halves of a range of
WIDTHS[-1] columns, each split where that saves multiplications.

Source: the supernodes of J. W. Demmel, S. C. Eisenstat, J. R. Gilbert, X. S. Li, J. W. H. Liu, "A
supernodal approach to sparse partial pivoting", SIAM J. Matrix Anal. Appl. 20 (1999) 720–755, joined much
further than there: what counts is the time of hundreds of right-hand sides, not the memory.
"""

import numpy as np
import scipy.sparse as sp
from scipy.linalg.blas import dtrsm

# Columns in a range.
WIDTHS = 8, 16, 32, 64, 128

# What a row of b that is fetched and put back costs, and a range, in multiplications of one right-hand
# side: measured with 256 of them.
ROW, RANGE = 30, 2000


class DenseBlocks:
    """A lower triangular matrix (n, n), sparse and with its whole diagonal, as above."""

    def __init__(self, matrix):
        entries = _Entries(sp.csr_array(matrix))
        self._starts = entries.ranges()
        self._diagonal, self._rows, self._below = entries.blocks(self._starts)

    def forward(self, x):
        """x ← L⁻¹ x in place, x (n, k) C-contiguous."""
        fetched, product = np.empty((2, self._most_rows(), x.shape[1]))
        for k, rows in enumerate(self._rows):
            own = self._substitute(k, x, transpose=False)
            if len(rows):
                new = np.take(x, rows, axis=0, out=fetched[:len(rows)], mode="clip")
                new -= np.matmul(self._below[k], own, out=product[:len(rows)])
                x[rows] = new

    def backward(self, x):
        """x ← L⁻ᵀ x in place."""
        fetched = np.empty((self._most_rows(), x.shape[1]))
        product = np.empty((WIDTHS[-1], x.shape[1]))
        for k in reversed(range(len(self._rows))):
            rows, own = self._rows[k], x[self._starts[k]:self._starts[k + 1]]
            if len(rows):
                known = np.take(x, rows, axis=0, out=fetched[:len(rows)], mode="clip")
                own -= np.matmul(self._below[k].T, known, out=product[:len(own)])
            self._substitute(k, x, transpose=True)

    def _substitute(self, k, x, transpose):
        """x_I ← L_II⁻¹ x_I or L_II⁻ᵀ x_I; BLAS is shown xᵀ and Lᵀ, which lie there by columns."""
        own = x[self._starts[k]:self._starts[k + 1]]
        dtrsm(1.0, self._diagonal[k].T, own.T, side=1, lower=0, trans_a=transpose, overwrite_b=1)
        return own

    def _most_rows(self):
        return max(map(len, self._rows))


class _Entries:
    """The entries below the diagonal, row by row and in the order of their columns."""

    def __init__(self, matrix):
        matrix.sort_indices()
        self.n, self.diagonal = matrix.shape[0], matrix.diagonal()
        row = np.repeat(np.arange(self.n), np.diff(matrix.indptr))
        below = row > matrix.indices
        self.row, self.col, self.value = row[below], matrix.indices[below], matrix.data[below]

    def ranges(self):
        """First column of each range, and n: the cheapest halving of ranges of WIDTHS[-1] columns."""
        best, halved = self._cost(WIDTHS[0]), []
        for width in WIDTHS[1:]:
            cost, halves = self._cost(width), np.add.reduceat(best, np.arange(0, len(best), 2))
            halved.append(halves < cost)
            best = np.minimum(halves, cost)
        starts, there = [np.arange(0, self.n, WIDTHS[-1])], np.ones(len(best), bool)
        for half, cheaper in zip(WIDTHS[-2::-1], halved[::-1]):
            there = there[:len(cheaper)] & cheaper
            starts.append(np.flatnonzero(there) * 2 * half + half)
            there = np.repeat(there, 2)
        starts = np.sort(np.concatenate(starts))
        return np.append(starts[starts < self.n], self.n)

    def _cost(self, width):
        """Multiplications of one right-hand side for each range of this width."""
        first = np.arange(0, self.n, width)
        block = self.col // width
        new = self._begins_row(block) & (self.row >= (block + 1) * width)
        rows = np.bincount(block[new], minlength=len(first))
        width = np.minimum(width, self.n - first)
        return width * (0.5 * width + rows) + ROW * rows + RANGE

    def _begins_row(self, block):
        """Whether an entry is the first of its row in its block of columns."""
        first = np.ones(len(block), bool)
        first[1:] = (self.row[1:] != self.row[:-1]) | (block[1:] != block[:-1])
        return first

    def blocks(self, starts):
        """Lists of L_II, of R and of L_RI of the ranges."""
        width = np.diff(starts)
        number = np.repeat(np.arange(len(width)), width)
        block, col = number[self.col], self.col - starts[number[self.col]]
        inside = self.row < starts[block + 1]
        diagonal = _dense(np.append(block[inside], number),
                          np.append(self.row[inside] - starts[block[inside]], _within(starts)),
                          np.append(col[inside], _within(starts)),
                          np.append(self.value[inside], self.diagonal), width, width)
        new = self._begins_row(block) & ~inside
        order = np.argsort(block[new], kind="stable")
        counts = np.bincount(block[new], minlength=len(width))
        ends = np.append(0, np.cumsum(counts))
        place = np.empty(len(order), int)
        place[order] = _within(ends)
        place = place[np.cumsum(new)[~inside] - 1]
        below = _dense(block[~inside], place, col[~inside], self.value[~inside], counts, width)
        return diagonal, np.split(self.row[new][order], ends[1:-1]), below


def _within(starts):
    """0, 1, … from the beginning of each range."""
    return np.arange(starts[-1]) - np.repeat(starts[:-1], np.diff(starts))


def _dense(block, row, col, value, heights, widths):
    """Dense blocks with the `value` at (row, col) of the numbered `block`."""
    ends = np.append(0, np.cumsum(heights * widths))
    flat = np.zeros(ends[-1])
    flat[ends[block] + row * widths[block] + col] = value
    return [part.reshape(h, w) for part, h, w in zip(np.split(flat, ends[1:-1]), heights, widths)]
