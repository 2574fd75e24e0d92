"""Layers one after the other in TensorFlow operations, the same for all dense networks."""

from pcl.networks import activations
from pcl.networks.transform import of_output


def forward(net, layers, a):
    """The outputs (q, n_out) at a (q, n_in) of augmented layers [W_l; b_l], as tensors.

    net : has `activation` of the hidden layers and `output`, the transform of the last one
    """
    import tensorflow as tf
    hidden = activations.named("activation", net.activation, activations.HIDDEN)
    for Wb in layers[:-1]:
        a = hidden.tensorflow(tf.matmul(a, Wb[:-1]) + Wb[-1])
    output = of_output(net.output)
    out = activations.named("function", output.function, activations.OUTPUT)
    return output.shift + output.scale * out.tensorflow(tf.matmul(a, layers[-1][:-1]) + layers[-1][-1])
