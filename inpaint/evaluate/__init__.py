"""Figures on fixed images with fixed holes, for any method, by the paper's protocol."""

from typing import TYPE_CHECKING

from inpaint.utils.lazy import lazy_dir, lazy_names

if TYPE_CHECKING:
    from inpaint.evaluate.methods import Method, parse_method
    from inpaint.evaluate.metrics import Metrics
    from inpaint.evaluate.protocol import Case, CaseId
    from inpaint.evaluate.results import Row, read_rows
    from inpaint.evaluate.run import evaluate
    from inpaint.evaluate.settings import Protocol

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

# Imported on first use: they bring torch and OpenCV.
_MODULES = {
    **dict.fromkeys(("Case", "CaseId"), "inpaint.evaluate.protocol"),
    **dict.fromkeys(("Method", "parse_method"), "inpaint.evaluate.methods"),
    **dict.fromkeys(("Row", "read_rows"), "inpaint.evaluate.results"),
    "Metrics": "inpaint.evaluate.metrics",
    "Protocol": "inpaint.evaluate.settings",
    "evaluate": "inpaint.evaluate.run",
}

__getattr__ = lazy_names(__name__, _MODULES)
__dir__ = lazy_dir(__name__)
