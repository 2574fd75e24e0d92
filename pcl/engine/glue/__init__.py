"""The pieces of TensorFlow between nodes, as functions with first and second derivatives."""
