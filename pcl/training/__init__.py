"""Training in reduced space: `minimize`, its methods, callbacks, many starts.

It sees a problem through `value`, `gradient`, `hessian` and the like: arrays, no TensorFlow.
"""
