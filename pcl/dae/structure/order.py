"""The order of Radau IIA collocation for systems of a given index."""

from dataclasses import dataclass

from pcl.support.validate import positive_integer


@dataclass(frozen=True)
class Orders:
    """Orders at the ends of elements of length h: the error is O(h^order) or smaller; None if no
    theory guarantees one.

    Attributes
    ----------
    states, algebraic : int or None, the lowest of their components
    text : str
    """

    states: int | None
    algebraic: int | None
    text: str


def radau_orders(index, points):
    """`Orders` of Radau IIA with K points.

        index 0 and 1   states 2K − 1, algebraic 2K − 1
        index 2         states 2K − 1, algebraic K
        index 3         K ≥ 2: positions 2K − 1, velocities K, multipliers K − 1

    Parameters
    ----------
    index : int ≥ 0
    points : K ≥ 1

    Notes
    -----
    For semi-explicit systems in Hessenberg form with consistent initial values. An algebraic variable
    that is given by the states without any hidden constraint has the order of the states.
    Source: E. Hairer, C. Lubich and M. Roche, The Numerical Solution of Differential-Algebraic Systems
    by Runge–Kutta Methods, Springer 1989; E. Hairer and G. Wanner, Solving Ordinary Differential
    Equations II, chapters VI.1, VII.4 and VII.6. Positions of index 3:
    L. Jay, Collocation methods for differential-algebraic equations of index 3, Numerische
    Mathematik 65 (1993).
    """
    K = positive_integer("points", points)
    positive_integer("index", index, minimum=0)
    if index <= 1:
        orders = 2 * K - 1, 2 * K - 1
    elif index == 2:
        orders = 2 * K - 1, K
    elif index == 3 and K > 1:
        return Orders(K, K - 1, f"positions of order {2 * K - 1}, velocities {K}, multipliers {K - 1}")
    else:
        return Orders(None, None, "no order is guaranteed")
    return Orders(*orders, f"states of order {orders[0]}, algebraic variables {orders[1]}")
