"""Starting the page from the command line."""

import argparse
import os
import socket
import subprocess
import sys

import pytest
from app_server import ROOT, tiny_weights

from inpaint.app.serving import ServingOptions
from inpaint.cli import main
from inpaint.cli.app import add_arguments, options_from


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
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"app.py: no weight file at {tmp_path / 'none.safetensors'}\n"


def test_package_never_imports_gradio():
    code = "import sys, inpaint, inpaint.cli, inpaint.batch; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


def parse(*options):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return options_from(parser.parse_args(options))


def test_options_are_checked_and_safe_by_default(monkeypatch):
    monkeypatch.delenv("INPAINT_AUTH", raising=False)
    assert parse() == ServingOptions()
    assert parse().host == "127.0.0.1"
    monkeypatch.setenv("INPAINT_AUTH", "ada:lace")
    assert parse("--port", "80").login == ("ada", "lace")
    with pytest.raises(ValueError, match="port must lie in 0 to 65535, got 99999"):
        parse("--port", "99999")
    with pytest.raises(ValueError, match="auth must be NAME:PASSWORD"):
        parse("--auth", "ada")
    with pytest.raises(ValueError, match="concurrency must be above 0, got 0"):
        parse("--concurrency", "0")


MANY_CALLS = """
import sys
import time
from app_server import Server, editor_call
from inpaint.app import serving

serving.MOST_STATES = 3
options = serving.ServingOptions(weights=sys.argv[1], port=0)
page = serving.serve(options, block=False)
server = Server(page.local_url.rstrip("/"), None, None)
for _ in range(5):
    assert editor_call(server, "cancel", {"job": "none"})["success"]
queue = page._queue
kept = len(page.state_holder.session_data), len(queue.event_analytics)
print(*kept, queue.cached_event_analytics_summary)
for period in (queue.sleep_when_free, 0.001):
    queue.sleep_when_free = period
    before = time.process_time()
    time.sleep(2)
    print(time.process_time() - before)
"""


def test_server_keeps_nothing_of_calls_that_have_ended_and_rests_between_them():
    command = [sys.executable, "-c", MANY_CALLS, str(tiny_weights())]
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    environment = {**os.environ, "PYTHONPATH": paths}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    _, kept, idle, as_gradio_idles = ended.stdout.splitlines()
    assert kept == "3 1 {'functions': {}}", ended.stderr
    assert float(idle) < 0.6 * float(as_gradio_idles)


def test_help_does_not_tell_the_password(monkeypatch, capsys):
    monkeypatch.setenv("INPAINT_AUTH", "ada:lace")
    with pytest.raises(SystemExit):
        main(["app", "--help"])
    assert "lace" not in capsys.readouterr().out


def test_without_gradio_the_command_names_the_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    for name in [name for name in sys.modules if name.startswith("inpaint.app.")]:
        monkeypatch.delitem(sys.modules, name)
    assert main(["app", "--port", "0", "--weights", str(tiny_weights())]) == 1
    assert capsys.readouterr().err == (
        "inpaint app: gradio is not installed; get it with: pip install 'pconv-inpaint[app]'\n"
    )
