"""How independent pieces of work are run: in order, over threads."""
