"""The outline of an object by GrabCut (Rother, Kolmogorov and Blake 2004), refined at full size.

GrabCut runs on a crop around the strokes that is reduced to less than 200 pixels, because its
graph cut takes seconds on a photo of 12 megapixels. At full size only tiles along the outline are
looked at: there a guided filter (He, Sun and Tang 2010) moves the outline to the edges of the
image.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from inpaint.selection.crops import reduced, tight
from inpaint.selection.outline import refine_outline
from inpaint.selection.strokes import Stroke, corrected
from inpaint.utils.crop import cover_ignored
from inpaint.utils.rectangles import Rectangle

# Pixels of the longer side of the reduced crop. Circles need more for thin parts; what dabs lie on
# is found better with fewer, and up to three windows of it are cut.
CIRCLE_SIDE, DAB_SIDE = 176, 112
ITERATIONS = 2  # of GrabCut; more change little
CIRCLE_MARGIN = 0.15  # around a circle, of its longer side
DAB_SHARE = 0.16  # of the image's shorter side: how far around a dab is looked at first
DAB_RADII = 5.0  # the same in radii of the brush
# From this distance to the background nearby a colour is not the background's: in medians of the
# background's own distance, and at least in 8-bit Lab.
UNLIKE = 2.5
LEAST_UNLIKE = 14.0
NEARBY = 0.04  # of the crop's longer side: sigma of the Gaussian that averages the background
COLOURS = 5  # main colours of dabs and background
LEAST_PART = 0.05  # of the area of the largest part in a circle; smaller parts are left out
GAP_SHARE = 0.05  # of the object's area: smaller gaps inside belong to it
BORDER_SHARE = 0.04  # of a side of the window; an object that covers more goes on outside
MOST_WINDOWS = 3  # tried, each with twice the margin, while the object reaches the border

Drawn = list[tuple[Stroke, np.ndarray]]  # strokes, and where they lie in the window, (h, w) bool


def select_object(image: np.ndarray, strokes: Sequence[Stroke]) -> tuple[Rectangle, np.ndarray]:
    """The object that strokes point at.

    Args:
        image: (H, W) or (H, W, 3) RGB, uint8 or uint16.
        strokes: In their order: a circle around the object or dabs on it, and corrections.

    Returns:
        A box of the image, and (h, w) bool of it, True = object. The box is that of the object
        where there is one.

    Raises:
        ValueError: No stroke that adds, or one that lies outside of the image.
    """
    adding = [stroke for stroke in strokes if not stroke.erase]
    if not adding:
        raise ValueError("strokes must hold one that adds to the object")
    height, width = image.shape[:2]
    circled = any(stroke.is_circle for stroke in adding)
    radius = max(stroke.radius for stroke in adding)
    side = CIRCLE_SIDE if circled else DAB_SIDE
    margin = 0.0 if circled else max(DAB_SHARE * min(height, width), DAB_RADII * radius)
    for _ in range(1 if circled else MOST_WINDOWS):
        window = _window(adding, margin, (height, width))
        small, scale = reduced(image[window], side)
        lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
        mask = _cut(lab, strokes, window, scale, circled=circled)
        if circled or not _reaches_border(mask, window, (height, width)):
            break
        margin *= 2
    fine = refine_outline(image[window], mask)
    return tight(window, corrected(fine, strokes, window))


def _window(strokes: Sequence[Stroke], margin: float, size: tuple[int, int]) -> Rectangle:
    """The part of the image around strokes. Raises ValueError if it is empty."""
    boxes = np.array([stroke.box for stroke in strokes])
    (left, top), (right, bottom) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    margin = max(margin, CIRCLE_MARGIN * max(right - left, bottom - top))
    height, width = size
    rows = slice(max(0, int(top - margin)), min(height, int(np.ceil(bottom + margin))))
    columns = slice(max(0, int(left - margin)), min(width, int(np.ceil(right + margin))))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        raise ValueError("strokes must lie on the image")
    return rows, columns


def _cut(
    lab: np.ndarray, strokes: Sequence[Stroke], window: Rectangle, scale: float, *, circled: bool
) -> np.ndarray:
    """The object in a reduced window, (h, w) bool. lab: (h, w, 3) uint8 of 8-bit Lab."""
    rows, columns = window
    size = lab.shape[:2]
    drawn = [
        (stroke, stroke.draw(size, scale=scale, left=columns.start, top=rows.start))
        for stroke in strokes
    ]
    labels = _first_guess(lab, drawn, circled=circled)
    if (labels & 1).all() or not (labels & 1).any():  # no background, or no foreground
        return (labels & 1).astype(bool)
    background = labels == cv2.GC_BGD
    cv2.setRNGSeed(0)  # its k-means starts at random
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(lab, labels, (0, 0, 0, 0), *models, ITERATIONS, cv2.GC_INIT_WITH_MASK)
    mask = (labels & 1).astype(bool)
    if circled:
        mask |= _unlike(lab, background)
    return _connected(mask, drawn)


def _first_guess(lab: np.ndarray, drawn: Drawn, *, circled: bool) -> np.ndarray:
    """GrabCut's labels, (h, w) uint8, before its first iteration."""
    size = lab.shape[:2]
    circles, dabs = np.zeros(size, bool), np.zeros(size, bool)
    for stroke, covered in drawn:
        if not stroke.erase:
            (circles if stroke.is_circle else dabs)[covered] = True
    if circled:
        labels = np.where(circles, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    else:
        labels = np.full(size, cv2.GC_PR_BGD, np.uint8)
        labels[_like(lab, dabs)] = cv2.GC_PR_FGD
    labels[dabs] = cv2.GC_FGD
    for stroke, covered in drawn:
        if stroke.erase:
            labels[covered] = cv2.GC_BGD
    return labels


def _like(lab: np.ndarray, dabs: np.ndarray) -> np.ndarray:
    """Where the colour is nearer to the dabs' than to the window border's, (h, w) bool."""
    border = np.ones_like(dabs)
    border[2:-2, 2:-2] = False
    inside, outside = _distance(lab, lab[dabs]), _distance(lab, lab[border & ~dabs])
    return inside < outside


def _unlike(lab: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Where the colour is not that of the background nearby, (h, w) bool.

    All inside a circle is the object, except for background that shows there. GrabCut alone, which
    knows colours only, loses thin parts and those of a colour that is also found outside.
    """
    around = lab.astype(np.float32)
    cover_ignored(around, ~background)
    blurred = cv2.GaussianBlur(around, (0, 0), NEARBY * max(background.shape))
    distance = np.linalg.norm(lab - blurred, axis=-1)
    usual = np.median(distance[background]) if background.any() else 0.0
    return ~background & (distance > max(UNLIKE * usual, LEAST_UNLIKE))


def _distance(lab: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Squared distance of each pixel to the nearest of the main colours of the samples, (h, w)."""
    samples, pixels = samples.astype(np.float32), lab.astype(np.float32)
    if len(samples) == 0:
        return np.full(lab.shape[:2], np.inf, np.float32)
    count = min(COLOURS, len(samples))
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_MAX_ITER, 6, 0.0)
    labels = np.zeros((len(samples), 1), np.int32)
    _, _, centres = cv2.kmeans(samples, count, labels, criteria, 1, cv2.KMEANS_PP_CENTERS)
    return np.min([((pixels - centre) ** 2).sum(-1) for centre in centres], axis=0)


def _connected(mask: np.ndarray, drawn: Drawn) -> np.ndarray:
    """The parts of a mask that strokes lie on, with the small gaps inside of them."""
    count, parts, areas, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count <= 1:
        return mask
    sizes = areas[:, cv2.CC_STAT_AREA]
    touched = np.zeros(count, bool)
    for stroke, covered in drawn:
        if stroke.erase:
            continue
        inside = np.unique(parts[covered & mask])
        if stroke.is_circle:
            inside = inside[sizes[inside] > LEAST_PART * sizes[1:].max()]
        touched[inside] = True
    touched[0] = False
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    kept = touched[parts].astype(np.uint8)
    return _without_gaps(cv2.morphologyEx(kept, cv2.MORPH_CLOSE, kernel).astype(bool))


def _without_gaps(mask: np.ndarray) -> np.ndarray:
    """The mask with the small gaps inside of it, such as those of a lattice."""
    _, parts, areas, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8))
    small = areas[:, cv2.CC_STAT_AREA] < GAP_SHARE * mask.sum()
    border = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    small[border] = False
    small[0] = False  # the mask itself
    return mask | small[parts]


def _reaches_border(mask: np.ndarray, window: Rectangle, size: tuple[int, int]) -> bool:
    """Whether the object goes on beyond the window, (h, w) bool of it."""
    rows, columns = window
    sides = (
        (mask[0], rows.start > 0),
        (mask[-1], rows.stop < size[0]),
        (mask[:, 0], columns.start > 0),
        (mask[:, -1], columns.stop < size[1]),
    )
    return any(side.mean() > BORDER_SHARE and more for side, more in sides)
