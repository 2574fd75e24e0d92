"""A fit from first guess to refined answer, stage by stage."""
