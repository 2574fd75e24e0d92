"""Which networks stand in a traced loss, and where their parameters come from."""

from collections.abc import Iterator
from typing import Any

from pcl.engine.call import Direct, NodeCall
from pcl.nodes.network import NetworkNode
from pcl.nodes.network_gradient import NetworkGradientNode


def networks_of(procedure: Any) -> Iterator[tuple[int, Any]]:
    """(number of the variable that is the parameters, network) of every call of a network, those inside
    equations and recurrences included; not where the parameters are computed from something."""
    for call in procedure.every_call():
        if isinstance(call, NodeCall) and isinstance(call.node, (NetworkNode, NetworkGradientNode)):
            params = call.inputs[0]
            if isinstance(params, Direct):
                yield params.variable, call.node.of
