"""Operations with derivatives of their own: guard, network; linear, equation and scan have rooms."""
