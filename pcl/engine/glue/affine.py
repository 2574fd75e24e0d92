"""Whether a piece of the graph is affine in its variables, operation by operation."""


def is_affine(outputs, variables):
    """Whether the outputs are affine in the variables, read from the operations between them."""
    variables = {t.ref() for t in variables}
    moving: dict = {}  # tensor -> whether it depends on a variable; None once visited
    stack = list(outputs)
    while stack:
        t = stack[-1]
        waiting = [] if t.ref() in variables else [i for i in t.op.inputs if i.ref() not in moving]
        if waiting and t.ref() not in moving:
            stack.extend(waiting)
            continue
        stack.pop()
        inputs = [t.ref() not in variables and moving[i.ref()] for i in t.op.inputs]
        moving[t.ref()] = t.ref() in variables or any(inputs)
        if any(inputs) and not _is_linear(t.op, inputs):
            return False
    return True


def is_pointwise(output, variable, elementary):
    """Whether output number i depends on entry i of the variable alone, read from the operations.

    All between them are `elementary`, entry by entry, and of the shape of both.
    """
    moving: dict = {}
    stack = [output]
    while stack:
        t = stack[-1]
        if t.ref() == variable.ref():
            moving[t.ref()] = True
        waiting = [] if t.ref() in moving else [i for i in t.op.inputs if i.ref() not in moving]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        if t.ref() not in moving:
            moving[t.ref()] = any(moving[i.ref()] for i in t.op.inputs)
            if moving[t.ref()] and (t.op.type not in elementary or t.shape != variable.shape):
                return False
    return moving[output.ref()] and output.shape == variable.shape


def _is_linear(op, moving):
    """Whether an operation is linear in those of its inputs that move."""
    if op.type in ("Mul", "BatchMatMulV2", "MatMul"):
        return sum(moving) == 1
    if op.type in ("RealDiv", "Reshape", "Squeeze", "ExpandDims", "StridedSlice", "GatherV2", "Sum",
                   "Mean", "Transpose", "Tile", "BroadcastTo", "Slice", "Cumsum"):
        return moving[0] and not any(moving[1:])
    if op.type == "ConcatV2":
        return not moving[-1]
    return op.type in ("Identity", "AddV2", "Add", "AddN", "Sub", "Neg", "Pack", "Unpack")
