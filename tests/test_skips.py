"""Runs of pytest with `--skips-allowed`."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.skip(reason="needs a GPU")
def test_device(): ...

@pytest.mark.skip(reason="needs Ray")
def test_cluster(): ...

@pytest.mark.xfail(reason="known")
def test_known(): assert False

def test_plain(): ...
"""
MODULE = 'import pytest\npytest.importorskip("no_such_package", reason="needs a server")\n'


def run(folder, *options):
    """Exit code and output of pytest on the tests above."""
    (folder / "test_a.py").write_text(TESTS)
    (folder / "test_b.py").write_text(MODULE)
    command = [sys.executable, "-m", "pytest", "-p", "skips", "-p", "no:cacheprovider", *options]
    path = {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(command, cwd=folder, env=path, capture_output=True, text=True)
    return done.returncode, done.stdout


@pytest.mark.parametrize("workers", [(), ("--numprocesses", "2", "--dist", "loadfile")])
def test_skips_for_other_reasons_end_a_run_and_are_named(tmp_path, workers):
    code, output = run(tmp_path, "--skips-allowed", "GPU|CPU", *workers)
    assert code == 6
    _, _, listed = output.partition("skipped, but should have run")
    assert listed.count("test_a.py::test_cluster: needs Ray") == 1
    assert listed.count("test_b.py: needs a server") == 1
    assert "needs a GPU" not in listed
    assert "known" not in listed


def test_a_failure_beside_such_skips_is_not_run_again(tmp_path):
    """`make test` runs failures a second time, in which these skips would not be seen."""
    (tmp_path / "test_c.py").write_text("def test_broken(): assert False\n")
    code, output = run(tmp_path, "--skips-allowed", "GPU")
    assert code == 6
    assert "1 failed" in output


@pytest.mark.parametrize("options", [(), ("--skips-allowed", "GPU|Ray|server")])
def test_skips_are_harmless_where_they_are_allowed(tmp_path, options):
    code, output = run(tmp_path, *options)
    assert code == 0
    assert "should have run" not in output
