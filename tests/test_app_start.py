"""Starting the page from the command line."""

import socket
import subprocess
import sys

import pytest
from app_server import ROOT, tiny_weights

from inpaint.app.serving import ServingOptions, parse_options


def run(*options):
    command = [sys.executable, "app.py", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_port_that_is_taken_is_one_clear_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = run("--weights", str(tiny_weights()), "--port", port)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"app.py: cannot listen at 127.0.0.1 port {port} (Address already in use); "
        "choose another with --port\n"
    )


def test_missing_weights_are_one_clear_line(tmp_path):
    ended = run("--weights", str(tmp_path / "none.safetensors"), "--port", "0")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"app.py: no weight file at {tmp_path / 'none.safetensors'}\n"


def test_package_never_imports_gradio():
    code = "import sys, inpaint, inpaint.cli, inpaint.batch; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


def test_options_are_checked_and_safe_by_default(monkeypatch, capsys):
    options, in_browser = parse_options([])
    assert (options, in_browser) == (ServingOptions(), False)
    assert options.host == "127.0.0.1"
    monkeypatch.setenv("INPAINT_AUTH", "ada:lace")
    assert parse_options(["--port", "80", "--open"])[0].login == ("ada", "lace")
    for wrong in (["--port", "99999"], ["--auth", "ada"], ["--concurrency", "0"]):
        with pytest.raises(SystemExit):
            parse_options(wrong)
    assert "concurrency must be above 0, got 0" in capsys.readouterr().err
