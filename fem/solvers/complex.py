"""Complex problems with Dirichlet data, such as Helmholtz's equation with an impedance boundary."""

from typing import Any

import numpy as np
import tensorflow as tf

from fem.common.dirichlet import gather
from pcl.nodes.linear.complex import solve_complex as of_parts
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.support.types import ArrayLike, Tensor


def solve_complex(A_re: SparseMatrix, A_im: SparseMatrix, b_re: ArrayLike | Tensor,
                  b_im: ArrayLike | Tensor | None = None, dirichlet: Any = None, dirichlet_im: Any = None,
                  solver: str = "superlu") -> tuple[Tensor, Tensor]:
    """(Re u, Im u) with u = g on the Dirichlet part and ((A_re + i A_im) u)_i = b_i elsewhere.

    Waves in a room with an absorbing wall, −∇·(1/ρ ∇p) − k²p = f and 1/ρ ∂p/∂n = i k p on Γ:

        fem.solve_complex(V.laplace(1/ρ) - V.mass(k**2), V.boundary_mass(-k, Γ), V.load(f))

    Parameters
    ----------
    A_re, A_im : SparseMatrix (n, n), A_re assembled by a `Space` or a `Grid`
    b_re, b_im : tensor or array (n,) or (n, k), b_im zero by default
    dirichlet, dirichlet_im : optional
        Real and imaginary part of g, as in `fem.solve`; g is real where dirichlet_im is left out.
    solver : str
        As in `pcl.solve_complex`.

    Returns
    -------
    two tensors of the shape of b, differentiable to any order

    Raises
    ------
    ValueError
        A_re belongs to no space, the two parts of g are given at different places, and all of
        `pcl.solve_complex`.

    Examples
    --------
    A wave that leaves on the right, u = exp(−i k x): u'' + k² u = 0, u(0) = 1, u'(1) = −i k u(1).

    >>> import numpy as np
    >>> import fem
    >>> V, k = fem.Space(fem.unit_square(8), "P2"), 3.0
    >>> A_re, A_im = V.laplace() - V.mass(k ** 2), V.boundary_mass(k, "right")
    >>> re, im = fem.solve_complex(A_re, A_im, np.zeros(V.n), dirichlet={"left": 1.0})
    >>> exact = np.exp(-1j * k * V.dof_points[:, 0])
    >>> float(np.abs(re.numpy() + 1j * im.numpy() - exact).max().round(3))
    0.0
    """
    space = A_re.space if isinstance(A_re, SparseMatrix) else None
    if space is None:
        raise ValueError("A_re belongs to no space, so its boundary is not known; assemble it by a "
                         "fem.Space, or solve without conditions by pcl.solve_complex.")
    numbers, values = gather(space, dirichlet)
    if dirichlet_im is None:
        return of_parts(A_re, A_im, b_re, b_im, solver, fixed=(numbers, values) if len(numbers) else None)
    imaginary_numbers, imaginary = gather(space, dirichlet_im)
    if not np.array_equal(numbers, imaginary_numbers):
        raise ValueError(f"dirichlet holds {len(numbers)} degrees of freedom and dirichlet_im "
                         f"{len(imaginary_numbers)}; expected the same ones, with 0.0 for zeros.")
    fixed = numbers, tf.convert_to_tensor(values), tf.convert_to_tensor(imaginary)
    return of_parts(A_re, A_im, b_re, b_im, solver, fixed=fixed if len(numbers) else None)
