"""What cannot be written is said before anything is filled, and permissions are kept."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from folders import fill, put_image, put_mask, report_of, tiny_weights
from PIL import Image

from inpaint.images import ImageData, ImageError, check_format, check_writable, read_image
from inpaint.images.heif import bits_per_channel
from inpaint.inference.inpainter import Inpainter
from inpaint.utils.files import atomic_write

GRAY = np.full((12, 16), 90, np.uint8)


@pytest.fixture
def unfilled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fill that must not be reached."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("filled in vain")

    monkeypatch.setattr(Inpainter, "fill_image_data", fail)


@pytest.fixture
def without_heic(monkeypatch: pytest.MonkeyPatch) -> None:
    check_format("png")  # all plug-ins are there
    monkeypatch.delitem(Image.SAVE, "HEIF", raising=False)


def test_what_a_format_cannot_hold_is_known_without_encoding() -> None:
    deep, clear = ImageData(GRAY.astype(np.uint16)), ImageData(GRAY, alpha=GRAY)
    assert check_writable(ImageData(GRAY), format="jpeg") == "jpg"
    for image in (deep, clear):
        assert check_writable(image) == "png" and check_writable(image, format="tif") == "tiff"
    for name in ("jpg", "webp", "bmp", "gif", "avif"):
        with pytest.raises(ImageError, match=f"{name} cannot hold 16 bits a channel"):
            check_writable(deep, format=name)
    with pytest.raises(ImageError, match="jpg cannot hold transparency"):
        check_writable(clear, format="jpg")
    with pytest.raises(ValueError, match=r"format must be one of jpg, png, .*, got 'psd'"):
        check_format("psd")


@pytest.mark.parametrize("kind", ["alpha", "deep"])
def test_a_picture_that_cannot_be_written_is_not_filled(
    kind: str, tmp_path: Path, unfilled: None
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 4), np.uint8)
    image = Image.fromarray(pixels if kind == "alpha" else pixels[..., 0].astype(np.uint16) * 257)
    (tmp_path / "in").mkdir()
    image.save(tmp_path / "in" / "a.png")
    mask, weights = (
        put_mask(tmp_path / "mask.png", 40, 60),
        tiny_weights(tmp_path / "w.safetensors"),
    )
    options = ("--mask", mask, "-o", tmp_path / "out", "--format", "jpg")
    assert fill(tmp_path / "in", *options, weights=weights) == 1
    (row,) = report_of(tmp_path / "out" / "report.jsonl").values()
    assert row["message"].startswith("jpg cannot hold")


def test_a_format_without_its_package_ends_the_run_before_it_begins(
    tmp_path: Path, without_heic: None, capsys: pytest.CaptureFixture[str]
) -> None:
    put_image(tmp_path / "in" / "a.png", 40, 60)
    mask, weights = (
        put_mask(tmp_path / "mask.png", 40, 60),
        tiny_weights(tmp_path / "w.safetensors"),
    )
    for more in (("-o", tmp_path / "out", "--format", "heic"), ("-o", tmp_path / "out.heic")):
        source = tmp_path / "in" / ("a.png" if len(more) == 2 else "")
        assert fill(source, "--mask", mask, *more, weights=weights) == 2
        assert "writing heic needs pip install pillow-heif" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("mode", "expected"), [(0o600, 0o600), (0o640, 0o640), (0o666, 0o644)])
def test_an_output_is_as_private_as_its_picture(tmp_path: Path, mode: int, expected: int) -> None:
    source = tmp_path / "a.png"
    put_image(source, 40, 60)
    source.chmod(mode)
    weights = tiny_weights(tmp_path / "w.safetensors")
    before = os.umask(0o022)
    try:
        for number, marked in enumerate((True, False)):  # filled, and copied as it is
            mask = tmp_path / f"mask{number}.png"
            Image.fromarray(np.uint8(255 * marked) * np.eye(40, 60, dtype=np.uint8)).save(mask)
            output = tmp_path / f"out{number}.png"
            assert fill(source, "--mask", mask, "-o", output, weights=weights) == 0
            assert output.stat().st_mode & 0o777 == expected
    finally:
        os.umask(before)


def test_a_file_stays_as_private_as_the_one_it_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    path.chmod(0o600)
    atomic_write(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)


def test_ten_bits_that_become_eight_are_noted(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    samples = np.random.default_rng(0).integers(0, 1 << 16, (32, 32, 3), np.uint16)
    for bits, mode, data in ((10, "RGB;16", samples), (8, "RGB", (samples >> 8).astype(np.uint8))):
        path = tmp_path / f"{bits}.heic"
        heif.from_bytes(mode, (32, 32), data.tobytes()).save(path)
        expected = ("10 bits a channel converted to 8",) if bits == 10 else ()
        assert read_image(path).notes == expected


def test_bits_are_those_of_the_file_format() -> None:
    file = io.BytesIO()
    Image.fromarray(GRAY).convert("RGB").save(file, "AVIF")
    data = bytearray(file.getvalue())
    assert bits_per_channel(bytes(data)) == 8
    at = data.index(b"pixi")
    data[at + 9 : at + 12] = (10, 12, 10)
    assert bits_per_channel(bytes(data)) == 12
    for length in range(len(data)):
        assert bits_per_channel(bytes(data[:length])) in (8, 10, 12)
    assert bits_per_channel(b"\0\0\0\1meta") == bits_per_channel(b"\0\0\0\0meta") == 8
