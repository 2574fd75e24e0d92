"""The rule of a network, in its parameters and its inputs."""

from pcl.networks.layered import Layered
from pcl.nodes.network import NetworkNodePoint
from pcl.rules.operation import Operation
from pcl.support.types import ArrayLike


def network(net: Layered, params: ArrayLike, x: ArrayLike) -> Operation:
    """y = net(x; params) at many points.

    The curvature in the parameters comes from the layers (see `pcl.networks.point`), not from
    differentiating once a parameter; the Jacobian passes by in blocks of points.

    Parameters
    ----------
    net : pcl.MLP or pcl.ICNN
    params : (p,)
    x : (q, d)

    Returns
    -------
    Operation with inputs "params" and "x", value (q, m). Where the points are fixed, go back with
    wrt="params".

    Raises
    ------
    ValueError, TypeError
        Wrong shapes, not finite (NotFinite), not one of these networks.

    Examples
    --------
    A line y = w x + b at x = 0 and 1, and back from ℓ = Σ y²:

    >>> import pcl
    >>> net = pcl.MLP([1, 1])
    >>> y = pcl.rules.network(net, [2.0, 1.0], [[0.0], [1.0]])
    >>> y.value
    array([[1.],
           [3.]])
    >>> loss = pcl.rules.square_sum(y.value, [[0.0], [0.0]], [[1.0], [1.0]])
    >>> W, adjoint = y.back(*loss.back(), wrt="params")
    >>> adjoint, W.toarray()                        # 2 (Σ y x, Σ y);  2 [[Σ x², Σ x], [Σ x, 2]]
    (array([6., 8.]), array([[2., 2.],
           [2., 4.]]))
    """
    if not isinstance(net, Layered):
        raise TypeError(f"net is a {type(net).__name__}; expected a pcl.MLP or pcl.ICNN. Other models "
                        "are differentiated by pcl.Problem.")
    point = NetworkNodePoint(net.at(params, x))
    return Operation(point, {"params": net.size, "x": len(point.value) * net.n_in})
