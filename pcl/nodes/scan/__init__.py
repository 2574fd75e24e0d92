"""A recurrence as one node: evaluated, run backwards, and with its second derivatives."""
