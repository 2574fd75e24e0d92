"""One module per family of optimizers; each `drive` runs a method on a `Run`, arrays only."""
