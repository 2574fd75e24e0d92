"""IPOPT as a second opinion: the same program, the same result, another solver."""

from pcl.interior_point.ipopt.opinion import second_opinion

__all__ = ["second_opinion"]
