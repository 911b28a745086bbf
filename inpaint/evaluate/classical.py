"""Classical methods to compare with, under the names they have in `--methods`."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from inpaint.utils.extras import install

# (image RGB uint8 (H, W, 3), hole bool (H, W), True = fill) -> filled, RGB uint8 (H, W, 3)
Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _opencv(method: int) -> Fill:
    """cv2.inpaint with a radius of 3 pixels."""

    def fill(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        bgr = np.ascontiguousarray(image[..., ::-1])
        return cv2.inpaint(bgr, hole.astype(np.uint8), 3, method)[..., ::-1]

    return fill


def _patchmatch() -> Fill:
    """Barnes et al., SIGGRAPH 2009, with patches of 7 pixels, as PyPatchMatch has it."""
    try:
        import patchmatch
    except ImportError as error:
        raise RuntimeError(f"patchmatch needs PyPatchMatch: {install('evaluate')}") from error

    def fill(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        return patchmatch.patch_match.inpaint(image, hole, patch_size=3)

    return fill


def _biharmonic() -> Fill:
    """Smooth continuation, skimage.restoration.inpaint_biharmonic."""
    try:
        from skimage.restoration import inpaint_biharmonic
    except ImportError as error:
        raise RuntimeError(f"biharmonic needs scikit-image: {install('evaluate')}") from error

    def fill(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        filled = inpaint_biharmonic(image / 255.0, hole, channel_axis=2)
        return np.rint(filled.clip(0, 1) * 255).astype(np.uint8)

    return fill


def _xphoto(name: str) -> Fill:
    """cv2.xphoto.inpaint of OpenCV's contrib modules.

    SHIFTMAP: dominant offsets and a graph cut (He and Sun, ECCV 2012), in CIELab as its
    documentation asks. FSR_FAST, FSR_BEST: frequency selective reconstruction (Genser et al.,
    PCS 2018), the latter about 25 times slower.
    """
    xphoto = getattr(cv2, "xphoto", None)  # plain OpenCV has none
    if xphoto is None:
        raise RuntimeError(
            f"{name.lower()} needs OpenCV's contrib modules: pip uninstall opencv-python-headless, "
            "then pip install opencv-contrib-python-headless"
        )
    method = getattr(xphoto, f"INPAINT_{name}")
    to, back = cv2.COLOR_BGR2Lab, cv2.COLOR_Lab2BGR

    def fill(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        source = np.ascontiguousarray(image[..., ::-1])
        known = np.where(hole, np.uint8(0), np.uint8(255))
        if name == "SHIFTMAP":
            source = cv2.cvtColor(source, to)
        filled = np.zeros_like(source)
        xphoto.inpaint(source, known, filled, method)
        return (cv2.cvtColor(filled, back) if name == "SHIFTMAP" else filled)[..., ::-1]

    return fill


# Each makes its function when it is asked for, so a package that nobody asks for may be missing.
CLASSICAL: dict[str, Callable[[], Fill]] = {
    "telea": lambda: _opencv(cv2.INPAINT_TELEA),
    "ns": lambda: _opencv(cv2.INPAINT_NS),
    "patchmatch": _patchmatch,
    "biharmonic": _biharmonic,
    "shiftmap": lambda: _xphoto("SHIFTMAP"),
    "fsr_fast": lambda: _xphoto("FSR_FAST"),
    "fsr_best": lambda: _xphoto("FSR_BEST"),
}
