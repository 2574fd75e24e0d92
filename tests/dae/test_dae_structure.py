"""Structure of differential-algebraic systems: index, hidden constraints, singular parts, starts."""

import types

import numpy as np
import pytest
import scipy.linalg
from oracles import complex_step

from pcl.dae.model import Model
from pcl.dae.structure.check import check, inspect
from pcl.dae.structure.index import reduction
from pcl.dae.structure.initial import InconsistentStart, check_initial, find_initial
from pcl.dae.structure.matching import parts
from pcl.dae.structure.order import radau_orders
from pcl.dae.structure.report import StructureError

RANDOM = np.random.RandomState(3)


def law(inputs, outputs):
    return types.SimpleNamespace(inputs=inputs, outputs=outputs)


def differences(equations, n, points):
    """Complex-step Jacobians (n_pt, n_eq, n) of equations(a), a function (n,) -> (n_eq,)."""
    return np.stack([complex_step(equations, a) for a in points])


def inspected(equations, names, *, laws=None, points=None, **groups):
    """The report on plain functions of the arguments (x', x, y, z, p)."""
    n = 2 * len(groups["states"]) + sum(len(groups.get(g, ())) for g in
                                        ("algebraic", "outputs", "parameters"))
    points = RANDOM.uniform(0.5, 1.5, (3, n)) if points is None else points
    return inspect(differences(lambda a: np.array(equations(*a)), n, points), equations=names, laws=laws,
                   **groups)


# --- the tank manifold ----------------------------------------------------------------------
STATES, FLOWS = ("x1", "x2", "x3", "x4"), ("w0", "w1", "w2", "w3", "w4")
TANK = ("mass1", "mass2", "mass3", "mass4", "split", "levels", "feed", "outflow", "drain")


def tank(d1, d2, d3, d4, x1, x2, x3, x4, w0, w1, w2, w3, w4, z0, z1):
    return (0.1 * d1 - w1 + w3, 0.5 * d2 - w2, 2.0 * d3 - w3 + w4, 10.0 * d4 - w4 + w0, w0 - w1 - w2,
            x1 - x2, w0 - z0, w3 - z1, w4 - 0.1 * np.sqrt(x3))


@pytest.mark.parametrize("laws", [None, law(STATES, ("z0", "z1")),
                                  [law(("x1", "x4", "t"), ("z0",)), law(("x1",), ("z1",))]])
def test_tank_manifold_has_index_two_because_of_equal_levels(laws):
    """0 = x₁ − x₂ holds no flow; its derivative divides w₀ into w₁ and w₂."""
    report = inspected(tank, TANK, states=STATES, algebraic=FLOWS, outputs=("z0", "z1"),
                       laws=laws).require()
    assert report.index == 2
    hidden, = report.hidden
    assert (hidden.equations, hidden.order, hidden.determines) == (("levels",), 1, ("w1", "w2"))
    assert set(hidden.variables) == {"w1", "w2", "w3"} and hidden.helpers == ("mass1", "mass2")
    assert ("d/dt of equation `levels` (x1, x2), with `mass1`, `mass2` inserted, constrains w1, w2"
            in str(report))


def test_a_law_that_reads_a_flow_which_only_the_hidden_constraint_gives_keeps_index_two():
    report = inspected(tank, TANK, states=STATES, algebraic=FLOWS, outputs=("z0", "z1"),
                       laws=[law(("x1",), ("z0",)), law(("w1",), ("z1",))])
    assert report.index == 2


def test_tank_without_equal_levels_has_index_one():
    """w₁ = 2 w₂ in place of x₁ = x₂."""
    def equations(*a):
        rows = list(tank(*a))
        rows[5] = a[9] - 2.0 * a[10]
        return rows
    report = inspected(equations, TANK, states=STATES, algebraic=FLOWS, outputs=("z0", "z1"))
    assert report.index == 1 and report.hidden == ()


# --- the pendulum ---------------------------------------------------------------------------
LENGTH = {3: lambda x, y, u, v, lam: x * x + y * y - 1.0, 2: lambda x, y, u, v, lam: x * u + y * v,
          1: lambda x, y, u, v, lam: u * u + v * v - lam * (x * x + y * y) - 9.81 * y}


def pendulum(index):
    return lambda dx, dy, du, dv, x, y, u, v, lam: (
        dx - u, dy - v, du + lam * x, dv + lam * y + 9.81, LENGTH[index](x, y, u, v, lam))


@pytest.mark.parametrize("index", [1, 2, 3])
def test_pendulum_has_the_index_of_its_form(index):
    report = inspected(pendulum(index), ("q1", "q2", "p1", "p2", "length"), states=("x", "y", "u", "v"),
                       algebraic=("lam",)).require()
    assert report.index == index
    assert [(c.equations, c.order) for c in report.hidden] == [(("length",), k) for k in range(1, index)]
    if index > 1:
        assert report.hidden[-1].determines == ("lam",)


def test_pendulum_of_index_three_constrains_velocities():
    report = inspected(pendulum(3), ("q1", "q2", "p1", "p2", "length"), states=("x", "y", "u", "v"),
                       algebraic=("lam",))
    assert report.hidden[0].variables == ("u", "v") and not report.hidden[0].determines
    assert "initial values must satisfy it" in report.hidden[0].text


# --- ordinary and implicit equations --------------------------------------------------------
def test_ordinary_equations_have_index_zero_with_a_law_too():
    def rates(d1, d2, x1, x2, z):
        return d1 - x1 * (0.2 - 0.2 * x2), d2 - x2 * z
    for laws in (None, law(("x1", "x2"), ("z",))):
        assert inspected(rates, ("r1", "r2"), states=("x1", "x2"), outputs=("z",), laws=laws).index == 0


def test_fully_implicit_ordinary_equations_have_index_zero():
    report = inspected(lambda da, db, a, b: (da + a * db - b, np.exp(da) - db + a), ("e1", "e2"),
                       states=("a", "b"))
    assert report.index == 0


@pytest.mark.parametrize("second, index", [
    (lambda da, db, a, b: da + db + a - b, 1),                  # 2a − b = 0, so 3a' = a
    (lambda da, db, a, b: da + db + b, 2)])                     # a + b = 0, so a' + b' = 0 = a
def test_dependent_derivatives_hide_a_constraint(second, index):
    """a' + b' = a and another equation with a' + b': every variable can be matched, E is singular."""
    report = inspected(lambda *w: (w[0] + w[1] - w[2], second(*w)), ("e1", "e2"), states=("a", "b"))
    assert report.index == index and report.constraints[0].variables == ("a", "b")
    assert {*report.constraints[0].equations, *report.constraints[0].helpers} == {"e1", "e2"}


def test_index_is_that_of_the_kronecker_form():
    """E = P diag(I, N) Q, A = P diag(J, I) Q with N of nilpotency k, P and Q random: index k."""
    random = np.random.RandomState(0)
    for k in range(1, 6):
        for n in (0, 3):
            N = scipy.linalg.block_diag(np.eye(k, k=1), np.zeros((1, 1)))
            P, Q = (random.standard_normal((n + k + 1, n + k + 1)) for _ in range(2))
            E = P @ scipy.linalg.block_diag(np.eye(n), N) @ Q
            A = P @ scipy.linalg.block_diag(random.standard_normal((n, n)), np.eye(k + 1)) @ Q
            assert reduction(E, A).index == k


def test_a_singular_pencil_is_seen_through_rounding():
    """Rows mixed at random, one of them a combination of the others."""
    random = np.random.RandomState(1)
    P, E, A = (random.standard_normal((5, 5)) for _ in range(3))
    E[4], A[4] = 0.0, 0.0
    assert reduction(E[:4, :4], A[:4, :4]).index == 0
    assert reduction(P @ E, P @ A).index is None
    E[3] = 0.0
    assert reduction(E[:4, :4], A[:4, :4]).index == 1
    assert reduction(P @ E, P @ A).index is None


def test_index_does_not_depend_on_units():
    """Rows and columns multiplied by powers of ten between 1e-6 and 1e6."""
    n = 2 * 4 + 5 + 2
    J = differences(lambda a: np.array(tank(*a)), n, RANDOM.uniform(0.5, 1.5, (2, n)))
    rows, columns = 10.0 ** RANDOM.randint(-6, 7, 9), 10.0 ** RANDOM.randint(-6, 7, n)
    columns[4:8] = columns[:4]
    report = inspect(rows[:, None] * J * columns, equations=TANK, states=STATES, algebraic=FLOWS,
                     outputs=("z0", "z1"))
    assert report.index == 2 and report.hidden[0].determines == ("w1", "w2")


def test_robertson_with_conserved_mass_has_index_one():
    def equations(da, db, a, b, c):
        return da + 0.04 * a - 1e4 * b * c, db - 0.04 * a + 1e4 * b * c + 3e7 * b * b, a + b + c - 1.0
    points = np.array([[0.0, 0.0, 1.0, 1e-5, 1e-3]])
    assert inspected(equations, ("a", "b", "mass"), states=("a", "b"), algebraic=("c",),
                     points=points).index == 1


def test_an_index_that_differs_between_points_is_noted():
    """0 = y² − x gives y unless y = 0."""
    points = np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
    report = inspected(lambda dx, x, y: (dx - y, y * y - x), ("rate", "fold"), states=("x",),
                       algebraic=("y",),
                       points=points)
    assert report.index == 2 and "differs between sample points: 1, 2" in report.notes[0]


# --- what is wrong --------------------------------------------------------------------------
WRONG = {
    "an equation without unknowns": (
        lambda dx, x, y, p: (dx - y, p - 1.0), {"algebraic": ("y",), "parameters": ("p",)},
        "equation 'e1' contains no unknown .only parameters"),
    "a variable that appears nowhere": (
        lambda dx, x, y: (dx + x, x - 1.0), {"algebraic": ("y",)}, "variable 'y' appears nowhere"),
    "a state without derivative": (
        lambda dx, x, y: (x - y, y - 1.0), {"algebraic": ("y",)},
        "derivative of the state 'x' appears nowhere"),
    "an output that appears nowhere": (
        lambda dx, x, z: (dx + x,), {"outputs": ("z",), "laws": [law(("x",), ("z",))]},
        "output 'z' appears in no equation"),
    "an output without law": (
        lambda dx, x, z: (dx + z,), {"outputs": ("z",), "laws": []}, "output 'z' has no law"),
    "a law of an unknown output": (
        lambda dx, x, z: (dx + z,),
        {"outputs": ("z",), "laws": [law(("x",), ("z",)), law(("x",), ("q",))]},
        "'q', which is no output"),
    "two laws of one output": (
        lambda dx, x, z: (dx + z,), {"outputs": ("z",), "laws": [law(("x",), ("z",))] * 2},
        "'z' has 2 laws"),
    "a law of an unknown variable": (
        lambda dx, x, z: (dx + z,), {"outputs": ("z",), "laws": law(("q",), ("z",))}, "takes 'q'"),
    "too many equations for some": (
        lambda dx, x, y, w: (dx - y, x - 1.0, x * x, w + y), {"algebraic": ("y", "w")},
        "Overdetermined.*4 equations for 3"),
    "one part too much, another too little": (
        lambda dx, x, y, w: (dx + x, x - 1.0, y - w), {"algebraic": ("y", "w")},
        "equations e0, e1 contain only the unknowns x, 1 equation too many.*unknowns y, w appear only in "
        "e2, 1 equation too few"),
    "dependent equations": (
        lambda dx, x, y, w: (dx - y, y + w - 1.0, 2.0 * y + 2.0 * w - x * 0.0), {"algebraic": ("y", "w")},
        "equations e1, e2 are dependent"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_system_is_told_in_words(case):
    equations, groups, match = WRONG[case]
    n = 2 + sum(len(groups.get(g, ())) for g in ("algebraic", "outputs", "parameters"))
    names = [f"e{i}" for i in range(len(equations(*np.ones(n))))]
    report = inspected(equations, names, states=("x",), **groups)
    assert not report.ok and report.index is None
    for call in (report.require, lambda: report.orders(2)):
        with pytest.raises(StructureError, match=match):
            call()


def test_a_parameter_that_appears_nowhere_is_noted():
    report = inspected(lambda dx, x, p: (dx + x,), ("e",), states=("x",), parameters=("p",))
    assert report.ok and "parameter 'p' appears in no equation" in str(report)


def test_a_jacobian_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"shape \(1, 2, 2\); expected \(points, 1, 2\)"):
        inspect(np.ones((2, 2)), equations=("e",), states=("x",))
    with pytest.raises(ValueError, match="not finite at any sample point"):
        inspect(np.full((1, 2), np.nan), equations=("e",), states=("x",))


def test_parts_of_a_pattern_with_full_matching_are_empty():
    assert parts(np.eye(3, k=1) + np.eye(3)) == (([], []), ([], []))
    assert parts(np.zeros((0, 2))) == (([], []), ([], [0, 1]))


def test_parts_agree_with_the_rank_of_random_matrices():
    """A random matrix of a pattern has the rank of a maximum matching: m − rank surplus rows, n − rank
    columns.
    """
    random = np.random.RandomState(5)
    for _ in range(50):
        pattern = random.uniform(size=(7, 6)) < 0.2
        rank = np.linalg.matrix_rank(pattern * random.standard_normal((7, 6)))
        (rows, columns), (under_rows, under_columns) = parts(pattern)
        assert len(rows) - len(columns) == 7 - rank and len(under_columns) - len(under_rows) == 6 - rank


# --- orders ---------------------------------------------------------------------------------
@pytest.mark.parametrize("index, points, states, algebraic", [
    (0, 1, 1, 1), (1, 2, 3, 3), (1, 3, 5, 5), (2, 1, 1, 1), (2, 2, 3, 2), (2, 3, 5, 3), (3, 2, 2, 1),
    (3, 3, 3, 2), (3, 1, None, None), (4, 3, None, None)])
def test_orders_of_radau_are_those_of_the_theory(index, points, states, algebraic):
    orders = radau_orders(index, points)
    assert (orders.states, orders.algebraic) == (states, algebraic)


def test_positions_of_index_three_have_order_2k_minus_1():
    assert radau_orders(3, 3).text == "positions of order 5, velocities 3, multipliers 2"


# --- declared models ------------------------------------------------------------------------
def tank_model():
    import tensorflow as tf
    return Model(
        states=STATES, algebraic=FLOWS, outputs=("z0", "z1"),
        rates=lambda v: {"x1": (v.w1 - v.w3) / 0.1, "x2": v.w2 / 0.5, "x3": (v.w3 - v.w4) / 2.0,
                         "x4": (v.w4 - v.w0) / 10.0},
        equations=lambda v: {"split": v.w0 - v.w1 - v.w2, "levels": v.x1 - v.x2, "feed": v.w0 - v.z0,
                             "outflow": v.w3 - v.z1, "drain": v.w4 - 0.1 * tf.sqrt(v.x3)},
        bounds={"w0": (0.0, None), "x3": (0.0, 5.0)})


def test_a_declared_model_is_checked_at_random_points():
    report = check(tank_model(), law(STATES, ("z0", "z1"))).require()
    assert report.index == 2 and report.hidden[0].helpers == ("rate of x1", "rate of x2")
    assert report.orders(2).text == "states of order 3, algebraic variables 2"


# --- initial values -------------------------------------------------------------------------
START = {"x1": 0.75, "x2": 0.75, "x3": 2.5, "x4": 0.6}


def test_consistent_levels_are_accepted_and_flows_are_found():
    found = check_initial(tank_model(), START).require().values
    assert found["w4"] == pytest.approx(0.1 * np.sqrt(2.5), rel=1e-8)
    assert found["w0"] == pytest.approx(found["w1"] + found["w2"], abs=1e-8)
    assert found["x1'"] == pytest.approx(found["x2'"], abs=1e-6)


def test_levels_that_differ_are_refused_with_the_residual():
    with pytest.raises(InconsistentStart, match="equation `levels` has the residual -0.05"):
        check_initial(tank_model(), {**START, "x2": 0.8}).require()


def start(index, given, **options):
    states = ("x", "y", "u", "v")
    names = (*(f"{s}'" for s in states), *states, "lam")

    def residual(a, t):
        return np.array([pendulum(index)(*row) for row in a])

    def jacobian(a, t):
        return differences(lambda b: np.array(pendulum(index)(*b)), 9, a)
    return find_initial(residual, jacobian, names, given, n_x=4,
                        equations=("q1", "q2", "p1", "p2", "length"), **options)


@pytest.mark.parametrize("index, given, wrong", [
    (3, (1.0, 0.0, 0.0, 0.7), []), (3, (0.6, 0.8, 0.8, -0.6), []),
    (3, (1.0, 0.1, 0.0, 0.0), [("length", 0, 0.01)]),
    (3, (1.0, 0.0, 0.5, 0.0), [("length", 1, 1.0)]),           # d/dt (x² + y²) = 2xu
    (2, (1.0, 0.0, 0.5, 0.0), [("length", 0, 0.5)]), (2, (2.0, 0.0, 0.0, 1.0), []),
    (1, (1.0, 0.0, 0.5, 0.0), [])])
def test_the_constraints_that_a_start_violates_are_named(index, given, wrong):
    found = start(index, dict(zip("xyuv", given)))
    assert [(v.equation, v.order) for v in found.violations] == [w[:2] for w in wrong]
    for violation, (*_, residual) in zip(found.violations, wrong):
        assert violation.residual == pytest.approx(residual, rel=1e-4)
    assert found.ok == (not wrong)


def test_free_initial_values_are_found():
    """x = 1, y = 0 leave u = 0 and v free."""
    found = start(3, {"x": 1.0, "y": 0.0}).require()
    assert found.values["u"] == pytest.approx(0.0, abs=1e-8)


def test_an_algebraic_value_that_does_not_fit_is_refused_and_found_if_left_out():
    """Index 1: λ = u² + v² − 9.81 y at unit length."""
    given = {"x": 1.0, "y": 0.0, "u": 0.0, "v": 2.0}
    assert start(1, given).values["lam"] == pytest.approx(4.0, rel=1e-8)
    with pytest.raises(InconsistentStart, match="`length` has the residual 1"):
        start(1, {**given, "lam": 3.0}).require()


def test_the_hidden_constraint_contains_the_rate_of_an_input():
    """0 = x − u(t), x' = y: y = u'(0) = 3 (a one-sided difference of u: 1e-9)."""
    found = find_initial(
        lambda a, t: np.stack([a[:, 0] - a[:, 2], a[:, 1] - np.sin(3.0 * t)], axis=1),
        lambda a, t: np.broadcast_to([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]], (len(a), 2, 3)),
        ("x'", "x", "y"),
        {"x": 0.0}, n_x=1, equations=("rate", "follow")).require()
    assert found.values["y"] == pytest.approx(3.0, rel=1e-7)


def test_names_and_points_that_do_not_work_are_refused():
    with pytest.raises(ValueError, match="given has 'q'"):
        start(3, {"q": 1.0})
    with pytest.raises(InconsistentStart, match="cannot be evaluated"):
        find_initial(lambda a, t: np.full((len(a), 1), np.nan), lambda a, t: np.ones((len(a), 1, 2)),
                     ("x'", "x"), {"x": 0.0}, n_x=1, equations=("e",))
