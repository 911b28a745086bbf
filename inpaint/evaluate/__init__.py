"""Figures on fixed images with fixed holes, for any method, by the paper's protocol."""

from inpaint.evaluate.methods import Method, parse_method
from inpaint.evaluate.metrics import Metrics
from inpaint.evaluate.protocol import Case, CaseId, Protocol
from inpaint.evaluate.results import Row, read_rows
from inpaint.evaluate.run import evaluate

__all__ = [
    "Case",
    "CaseId",
    "Method",
    "Metrics",
    "Protocol",
    "Row",
    "evaluate",
    "parse_method",
    "read_rows",
]
