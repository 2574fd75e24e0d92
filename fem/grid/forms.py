"""Matrices, loads and residuals of a grid."""

import tensorflow as tf

from fem.common.coefficient import flattened, spread
from fem.grid.coefficient import at_faces, at_nodes
from fem.grid.control_volumes import ControlVolumes
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.support.types import Coefficient, Tensor


class Forms(ControlVolumes):
    """Integrals over control volumes, linear in a coefficient, and residuals in strong form."""

    def laplace(self, kappa: Coefficient = 1.0, positive: bool = True,
                mean: str = "arithmetic") -> SparseMatrix:
        """A = Gᵀ diag(A_f h_f κ_f) G ≈ ∫_V −∇·(κ∇u) dx, symmetric; A 1 = 0.

        Parameters
        ----------
        kappa : scalar, (n_faces,) at `face_points`, (n,) at nodes; array, tensor, or function of points
            A function is evaluated at `face_points`.
        positive : bool
            Refuse κ ≤ 0 whenever it is evaluated, and s ≤ 0 in multiples s·laplace(κ) (see
            `pcl.SparseMatrix`); pass False to allow any sign.
        mean : 'arithmetic' or 'harmonic'
            From nodes to faces: κ_f = (κ_a + κ_b)/2, or 1/κ_f = (1/κ_a + 1/κ_b)/2, which gives the
            exact flux between two materials that meet at the face. Both are of second order.

        Returns
        -------
        SparseMatrix (n, n), linear in κ_f.

        Raises
        ------
        TypeError, ValueError
            Wrong shape, for example (n, 1); nothing but a scalar is broadcast.
        InvalidCoefficient
            κ not finite, or not positive; names the node or face.

        Examples
        --------
        Two materials in series, 1 and 3: the flux between 0 and 1 is that of their harmonic mean, 1.5.

        >>> import numpy as np
        >>> import fem
        >>> grid = fem.Grid.uniform(5)
        >>> A = grid.laplace(np.array([1.0, 1.0, 3.0, 3.0]))
        >>> u = fem.solve(A, np.zeros(grid.n), {"left": 0.0, "right": 1.0})
        >>> (A @ u).numpy().round(6).tolist()
        [-1.5, 0.0, 0.0, 0.0, 1.5]
        """
        kappa = at_faces(self, kappa, positive, mean)
        return SparseMatrix.from_structure(self._maps.laplace, kappa, space=self, positive=positive)

    def mass(self, rho: Coefficient = 1.0, positive: bool = True) -> SparseMatrix:
        """M = diag(V_i ρ_i); a SparseMatrix (n, n), linear in ρ.

        Parameters
        ----------
        rho : scalar, (n,), or a function of points; array or tensor
        positive : bool
            ρ ≤ 0 is refused as κ in `laplace`, also in multiples, unless False.

        Raises
        ------
        TypeError, ValueError, InvalidCoefficient
            As in `laplace`.

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> grid = fem.Grid.uniform(3)
        >>> (grid.mass(4.0) @ np.ones(3)).numpy().tolist()
        [1.0, 2.0, 1.0]
        """
        rho = at_nodes(self, "rho", rho, scalar=True, positive=positive)
        return SparseMatrix.from_structure(self._maps.mass, rho, space=self, positive=positive)

    def load(self, f: Coefficient = 1.0) -> Tensor:
        """b_i = V_i f_i, a tensor (n,) or (n, k).

        Parameters
        ----------
        f : scalar, (n,), (n, k) for k snapshots, or a function of points (n, dim); array or tensor

        Raises
        ------
        TypeError, ValueError, InvalidCoefficient
            Another shape, not finite.

        Examples
        --------
        >>> import fem
        >>> fem.Grid.uniform(3).load(lambda x: x[:, 0]).numpy().tolist()
        [0.0, 0.25, 0.25]
        """
        f = spread(at_nodes(self, "f", f, scalar=True), self.n)
        volumes = self.volumes if len(f.shape) == 1 else self.volumes[:, None]
        return tf.constant(volumes) * f

    def divergence_form(self, kappa: Coefficient, u: Coefficient, positive: bool = True,
                        mean: str = "arithmetic") -> Tensor:
        """−∇·(κ∇u) at the nodes, −D (κ_f G u): the strong form, for residuals without a solve.

        Parameters
        ----------
        kappa : as in `laplace`; for snapshots u (n, k) also (n_faces, k) or (n, k)
            May depend on u, for example a network at `face_mean @ u`.
        u : array, tensor, or function of points; (n,) or (n, k)
        positive, mean : see `laplace`

        Returns
        -------
        tensor of the shape of u; at boundary nodes nothing flows through the boundary.

        Raises
        ------
        TypeError, ValueError, InvalidCoefficient
            As in `laplace`.

        Examples
        --------
        −((1 + x) u')' of u = x² is −2 − 4x inside:

        >>> import fem
        >>> grid = fem.Grid.uniform(5)
        >>> strong = grid.divergence_form(lambda x: 1.0 + x[:, 0], grid.points[:, 0] ** 2)
        >>> (grid.restriction @ strong).numpy().round(6).tolist()
        [-3.0, -4.0, -5.0]
        """
        u = at_nodes(self, "u", u)
        columns = None if len(u.shape) == 1 else int(u.shape[1])
        kappa = at_faces(self, kappa, positive, mean, columns)
        if len(kappa.shape) < 2:
            return SparseMatrix.from_structure(self._maps.strong, kappa) @ u
        A = SparseMatrix.from_structure(self._maps.strong_snapshots(columns), flattened(kappa))
        return tf.reshape(A @ flattened(u), (self.n, columns))
