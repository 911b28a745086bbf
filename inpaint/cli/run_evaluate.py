"""What `inpaint evaluate` does with its options."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import torch

from inpaint.evaluate.gallery import contact_sheet, even_cases
from inpaint.evaluate.inception import InceptionFiles
from inpaint.evaluate.methods import Method, parse_method
from inpaint.evaluate.metrics import Metrics
from inpaint.evaluate.optional import UnavailableError, load_inception, load_lpips
from inpaint.evaluate.outside import write_case
from inpaint.evaluate.protocol import Cases
from inpaint.evaluate.realism_files import RealismFiles
from inpaint.evaluate.realism_table import pooled_figures, realism_table
from inpaint.evaluate.report import write_report
from inpaint.evaluate.run import evaluate
from inpaint.evaluate.settings import Protocol
from inpaint.evaluate.tables import main_table
from inpaint.utils.options import from_options

logger = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")


def run_evaluate(args: argparse.Namespace) -> int:
    """Do what `inpaint evaluate` asks for; 0, or an error as `evaluate` raises it."""
    cases = Cases(from_options(Protocol, args))
    if args.write_cases is not None:
        return _write_cases(cases, args.write_cases)
    if args.out is None and args.sheet is None:
        raise ValueError("give a folder for the report with --out")
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    specs = [*filter(None, args.methods.split(",")), *args.method]
    methods = [parse_method(spec) for spec in specs]
    if args.sheet is not None:
        return _write_sheet(cases, methods, args.sheet, args.sheet_rows)
    missing: list[str] = []
    lpips, network = _load(load_lpips, missing), _load(load_inception, missing)
    rows = evaluate(
        cases,
        methods,
        args.out,
        metrics=Metrics(lpips=lpips),
        inception=None if network is None else InceptionFiles(args.out, network),
        progress=True,
    )
    figures = pooled_figures(RealismFiles(args.out).pools(rows))
    path = write_report(
        cases,
        methods,
        rows,
        args.out,
        figures=figures,
        command=shlex.join(["inpaint", *sys.argv[1:]]),
        paper=args.paper,
        judge=args.judge,
        notes=missing,
        markdown=args.markdown,
    )
    print(main_table(rows).to_markdown())
    if (table := realism_table(rows, figures)) is not None:
        print(table.to_markdown())
    logger.info("report: %s", path)
    return 0


def _load(load: Callable[[], Loaded], missing: list[str]) -> Loaded | None:
    """What `load` loads; None, with a line in the log and in `missing`, if it is not there."""
    try:
        return load()
    except UnavailableError as error:
        logger.info("%s", error)
        missing.append(str(error))
        return None


def _write_cases(cases: Cases, folder: Path) -> int:
    ids = cases.ids()
    for id in ids:
        write_case(folder, cases.case(id))
    logger.info("%d pictures and masks in %s", len(ids), folder)
    return 0


def _write_sheet(cases: Cases, methods: Sequence[Method], path: Path, count: int) -> int:
    if count < 1:
        raise ValueError(f"--sheet-rows must be at least 1, got {count}")
    sheet = contact_sheet(cases, methods, even_cases(cases, count))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90]):
        raise OSError(f"cannot write a picture to {path}; give a name such as sheet.jpg")
    logger.info("contact sheet: %s", path)
    return 0
