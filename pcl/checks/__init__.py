"""Are the derivatives right? Taylor remainders, and a certificate of all checks at one θ."""
