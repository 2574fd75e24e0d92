"""From a loss to its derivatives: traced, recorded at one θ, and handed on as a plan.

`nodes` states what a node is. `glue` holds the TensorFlow pieces between nodes, `second` the second
derivatives: bases, the plan over them, and the two directions in which it is multiplied out.
"""
