"""A network whose weights are functions of free parameters, entry by entry."""


class Reparametrised:
    """N(T(π); x) at one π, from N at its weights T(π): what a `NetworkPoint` gives, in π.

        J = J_N T',   ∇²s = T' ∇²_N s T' + diag(T'' ∘ ∇_N s),   s = Σ_q ⟨ȳ_q, y_q⟩

    Parameters
    ----------
    at : NetworkPoint, or its derivative `Along` a direction of x, of which T knows nothing
    slope, bend : (p,), T' and T''
    """

    def __init__(self, at, slope, bend):
        self._at, self._slope, self._bend = at, slope, bend
        self.size, self.shape = at.size, at.shape

    @property
    def value(self):
        """(q, m)."""
        return self._at.value

    def along(self, x_dot):
        """The derivatives along ẋ (q, d) of all that this point gives."""
        return Reparametrised(self._at.along(x_dot), self._slope, self._bend)

    # --- first order --------------------------------------------------------------------------
    def pullback(self, adjoint, inputs=False, params=True):
        params_bar, x_bar = self._at.pullback(adjoint, inputs, params)
        return self._slope * params_bar if params else None, x_bar

    def pushforward(self, params_dot=None, x_dot=None, keep=False):
        return self._at.pushforward(self._scaled(params_dot), x_dot, keep)

    def jacobian_blocks(self, block=None):
        return ((start, stop, self._slope * J) for start, stop, J in self._at.jacobian_blocks(block))

    def jacobian_rows(self, start, stop):
        J = self._at.jacobian_rows(start, stop)
        J *= self._slope
        return J

    def input_jacobian(self):
        return self._at.input_jacobian()

    # --- second order -------------------------------------------------------------------------
    def curvature(self, adjoint):
        H = self._at.curvature(adjoint)
        H *= self._slope[:, None]
        H *= self._slope
        H.ravel()[::self.size + 1] += self._bend * self._at.pullback(adjoint)[0]
        return H

    def curvature_product(self, adjoint, params_dot=None, x_dot=None, adjoint_dot=None, inputs=True):
        product, x_bar = self._at.curvature_product(adjoint, self._scaled(params_dot), x_dot, adjoint_dot,
                                                    inputs)
        product *= self._slope
        if params_dot is not None:
            product += self._bend * self._at.pullback(adjoint)[0] * params_dot
        return product, x_bar

    def input_curvature(self, adjoint):
        return self._at.input_curvature(adjoint)

    def mixed_curvature_blocks(self, adjoint, block=None):
        return ((start, stop, self._slope * X)
                for start, stop, X in self._at.mixed_curvature_blocks(adjoint, block))

    def mixed_curvature_rows(self, adjoint, start, stop):
        X = self._at.mixed_curvature_rows(adjoint, start, stop)
        X *= self._slope
        return X

    def _scaled(self, params_dot):
        return None if params_dot is None else self._slope * params_dot
