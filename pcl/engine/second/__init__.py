"""Second derivatives as sparse blocks over a chain of bases, and how they are multiplied out."""
