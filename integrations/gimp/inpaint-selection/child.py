"""Runs a command that ends where its parent does, even if that is killed.

child.py FOLDER COMMAND [ARGUMENT ...]

GIMP kills a plug-in whose fill is cancelled, which can end nothing itself any more. But its end of
this program's standard input is closed then, on every system. FOLDER is removed in that case.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading

# Where GIMP's own libraries and modules lie, which would lead another Python astray.
OF_GIMP = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "GI_TYPELIB_PATH")
GRACE_SECONDS = 5  # between asking the command to end and ending it


def main(folder: str, command: list[str]) -> int:
    """Run the command; returns its exit code."""
    environment = {name: value for name, value in os.environ.items() if name not in OF_GIMP}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)
    watcher = threading.Thread(target=_end_with_parent, args=(process, folder), daemon=True)
    watcher.start()
    code = process.wait()
    if _abandoned.is_set():
        watcher.join()
    return code


_abandoned = threading.Event()


def _end_with_parent(process: subprocess.Popen[bytes], folder: str) -> None:
    # Until the parent closes it, or is gone. Not by sys.stdin, whose lock Python wants at its end.
    while os.read(0, 1):
        pass
    if process.poll() is not None:
        return
    _abandoned.set()
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
