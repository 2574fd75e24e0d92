"""Names, shapes and pairs that do not fit are refused in one sentence."""
import numpy as np
import pytest

import fem
import pcl

SQUARE = fem.unit_square(3)
V = fem.Space(SQUARE, "P1")
W = fem.Space(SQUARE, {"velocity": fem.vector("P2"), "p": "P1"})


def identity(velocity, p, x):
    return {"velocity": {"gradient": velocity.gradient}, "p": {"value": p.value}}


def solved(dirichlet=None, constraints=None):
    return fem.solve(W.matrix(identity), np.zeros(W.n), dirichlet, constraints=constraints)


@pytest.mark.parametrize("call, error, words", [
    (lambda: solved({"velocty": 0.0}), ValueError, "key 'velocty', which is no field.*mean 'velocity'"),
    (lambda: solved({"velocty": {"left": 0.0}}), ValueError, "key 'velocty' .*Did you mean 'velocity'"),
    (lambda: solved({"left": 0.0}), ValueError, "'left', which is no field.*{'velocity': {'left': …}}"),
    (lambda: solved(fem.Dirichlet("left", 0.0, "q")), ValueError, "field is 'q'; the space has 'vel"),
    (lambda: solved({"p": {"lefft": 0.0}}), ValueError, "boundary 'lefft' is not known.*mean 'left'"),
    (lambda: solved({"velocity": fem.Dirichlet("left", 0.0, component="norml")}), ValueError,
     "component is 'norml'; .* has 0, 1, 'normal', 'tangential'"),
    (lambda: W.observe([[0.5, 0.5]], quantity="gradiant", field="p"), ValueError,
     "has no gradiant; it has value, gradient. Did you mean 'gradient'"),
    (lambda: W.observe([[0.5, 0.5]], quantity="curl", field="p"), ValueError, "'p' .* has no curl"),
    (lambda: W.periodic("left", "right"), ValueError, "no field is named; .*field='velocity'"),
    (lambda: V.periodic("left", "left"), ValueError, "'left', 'left' is a side and itself"),
    (lambda: V.periodic("left", "bottom"), ValueError, "'left', 'bottom' does not match: the node at"),
    (lambda: V.periodic("left", ["bottom", "right"]), ValueError, "'left' has 4 unknowns and .* has 7"),
    (lambda: V.rigid_motions(), ValueError, "rigid motions are those of a displacement"),
    (lambda: solved(constraints="periodic"), TypeError, "constraints holds a str; expected fem.Cons"),
    (lambda: fem.solve(V.laplace(), V.load(), constraints=fem.Constraint([[1.0] * 3])), ValueError,
     "matrix of a constraint has 3 columns; expected 16"),
    (lambda: fem.solve(V.laplace(), V.load(), 0.0, constraints=fem.Constraint(np.zeros((1, 16)), 1.0)),
     ValueError, "a row of zeros that is to be equal to 1"),
    (lambda: fem.Constraint(np.ones((2, 16)), np.ones(3)), ValueError, r"\(3,\); expected \(\) or .2"),
    (lambda: fem.solve(V.laplace(), V.load(), {"left": 0.0, "bottom": 1.0}), ValueError,
     "degree of freedom 0 has two different Dirichlet values, 0 and 1 .at 'left' and at 'bottom'"),
    (lambda: solved({"velocity": [fem.Dirichlet("left", 0.0, component=1), fem.Dirichlet("top", 2.0)]}),
     ValueError, r"values, 0 and 2 .at 'left' of velocity .component 1. and at 'top' of velocity"),
    (lambda: solved({"velocity": np.zeros(3)}), ValueError,
     r"shape \(3,\); expected \(\) or \(48,\) or \(2,\) or \(48, 2\)"),
    (lambda: W.system(identity, {"left": lambda v, p, x: {}}), TypeError,
     r"takes 3 arguments; expected \(velocity, p, x, normal\)"),
    (lambda: W.residual(lambda v, p, x: {"velocity": {"value": x[:, 0]}}, np.zeros(W.n)), ValueError,
     r"multiplies the value of velocity has shape \(\d+,\); expected \(\d+, 2\)"),
    (lambda: W.residual(lambda v, p, x: {"velcity": {"value": x}}, np.zeros(W.n)), ValueError,
     "a field 'velcity'.*Did you mean 'velocity'"),
    (lambda: fem.march(V, pcl.FirstOrder(V.mass(), V.laplace()), 0.0, [0.0, 0.1], constraints=[3]),
     TypeError, "constraints holds a int"),
])
def test_what_does_not_fit_is_refused_with_what_would(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_node_without_a_partner_is_named():
    p = SQUARE.p.copy()
    p[1, (p[0] == 0.0) & (np.abs(p[1] - 1 / 3) < 1e-9)] = 0.4
    moved = fem.Space(type(SQUARE)(p, SQUARE.t).with_boundaries({
        "left": lambda x: x[0] == 0.0, "right": lambda x: x[0] == 1.0}), "P1")
    with pytest.raises(ValueError, match=r"does not match: the node at \(0, 0.4\), shifted by \(1, 0\)"):
        moved.periodic("left", "right")
