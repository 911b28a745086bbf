#!/usr/bin/env python3
"""GIMP 3: fills what is selected in a layer. Filters > Enhance > Inpaint selection."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gegl", "0.4")
gi.require_version("Gimp", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Gegl, Gimp, GimpUi, Gio, GLib, GObject  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
from filling import FillError, Request, fill  # noqa: E402
from png import write_png  # noqa: E402

PROCEDURE = "plug-in-inpaint-selection"
STYLES = (
    ("natural", "Natural: what looks real"),
    ("faithful", "Faithful: closest on average, nothing is invented"),
    ("plain", "Plain: no texture from the photo"),
)
EIGHT_BITS = ("U8_LINEAR", "U8_NON_LINEAR", "U8_PERCEPTUAL")


class InpaintSelection(Gimp.PlugIn):
    """Registers the procedure, and runs it."""

    def do_query_procedures(self) -> list[str]:
        """Names of the procedures."""
        return [PROCEDURE]

    def do_set_i18n(self, _: str) -> bool:
        """There are no translations."""
        return False

    def do_create_procedure(self, name: str) -> Any:
        """The procedure, with its menu entry and arguments."""
        kind = Gimp.PDBProcType.PLUGIN
        procedure = Gimp.ImageProcedure.new(self, name, kind, self.run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        procedure.set_menu_label("_Inpaint selection...")
        procedure.add_menu_path("<Image>/Filters/Enhance")
        procedure.set_documentation(
            "Fill what is selected from its surroundings",
            "Runs the command inpaint, or asks a server that runs inpaint serve",
            name,
        )
        procedure.set_attribution("The inpaint authors", "BSD-3-Clause", "2026")
        styles = Gimp.Choice.new()
        for number, (style, label) in enumerate(STYLES):
            styles.add(style, number, label, "")
        both = GObject.ParamFlags.READWRITE
        procedure.add_choice_argument("style", "_Style", "", styles, STYLES[0][0], both)
        help_text = "The same gives the same fill"
        procedure.add_int_argument("seed", "S_eed", help_text, 0, 2**31 - 1, 0, both)
        help_text = "Name or full path of the command inpaint"
        procedure.add_string_argument("command", "_Command", help_text, "inpaint", both)
        help_text = "Address of a server that runs inpaint serve; empty uses the command"
        procedure.add_string_argument("server", "Ser_ver", help_text, "", both)
        procedure.add_string_argument("token", "_Token", "Of the server", "", both)
        return procedure

    def run(
        self, procedure: Any, mode: Any, image: Any, drawables: list[Any], config: Any, _: Any
    ) -> Any:
        """Fill the selection in the layer; the result's status says how it ended."""
        if len(drawables) != 1:
            return failure(procedure, "Select one layer")
        if Gimp.Selection.is_empty(image) or not drawables[0].mask_intersect()[0]:
            return failure(procedure, "Select what is to be filled")
        if mode == Gimp.RunMode.INTERACTIVE and not ask(procedure, config):
            return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
        try:
            fill_selection(image, drawables[0], config)
        except (FillError, OSError) as error:
            return failure(procedure, str(error))
        return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)


def ask(procedure: Any, config: Any) -> bool:
    """Show the settings; whether they were confirmed."""
    GimpUi.init(PROCEDURE)
    dialog = GimpUi.ProcedureDialog.new(procedure, config, "Inpaint selection")
    dialog.fill(None)
    confirmed: bool = dialog.run()
    dialog.destroy()
    return confirmed


def failure(procedure: Any, message: str) -> Any:
    """What a run gives that ends with a message."""
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), message, 0)
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)


def fill_selection(image: Any, layer: Any, config: Any) -> None:
    """Replace what is selected in a layer. A soft selection blends; one undo takes it back.

    Raises FillError.
    """
    Gimp.progress_init("Inpaint selection")
    with tempfile.TemporaryDirectory(prefix="inpaint-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        files = (folder / file for file in ("image.png", "mask.png", "filled.png"))
        settings = {key: config.get_property(key) for key in ("style", "seed")}
        request = Request(folder, *files, **settings)
        pixel_format, depth, channels = format_of(image, layer)
        export(image, layer, request, pixel_format, depth, channels)
        service = {key: config.get_property(key) for key in ("command", "server", "token")}
        fill(request, report, **service)
        replace(image, layer, request.output, pixel_format)
    Gimp.progress_end()


def report(share: float | None) -> None:
    """Move GIMP's progress bar. Its Cancel ends this process, and the fill with it."""
    if share is None:
        Gimp.progress_pulse()
    else:
        Gimp.progress_update(share)


def format_of(image: Any, layer: Any) -> tuple[str, int, int]:
    """Babl's name of the pixels that are exchanged, bits of a channel, and channels."""
    eight = image.get_precision() in [getattr(Gimp.Precision, name) for name in EIGHT_BITS]
    depth, alpha = 8 if eight else 16, layer.has_alpha()
    return f"R'G'B'{'A' if alpha else ''} u{depth}", depth, 4 if alpha else 3


def export(
    image: Any, layer: Any, request: Request, pixel_format: str, depth: int, channels: int
) -> None:
    """Write the layer, and where it is selected at all."""
    size = layer.get_width(), layer.get_height()
    _, left, top = layer.get_offsets()
    own, there = Gegl.Rectangle.new(0, 0, *size), Gegl.Rectangle.new(left, top, *size)
    none = Gegl.AbyssPolicy.NONE  # beside the image nothing is selected
    pixels = bytes(layer.get_buffer().get(own, 1.0, pixel_format, none))
    write_png(request.image, pixels, size, channels, depth)
    selected = bytes(image.get_selection().get_buffer().get(there, 1.0, "Y u8", none))
    mask = selected.translate(bytes([0]) + bytes([255]) * 255)
    write_png(request.mask, mask, size, 1, 8)


def replace(image: Any, layer: Any, filled: Path, pixel_format: str) -> None:
    """Merge a filled image into what is selected of the layer."""
    _, x, y, width, height = layer.mask_intersect()
    box = Gegl.Rectangle.new(x, y, width, height)
    loaded = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(str(filled)))
    source = loaded.get_layers()[0].get_buffer()
    pixels = bytes(source.get(box, 1.0, pixel_format, Gegl.AbyssPolicy.NONE))
    loaded.delete()
    image.undo_group_start()
    shadow = layer.get_shadow_buffer()
    shadow.set(box, pixel_format, pixels)
    shadow.flush()
    layer.merge_shadow(True)
    layer.update(x, y, width, height)
    image.undo_group_end()
    Gimp.displays_flush()


Gimp.main(InpaintSelection.__gtype__, sys.argv)
