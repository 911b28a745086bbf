"""Objects that strokes point at: GrabCut, shadows, segment-anything files."""

import cv2
import numpy as np
import pytest

from inpaint.selection import Stroke, add_shadow, dilate_object, select_object
from inpaint.selection.outline import refine_outline

SIZE = (600, 800)
CENTRE, RADIUS = (420, 280), 90  # of the disc below; x first


def disc(size=SIZE, centre=CENTRE, radius=RADIUS):
    rows, columns = np.ogrid[: size[0], : size[1]]
    return (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 <= radius**2


def ball(*, shade=0.0):
    """A blue disc on sand, with a shadow to its lower right."""
    image = np.full((*SIZE, 3), (190, 170, 140), float)
    shadow = disc(centre=(CENTRE[0] + 70, CENTRE[1] + 90), radius=60) & ~disc()
    image[shadow] *= 1 - shade
    image[disc()] = 60, 90, 200
    image += np.random.default_rng(0).normal(0, 5, image.shape)
    return image.clip(0, 255).astype(np.uint8), shadow


def circle(centre=CENTRE, radius=1.3 * RADIUS):
    angles = np.linspace(0, 6.2, 40)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius + centre
    return Stroke(points, 4)


def dab(*points, erase=False, radius=8.0):
    return Stroke(np.array(points, float), radius, erase)


def selected(image, *strokes):
    """The object, (H, W) bool of the whole image."""
    box, mask = select_object(image, strokes)
    whole = np.zeros(image.shape[:2], bool)
    whole[box] = mask
    return whole


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("stroke", [circle(), dab((400, 260), (440, 300)), dab(CENTRE)])
def test_object_is_found_by_a_circle_or_a_dab(stroke):
    image, _ = ball()
    assert overlap(selected(image, stroke), disc()) > 0.97


@pytest.mark.parametrize("stroke", [circle(), dab((60, 300), (740, 300))])
def test_graph_cut_sees_a_small_copy(stroke, monkeypatch):
    sizes = []

    def cut(lab, *others):
        sizes.append(lab.shape[:2])
        return grab_cut(lab, *others)

    grab_cut = cv2.grabCut
    monkeypatch.setattr(cv2, "grabCut", cut)
    large = cv2.resize(ball()[0], None, fx=4, fy=4)
    select_object(large, [Stroke(4 * stroke.points, 4 * stroke.radius)])
    assert 0 < len(sizes) <= 3 and max(map(max, sizes)) <= (176 if stroke.is_circle else 112)


def test_box_is_that_of_the_object():
    box, mask = select_object(ball()[0], [circle()])
    assert mask.any(0).all() and mask.any(1).all()
    assert box[1].start == pytest.approx(CENTRE[0] - RADIUS, abs=3)


def test_gray_and_16_bit_images_are_taken():
    image, _ = ball()
    assert overlap(selected(image.astype(np.uint16) * 257, circle()), disc()) > 0.97
    gray = image.mean(-1).astype(np.uint8)
    assert overlap(selected(gray, circle()), disc()) > 0.95


def test_same_strokes_give_the_same_outline():
    image, _ = ball()
    one, other = selected(image, dab(CENTRE)), selected(image, dab(CENTRE))
    np.testing.assert_array_equal(one, other)


def test_dabs_add_and_erasing_strokes_take_away():
    image, _ = ball()
    image[100:200, 100:200] = 30, 160, 60
    square = np.zeros(SIZE, bool)
    square[100:200, 100:200] = True
    both = selected(image, dab(CENTRE), dab((150, 150)))
    assert overlap(both, disc() | square) > 0.95
    one = selected(image, dab(CENTRE), dab((150, 150)), dab((130, 130), (170, 170), erase=True))
    assert not one[135:165, 150].any()
    assert overlap(one & disc(), disc()) > 0.95


def test_thin_parts_in_a_circle_belong_to_the_object():
    image, _ = ball()
    image[150:400, 200:203] = 90, 80, 70  # a pole
    found = selected(image, circle((201, 275), 140))
    assert found[160:390, 201].mean() > 0.95 and found[:, 150].sum() == 0


def test_small_gaps_inside_belong_to_the_object_and_large_ones_do_not():
    image, _ = ball()
    ground = np.roll(image, (250, 300), axis=(0, 1))  # sand where the disc is
    for radius, belongs in ((8, True), (45, False)):
        hole = disc(radius=radius)
        image[hole] = ground[hole]
        found = selected(image, circle())[disc(radius=radius - 8 if radius > 8 else 4)]
        assert found.mean() > 0.95 if belongs else found.mean() < 0.05


def test_a_closed_loop_that_is_no_wider_than_the_brush_is_a_dab():
    assert circle().is_circle
    assert not circle(radius=10).is_circle
    assert not dab((400, 260), (440, 300)).is_circle
    assert not Stroke(circle().points[:20], 4).is_circle  # half of one


def test_strokes_that_point_at_nothing_are_refused():
    image, _ = ball()
    with pytest.raises(ValueError, match="strokes must hold one that adds"):
        select_object(image, [dab(CENTRE, erase=True)])
    with pytest.raises(ValueError, match="strokes must lie on the image"):
        select_object(image, [dab((-5000, -5000))])


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (37, 91)])
def test_images_of_any_size_are_taken(size):
    image = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    assert selected(image, dab((0, 0), radius=1)).shape == size


def test_outline_is_refined_at_full_size():
    image, _ = ball()
    coarse = disc()[4::8, 4::8]
    blocks = np.kron(coarse, np.ones((8, 8), bool))
    fine = refine_outline(image, coarse)
    assert (fine != disc()).sum() < 0.2 * (blocks != disc()).sum()


def test_shadow_goes_with_its_object():
    image, shadow = ball(shade=0.4)
    box, mask = select_object(image, [dab(CENTRE)])
    for picture, expected in ((image, shadow | disc()), (ball()[0], disc())):
        larger, with_shadow = add_shadow(picture, box, mask)
        whole = np.zeros(SIZE, bool)
        whole[larger] = with_shadow
        assert overlap(whole, expected) > 0.93


def test_object_grows_up_to_the_edge_of_the_image():
    mask = np.ones((1, 2), bool)
    box, grown = dilate_object((slice(2, 3), slice(0, 2)), mask, 2, (9, 9))
    assert box == (slice(0, 5), slice(0, 4))
    expected = [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0]]
    np.testing.assert_array_equal(grown, np.array(expected, bool))
    box, same = dilate_object((slice(2, 3), slice(0, 2)), mask, 0, (9, 9))
    assert box == (slice(2, 3), slice(0, 2)) and same.all()
