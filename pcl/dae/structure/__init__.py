"""Whether the equations of a model determine its variables: matching, index, initial values."""
