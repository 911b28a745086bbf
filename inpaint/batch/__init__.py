"""Folders of any size: what to fill is planned and checked first, then done image by image."""

from inpaint.batch.plan import Plan, PlanError, Request, make_plan
from inpaint.batch.records import Record, Settings, Task

__all__ = ["Plan", "PlanError", "Record", "Request", "Settings", "Task", "make_plan"]
