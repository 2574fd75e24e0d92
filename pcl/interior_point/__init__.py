"""Interior point: minimise f(x) subject to c_lower ≤ c(x) ≤ c_upper, x_lower ≤ x ≤ x_upper."""

from typing import TYPE_CHECKING

from pcl.interior_point.fronts.scipy import minimize
from pcl.interior_point.program import Program
from pcl.interior_point.result import Result
from pcl.interior_point.solve import solve
from pcl.interior_point.status import Status
from pcl.interior_point.table import IterationTable

if TYPE_CHECKING:
    from pcl.interior_point.fronts.tensorflow import TensorFlowProgram

__all__ = ["IterationTable", "Program", "Result", "Status", "TensorFlowProgram", "minimize", "solve"]


if not TYPE_CHECKING:       # a checker refuses names that are not there
    def __getattr__(name):
        if name == "TensorFlowProgram":
            from pcl.interior_point.fronts.tensorflow import TensorFlowProgram
            return TensorFlowProgram
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
