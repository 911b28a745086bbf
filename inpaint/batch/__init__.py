"""Folders of any size: what to fill is planned and checked first, then done image by image."""

from typing import TYPE_CHECKING

from inpaint.utils.lazy import lazy_names

if TYPE_CHECKING:
    from inpaint.batch.plan import Plan, PlanError, make_plan
    from inpaint.batch.records import Record, Settings, Task
    from inpaint.batch.request import Request, Shard

__all__ = ["Plan", "PlanError", "Record", "Request", "Settings", "Shard", "Task", "make_plan"]

_MODULES = {
    **dict.fromkeys(("Plan", "PlanError", "make_plan"), "inpaint.batch.plan"),
    **dict.fromkeys(("Request", "Shard"), "inpaint.batch.request"),
    **dict.fromkeys(("Record", "Settings", "Task"), "inpaint.batch.records"),
}

__getattr__ = lazy_names(__name__, _MODULES)
