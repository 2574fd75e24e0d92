"""A model with data on finite elements as one nonlinear program."""
