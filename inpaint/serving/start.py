"""What a server sets up in its process before it loads networks."""

from __future__ import annotations

import logging

from inpaint.serving.memory import bound_arenas
from inpaint.utils.memory import bound_kernel_cache

# Of prepared convolutions that oneDNN keeps, one for each shape and layer, some of megabytes.
KERNELS = 16


def set_up_process() -> None:
    """Writes the log with times, and bounds what prepared convolutions and freed memory take."""
    logging.basicConfig(format="%(asctime)s %(levelname)s: %(message)s")
    logging.getLogger("inpaint").setLevel(logging.INFO)
    bound_kernel_cache(KERNELS)
    bound_arenas()
