"""Objects that a person points at: their outlines and shadows."""

from inpaint.selection.crops import dilate_object
from inpaint.selection.grabcut import select_object
from inpaint.selection.shadow import add_shadow
from inpaint.selection.strokes import Stroke

__all__ = ["Stroke", "add_shadow", "dilate_object", "select_object"]
