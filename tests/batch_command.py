"""`inpaint fill` in a process of its own, shared by the tests of what can go wrong with it."""

import os
import shutil
import subprocess
import sys

# Root may read everything, unless it gives up the right to.
LIMITED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
CAN_LIMIT = (
    os.geteuid() == 0
    and shutil.which("setpriv") is not None
    and subprocess.run([*LIMITED, "true"], capture_output=True).returncode == 0
)
CAN_LOCK = os.geteuid() != 0 or CAN_LIMIT
SECONDS = 120  # until a command counts as hanging


def command(*arguments, weights, **options):
    """`inpaint fill` in a process of its own, without root's rights where that can be."""
    line = [*(LIMITED if CAN_LIMIT else ()), sys.executable, "-m", "inpaint", "fill"]
    line += [*map(str, arguments), "--weights", weights, "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        line,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=SECONDS,
        env=environment,
        **options,
    )
