"""All frames of animations and pages of TIFF files, read and written as they were."""

import io

import numpy as np
import pytest
from pictures import ICC, encode, exif_bytes, exif_facts, scene
from PIL import Image

from inpaint.images import ImageData, ImageError, read_image
from inpaint.images.frames import encode_frames, read_frames
from inpaint.images.tiff import encode_tiff, page_alone, page_offsets

DURATIONS = [40, 100, 250]


def still(number, *, channels=3, clear=False):
    """A frame of few colours, of which a square moves."""
    pixels = scene(37, 91, 3) // 64 * 64
    pixels[5 : 5 + 9, 10 * number : 10 * number + 9] = (250, 20 * number, 0)
    if channels == 3:
        return Image.fromarray(pixels)
    alpha = np.full((37, 91), 255, np.uint8)
    alpha[20:30, 30 * number : 30 * number + 20] = 0
    return Image.fromarray(np.dstack([pixels, alpha]))


def animation(kind, channels, **options):
    frames = [still(number, channels=channels) for number in range(3)]
    options = {"save_all": True, "append_images": frames[1:], "duration": DURATIONS, **options}
    return encode(frames[0], kind, loop=3, **options)


def shown(data):
    """What Pillow shows of each frame, (3, H, W, 4); transparent colours say nothing."""
    with Image.open(io.BytesIO(data)) as image:
        frames = []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.array(image.convert("RGBA")))
    frames = np.stack(frames)
    frames[frames[..., 3] == 0] = 0
    return frames


def read(data):
    return list(read_frames(io.BytesIO(data)))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("GIF", {}),
        ("GIF", {"disposal": 2}),
        ("PNG", {}),
        ("WEBP", {"lossless": True, "exact": True}),
    ],
)
def test_animations_come_back_as_they_were(kind, options, channels):
    data = animation(kind, channels, **options)
    frames = read(data)
    again = encode_frames(frames, format=kind.lower())
    np.testing.assert_array_equal(shown(again), shown(data))
    assert [frame.duration for frame in read(again)] == DURATIONS
    assert [frame.loop for frame in read(again)] == [3, 3, 3]
    assert all(frame.frames == 3 and frame.notes == () for frame in frames)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_what_is_changed_in_one_frame_is_changed_there_only(kind):
    data = animation(kind, 3, lossless=True)
    frames = read(data)
    frames[1].pixels[30:, :20] = frames[1].pixels[0, 0]
    expected = shown(data)
    expected[1, 30:, :20] = expected[1, 0, 0]
    again = encode_frames(frames, format=kind.lower())
    np.testing.assert_array_equal(shown(again), expected)


def tiff_pages():
    """Pages of every kind: of 8 and 16 bits, black and white, with a palette, of other sizes."""
    deep = scene(20, 31, 4, np.uint16)
    facts = {"exif": exif_bytes(), "icc": ICC, "dpi": (300.0, 150.0)}
    bits = ImageData((scene(40, 33, 1)[..., 0] > 99) * np.uint8(255), mode="1", format="tiff")
    return [
        ImageData(scene(37, 91), format="tiff", **facts),
        ImageData(deep[..., :3].copy(), deep[..., 3].copy(), format="tiff", **facts),
        ImageData(scene(5, 7, 1, np.uint16)[..., 0].copy(), format="tiff", compressed=False),
        bits,
        ImageData(scene(37, 91), format="tiff", **facts),
    ]


def test_pages_of_a_tiff_keep_their_pixels_and_what_is_said_about_them():
    pages = tiff_pages()
    data = encode_frames(pages, format="tiff")
    again = read(data)
    assert len(again) == len(pages) == len(page_offsets(data))
    for before, after in zip(pages, again, strict=True):
        np.testing.assert_array_equal(before.pixels, after.pixels)
        assert before.deep == after.deep and before.compressed == after.compressed
        assert before.icc == after.icc and before.dpi in (None, after.dpi)
        assert after.frames == 5 and after.notes == ()
        if before.exif:
            assert exif_facts(after.exif) == exif_facts(before.exif)
    np.testing.assert_array_equal(again[1].alpha, pages[1].alpha)
    assert again[3].mode == "1"
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 5
        image.seek(4)
        np.testing.assert_array_equal(np.array(image), pages[4].pixels)


def test_pages_that_other_programs_wrote_are_read():
    images = [still(number) for number in range(3)]
    for options in ({}, {"compression": "tiff_lzw"}, {"big_tiff": True}):
        data = encode(images[0], "TIFF", save_all=True, append_images=images[1:], **options)
        for image, page in zip(images, read(data), strict=True):
            np.testing.assert_array_equal(page.pixels, np.array(image))


def test_one_picture_is_one_frame():
    for kind in ("PNG", "JPEG", "TIFF", "GIF", "WEBP", "BMP"):
        data = encode(still(0), kind)
        (frame,) = read(data)
        np.testing.assert_array_equal(frame.pixels, read_image(io.BytesIO(data)).pixels)


def test_damaged_and_large_files_are_refused():
    data = encode_frames(tiff_pages(), format="tiff")
    beyond = bytearray(data)
    beyond[4:8] = (len(data) - 1).to_bytes(4, "little")
    for bad in (data[:-9], bytes(beyond)):
        with pytest.raises(ImageError, match="damaged or cut short"):
            read(bad)
    with pytest.raises(ImageError, match="the animation has 3 x 91 x 37 pixels, more than"):
        list(read_frames(io.BytesIO(animation("GIF", 3)), max_pixels=5000))


def one_page():
    """A TIFF file, the place of its page's directory, and that of the link to a next one."""
    data = bytearray(encode_tiff(scene(5, 7), metadata={}))
    (first,) = page_offsets(bytes(data))
    return data, first, first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")


def test_pages_that_go_round_in_a_circle_are_read_once():
    data, first, link = one_page()
    data[link : link + 4] = first.to_bytes(4, "little")
    assert len(read(bytes(data))) == 1
    assert page_alone(bytes(data), first)[link : link + 4] == bytes(4)


def test_anything_in_the_place_of_a_next_page_hides_no_first_one():
    data, _, link = one_page()
    data[link : link + 4] = (len(data) + 7).to_bytes(4, "little")
    image = read_image(io.BytesIO(bytes(data)))
    assert image.size == (5, 7) and image.frames == 1
    with pytest.raises(ImageError, match="lies beyond its end"):
        read(bytes(data))


def test_profile_of_a_later_page_is_not_that_of_the_first():
    first, second = ImageData(scene(5, 7), format="tiff"), tiff_pages()[0]
    image = read_image(io.BytesIO(encode_frames([first, second], format="tiff")))
    assert image.icc is None and image.exif is None and image.frames == 2
    assert image.notes == ("first frame of 2 used",)


def test_what_a_format_cannot_hold_is_named():
    pages = tiff_pages()
    with pytest.raises(ValueError, match="jpg holds one picture only; choose one of tiff, gif"):
        encode_frames(pages, format="jpg")
    with pytest.raises(ImageError, match="gif cannot hold pages of several sizes"):
        encode_frames(pages, format="gif")
    with pytest.raises(ImageError, match="png cannot hold frames of 16 bits"):
        encode_frames([pages[1]] * 2, format="png")
    with pytest.raises(ImageError, match="GIF holds 256 colours"):
        encode_frames([ImageData(scene(37, 91))] * 2, format="gif")
