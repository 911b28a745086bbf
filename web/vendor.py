"""Puts what the static page needs into its vendor/: onnxruntime-web, the network, the editor.

npm install --prefix web --ignore-scripts --omit=optional
python web/vendor.py

Afterwards the folder without node_modules/ is the page, for any server of static files:

python -m http.server --directory web 8000
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import inpaint
from inpaint.checkpoints.onnx_config import OnnxConfig
from inpaint.checkpoints.onnx_export import export_onnx
from inpaint.checkpoints.weights import DEFAULT_WEIGHTS, find_weights

WEB = Path(__file__).resolve().parent
EDITOR = Path(inpaint.__file__).parent / "app" / "static"
EDITOR_FILES = ("gestures", "hatch", "icons", "marks", "png", "pointer", "stage", "tools", "view")
RUNTIME_FILES = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)


def vendor(folder: Path, modules: Path) -> None:
    """Copy the editor and onnxruntime-web into a folder.

    Args:
        folder: Is made if it is not there.
        modules: The folder node_modules of npm. FileNotFoundError says how to fill it.
    """
    runtime = modules / "onnxruntime-web"
    if not (runtime / "dist" / RUNTIME_FILES[0]).is_file():
        raise FileNotFoundError(
            f"no onnxruntime-web in {modules}; first: npm install --prefix web --ignore-scripts"
        )
    for name, files, source in (
        ("editor", [f"{name}.js" for name in EDITOR_FILES], EDITOR),
        ("ort", RUNTIME_FILES, runtime / "dist"),
    ):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(source / file, folder / name / file)
    shutil.copy(runtime / "package.json", folder / "ort" / "package.json")  # licence and version


def main() -> None:
    """Vendor all, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS, help="shipped name or file")
    options = parser.parse_args()
    vendor(WEB / "vendor", WEB / "node_modules")
    model = WEB / "vendor" / "model.onnx"
    export_onnx(find_weights(options.weights), model, OnnxConfig(precision="float16"))
    for path in sorted((WEB / "vendor").rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size / 1e6:6.2f} MB  {path.relative_to(WEB)}")


if __name__ == "__main__":
    main()
