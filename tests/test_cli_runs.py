"""How much runs say, how they are stopped, and how far they are."""

import io
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from folders import fill, put_image, put_mask, report_of

from inpaint.batch import Plan, Request
from inpaint.batch.records import Record, Settings, Task
from inpaint.batch.run import run_local
from inpaint.cli import main
from inpaint.cli.bars import Bar
from inpaint.cli.interrupts import stoppable
from inpaint.cli.runs import follow
from inpaint.inference.inpainter import Inpainter


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        put_image(f"photos/{name}")
    put_mask("mask.png")
    put_mask("inverted.png", box=(0, 0, 48, 60))
    return tmp_path


def test_quiet_says_what_failed_and_no_more(here, weights, capsys):
    common = ("photos", "--mask", "inverted.png", "-o", "out", "--quiet")
    assert fill(*common, weights=weights) == 0
    assert capsys.readouterr() == ("", "")
    assert len(report_of("out/report.jsonl")["a.png"]["notes"]) == 1
    (here / "photos/c.png").write_bytes(b"no picture")
    assert fill(*common, "--overwrite", weights=weights) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("failed: photos/c.png: this is not a picture")
    options = ("--mask", "inverted.png", "-o", "x.png", "-q")
    assert fill("photos/a.png", *options, weights=weights) == 0
    assert capsys.readouterr() == ("", "")


def test_verbose_has_a_line_for_every_picture(here, weights, capsys):
    (here / "photos/c.png").write_bytes(b"no picture")
    assert fill("photos", "--mask", "inverted.png", "-o", "out", "-v", weights=weights) == 1
    lines = capsys.readouterr().err.splitlines()
    for name in ("a.png", "b.png"):
        (line,) = [line for line in lines if f": photos/{name} -> out/{name}" in line]
        assert line.startswith("done in ")
        assert "note: the mask marks 94 %" in lines[lines.index(line) + 1]
    assert any(line.startswith("failed in ") and "c.png" in line for line in lines)
    assert lines[-1].startswith("2 done, 0 skipped, 1 failed")


def test_quiet_and_verbose_exclude_each_other():
    with pytest.raises(SystemExit, match="2"):
        main(["fill", "a.png", "-q", "-v"])


def test_bar_moves_inside_pictures(here, weights):
    tasks = [Task(f"photos/{n}.png", "mask.png", f"out/{n}.png") for n in "ab"]
    shares = {}
    lock = threading.Lock()

    def note(task, share):
        with lock:
            shares.setdefault(task.image, []).append(share)

    inpainter = Inpainter.load(weights, device="cpu")
    records = list(run_local(tasks, inpainter, Settings(), on_progress=note))
    assert [record.status for record in records] == ["done", "done"]
    assert shares.keys() == {"photos/a.png", "photos/b.png"}
    assert all(some[0] == 0 and some[-1] == 1 and len(some) > 2 for some in shares.values())


def test_bar_adds_shares_up_and_counts_failures(monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    bar = Bar(2, quiet=False)
    tasks = [Task(f"{n}.png", "mask.png", f"out/{n}.png") for n in "ab"]
    bar.move(tasks[0], 0.25)
    bar.move(tasks[1], 0.5)
    assert bar.count == pytest.approx(0.75)
    bar.done(Record("a.png", "done", output="out/a.png"))
    assert bar.count == pytest.approx(1.5)
    bar.done(Record("b.png", "failed", output="out/b.png"))
    assert bar.count == pytest.approx(2)
    bar.close()
    assert "2.0/2" in screen.getvalue() and "failed=1" in screen.getvalue()


TWICE = """
import os, signal, sys, time
from inpaint.cli.interrupts import stoppable
with stoppable("inpaint fill"):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
"""


def test_second_ctrl_c_ends_the_process_at_once():
    run = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, timeout=50)
    assert run.returncode == 130
    first, second = run.stderr.splitlines()
    assert first.startswith("inpaint fill: stopping, what has begun is finished; Ctrl-C again")
    assert second == "inpaint fill: stopped at once"


def test_first_ctrl_c_exits_with_130_and_the_handler_goes(here, monkeypatch, capfd):
    def interrupted(arguments):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("inpaint.cli.fill.run", interrupted)
    try:
        assert main(["fill", "photos"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert "stopping" in capfd.readouterr().err
    with stoppable("x"):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_between_pictures_loses_no_line_of_the_report(here):
    tasks = [Task(f"{n}.png", "alpha", f"o{n}.png") for n in range(9)]

    def engine():
        begun = iter(tasks[:4])
        try:
            for task in begun:
                yield Record(task.image, "done", output=task.output)
        except KeyboardInterrupt:
            for task in begun:
                yield Record(task.image, "done", output=task.output)
            raise

    class Interrupted:
        """A bar during whose second step Ctrl-C is pressed."""

        steps = 0

        def done(self, record):
            self.steps += 1
            if self.steps == 2:
                raise KeyboardInterrupt

        def close(self):
            pass

    request = Request(("photos",), mask="alpha", output="out")
    with pytest.raises(KeyboardInterrupt):
        follow(engine(), Plan(tasks, []), request, "report.jsonl", bar=Interrupted())
    assert [*report_of("report.jsonl")] == ["0.png", "1.png", "2.png", "3.png"]
