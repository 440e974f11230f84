"""Mock-interview evaluator: a score for every rubric point, with the evidence in the candidate's own words."""

import evaluator.quiet  # noqa: F401  before any dependency is imported

__version__ = "0.1.0"
