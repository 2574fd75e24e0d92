"""The Newton system of a collocated program, reduced element by element."""
