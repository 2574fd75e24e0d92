"""What data determine: misfits, sensitivities of functions of θ, standard errors."""
