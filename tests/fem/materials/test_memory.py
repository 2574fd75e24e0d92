"""Materials with memory against closed forms of one stressed bar, and their derivatives."""
import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl
from fem.materials import deviator, maxwell, plane_strain, radial_return, trace

BAR = fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, 3)), "P1")
CUBE = fem.Space(skfem.MeshHex(), fem.vector("P1"))
ENDS = (lambda x: x[:, 0] == 0.0, lambda x: x[:, 0] == 1.0)

E, NU, YIELD, H = 200.0, 0.3, 0.25, 20.0
SHEAR, BULK = E / (2.0 + 2.0 * NU), E / (3.0 - 6.0 * NU)


# --- viscoelasticity -----------------------------------------------------------------------------
def relaxation(theta, times, strain):
    """A standard linear solid, σ = E∞ ε + h, held at a strain reached in the first step."""
    def form(u, x, before, t, dt):
        slope = u.gradient[:, 0]
        h = maxwell(before["h"], theta["E1"] * (slope - before["strain"]), dt, theta["tau"])
        return {"u": {"gradient": (theta["E0"] * slope + h)[:, None]}}, {"h": h, "strain": slope}
    ends = [fem.Dirichlet(ENDS[0], 0.0), fem.Dirichlet(ENDS[1], strain)]
    return fem.march_states(BAR, form, times, {"h": 0.0, "strain": 0.0}, dirichlet=ends)


def test_a_maxwell_element_relaxes_like_the_exponential_whatever_the_steps():
    times = np.array([0.0, 0.1, 0.15, 0.9, 3.0])
    states = relaxation({"E0": 2.0, "E1": 5.0, "tau": 0.7}, times, 0.01)
    first = 0.01 * 5.0 * 0.7 / 0.1 * (1.0 - np.exp(-0.1 / 0.7))             # a ramp
    exact = 2.0 * 0.01 + first * np.exp(-(times[1:] - 0.1) / 0.7)
    np.testing.assert_allclose(states.reaction(ENDS[1])[0], exact, rtol=1e-12)
    np.testing.assert_allclose(states.reaction(ENDS[0])[0], -exact, rtol=1e-12)
    assert states.at_points["h"].shape == (len(BAR.quadrature_points), 4)


def test_derivatives_in_moduli_and_relaxation_time_are_exact():
    times = np.array([0.0, 0.1, 0.5, 2.0])
    problem = pcl.Problem.from_residuals(
        lambda theta: relaxation(theta, times, 0.5).reaction(ENDS[1])[0] - 1.2,
        {"E0": 2.0, "E1": 5.0, "tau": 0.7})
    assert pcl.check_gradient(problem).ok and pcl.check_hessian(problem).ok


# --- plasticity ----------------------------------------------------------------------------------
def pulled(strains, hardening, yield_stress=YIELD, shear=SHEAR):
    """A cube on rollers pulled along x to these strains, one a step; free sideways."""
    times, table = np.arange(len(strains) + 1.0), tf.constant(np.r_[0.0, strains])

    def form(u, x, before, t, dt):
        strain = plane_strain(u.gradient)
        s, plastic, hardened = radial_return(deviator(strain), before["plastic"], before["hardened"],
                                             shear, yield_stress, hardening)
        stress = s + (BULK * trace(strain))[:, None, None] * np.eye(3)
        return {"u": {"gradient": stress}}, {"plastic": plastic, "hardened": hardened}

    def rollers(t):
        held = [fem.Dirichlet(lambda x, d=d: x[:, d] == 0.0, 0.0, component=d) for d in range(3)]
        now = tf.gather(table, tf.cast(tf.round(t), tf.int32))
        return [*held, fem.Dirichlet(ENDS[1], now, component=0)]
    return fem.march_states(CUBE, form, times, {"plastic": np.zeros((3, 3)), "hardened": 0.0},
                            dirichlet_at=rollers)


def tension(strains, slope):
    """σ(ε) of a bar with σ_y = σ₀ + H p: elastic to the yield stress, then EH/(E + H)."""
    plastic = length = 0.0
    stresses = []
    for strain in strains:
        trial = E * (strain - plastic)
        excess = max(abs(trial) - YIELD - slope * length, 0.0)
        length += excess / (E + slope)
        plastic += np.sign(trial) * excess / (E + slope)
        stresses.append(E * (strain - plastic))
    return np.array(stresses)


STRAINS = np.array([0.001, 0.002, 0.004, 0.003, -0.002, 0.001])


@pytest.mark.parametrize("as_function", [False, True], ids=["closed form", "pointwise Newton"])
def test_tension_and_reversal_follow_the_bilinear_curve(as_function):
    hardening = (lambda p: YIELD + H * p) if as_function else H
    states = pulled(STRAINS, hardening)
    np.testing.assert_allclose(states.reaction(ENDS[1])[0], tension(STRAINS, H), rtol=1e-9)
    plastic = states.at_points["plastic"]
    np.testing.assert_allclose(tf.linalg.trace(tf.transpose(plastic, [0, 3, 1, 2])), 0.0, atol=1e-15)


def test_voce_hardening_ends_on_its_curve():
    """σ = σ_y(p) with p = ε − σ/E at the end of a monotonous pull, in any number of steps."""
    def curve(p):
        return YIELD + 0.1 * (1.0 - tf.exp(-500.0 * p))
    strains = np.array([0.002, 0.003, 0.004])       # one, two and three steps from rest
    for strain, stress in zip(strains, pulled(strains, curve).reaction(ENDS[1])[0].numpy()):
        assert abs(stress - float(curve(tf.constant(strain - stress / E, tf.float64)))) < 1e-11


def test_gradients_in_yield_stress_hardening_and_shear_modulus_are_exact():
    pull = np.array([0.001, 0.0021, 0.0043, 0.0031])
    problem = pcl.Problem.from_residuals(
        lambda t: pulled(pull, t["H"], t["yield"], t["shear"]).reaction(ENDS[1])[0] - 0.3,
        {"yield": YIELD, "H": H, "shear": SHEAR})
    assert pcl.check_gradient(problem).ok


NET = pcl.MLP([1, 3, 1])


def bar_forces(theta, strains):
    """A bar whose yield stress is σ₀ + 40 p + net(p/0.004)/10: return mapping along a line."""
    def hardened_to(p):
        return theta["yield"] + 40.0 * p + 0.1 * NET(theta["net"], p[:, None] / 0.004)[:, 0]

    def form(u, x, before, t, dt):
        trial = E * (u.gradient[:, 0] - before["plastic"])
        yields, size, p = tf.abs(trial) > hardened_to(before["p"]), tf.abs(trial), before["p"]

        def equation(z):
            return tf.where(yields, z + (hardened_to(p + z) - size) / E, z)
        step = pcl.solve_pointwise(equation, tf.zeros_like(size))
        plastic = before["plastic"] + tf.sign(trial) * step
        return ({"u": {"gradient": (E * (u.gradient[:, 0] - plastic))[:, None]}},
                {"plastic": plastic, "p": p + step})
    table = tf.constant(np.r_[0.0, strains])

    def ends(t):
        pulled = tf.gather(table, tf.cast(tf.round(t), tf.int32))
        return [fem.Dirichlet(ENDS[0], 0.0), fem.Dirichlet(ENDS[1], pulled)]
    states = fem.march_states(BAR, form, np.arange(len(strains) + 1.0), {"plastic": 0.0, "p": 0.0},
                              dirichlet_at=ends)
    return states.reaction(ENDS[1])[0]


def test_a_network_of_hardening_has_exact_derivatives():
    """The pointwise Newton stands inside a solve inside a scan."""
    problem = pcl.Problem.from_residuals(lambda t: bar_forces(t, np.array([0.0008, 0.003])) - 0.2,
                                         {"net": NET.init(0), "yield": 0.2})
    assert pcl.check_hessian(problem, directions=1).ok


# --- bad input -----------------------------------------------------------------------------------
def test_wrong_forms_and_states_are_refused_in_words():
    def march(form, state={"h": 0.0}):
        return fem.march_states(BAR, form, [0.0, 1.0], state, dirichlet=0.0)
    good = {"u": {"gradient": np.ones((1,))}}
    for returned, words in ((good, r"expected the pair"),
                            ((good, {"g": 0.0}), "after the step; expected .*: h"),
                            ((good, {"h": np.zeros(3)}), r"'h' has shape \(3,\) after the step")):
        with pytest.raises((TypeError, ValueError), match=words):
            march(lambda u, x, before, t, dt: returned)
    with pytest.raises(TypeError, match="expected a fem.Space"):
        fem.march_states(BAR.mesh, None, [0.0, 1.0], {})
