"""Latency of one network on the CPU: torch eager, folded and compiled, onnxruntime, OpenVINO.

    python benchmarks/backends.py --weights places2-compact --sizes 256 512 1024

`folded` is what `Inpainter` runs. One process; the backends take turns, and medians are reported,
so that a busy machine slows all of them alike. Between turns is a pause, because onnxruntime's
threads go on spinning for a while. OpenVINO is left out when it is not installed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from inpaint.checkpoints.onnx import OnnxNetwork
from inpaint.checkpoints.onnx_config import OnnxConfig
from inpaint.checkpoints.onnx_export import export_onnx
from inpaint.checkpoints.weights import DEFAULT_WEIGHTS, find_weights, load_network
from inpaint.models.folding import fold

PAUSE = 0.1  # s

Backend = Callable[[Tensor, Tensor], Tensor]


def openvino_backend(path: Path) -> Backend:
    """The ONNX file run by OpenVINO. Raises ImportError."""
    import openvino

    model = openvino.Core().compile_model(
        str(path), "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    )
    request = model.create_infer_request()

    def run(image: Tensor, valid: Tensor) -> Tensor:
        answer = request.infer({"image": image.numpy(), "mask": 1 - valid.numpy()})
        return torch.from_numpy(answer["output"])

    return run


def backends(weights: Path, folder: Path, *, compiled: bool) -> dict[str, Backend]:
    """Every backend that is there, by name."""
    network = load_network(weights).to(memory_format=torch.channels_last)
    onnx = folder / "model.onnx"
    export_onnx(weights, onnx)
    half = folder / "half.onnx"
    export_onnx(weights, half, OnnxConfig(precision="float16"))
    folded = fold(network).to(memory_format=torch.channels_last)
    found: dict[str, Backend] = {
        "eager": network,
        "folded": folded,
        "onnxruntime": OnnxNetwork(onnx),
        "onnxruntime float16": OnnxNetwork(half),
    }
    if compiled:
        found["compiled"] = torch.compile(network, dynamic=False)
    try:
        found["openvino"] = openvino_backend(onnx)
    except ImportError:
        print("openvino is not installed and is left out")
    return found


@torch.inference_mode()
def measure(found: dict[str, Backend], size: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Median milliseconds and largest difference to eager of each backend."""
    image = torch.rand(1, 3, size, size).contiguous(memory_format=torch.channels_last)
    valid = torch.ones(1, 1, size, size)
    valid[..., size // 4 : size // 2, size // 4 : size // 2] = 0
    plain = image.contiguous()
    rows = ("onnxruntime", "onnxruntime float16", "openvino")  # take no channels-last tensors
    inputs = {name: plain if name in rows else image for name in found}
    expected = found["eager"](image, valid)
    differences = {
        name: (run(inputs[name], valid) - expected).abs().max().item()
        for name, run in found.items()
    }
    times: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, run in found.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            run(inputs[name], valid)
            times[name].append(time.perf_counter() - start)
    return {
        name: (statistics.median(values) * 1e3, differences[name]) for name, values in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        found = backends(
            find_weights(options.weights), Path(folder), compiled=not options.no_compile
        )
        print("| px | " + " | ".join(f"{name}, ms" for name in found) + " | largest difference |")
        print("|---" * (len(found) + 2) + "|")
        for size in options.sizes:
            figures = measure(found, size, options.rounds)
            row = " | ".join(f"{ms:.0f}" for ms, _ in figures.values())
            worst = max(difference for _, difference in figures.values())
            print(f"| {size} | {row} | {worst:.1e} |", flush=True)


if __name__ == "__main__":
    main()
