"""Folders of any size: what to fill is planned and checked first, then done image by image."""

from typing import TYPE_CHECKING

from inpaint.utils.lazy import lazy_names

if TYPE_CHECKING:
    from inpaint.batch.plan import Plan, PlanError, Request, make_plan
    from inpaint.batch.records import Record, Settings, Task

__all__ = ["Plan", "PlanError", "Record", "Request", "Settings", "Task", "make_plan"]

_MODULES = {
    **dict.fromkeys(("Plan", "PlanError", "Request", "make_plan"), "inpaint.batch.plan"),
    **dict.fromkeys(("Record", "Settings", "Task"), "inpaint.batch.records"),
}

__getattr__ = lazy_names(__name__, _MODULES)
