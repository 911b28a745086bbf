"""The GIMP plug-in with a stand-in for GIMP 3: what it exports, merges, asks and says.

The stand-in has the functions that the plug-in calls, with images as arrays. It cannot show that
GIMP's own functions are called rightly.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

PLUG_IN = Path(__file__).parents[1] / "integrations" / "gimp" / "inpaint-selection"
DTYPES = {"u8": np.uint8, "u16": np.uint16}


class Buffer:
    """A Gegl buffer, (H, W, C)."""

    def __init__(self, array):
        self.array = array

    def get(self, box, scale, pixel_format, abyss):
        assert scale == 1.0 and abyss == "none"
        colours, kind = pixel_format.split()
        assert self.array.dtype == DTYPES[kind]
        assert self.array.shape[2] == {"Y": 1, "R'G'B'": 3, "R'G'B'A": 4}[colours]
        result = np.zeros((box.height, box.width, self.array.shape[2]), self.array.dtype)
        for y in range(box.height):
            for x in range(box.width):
                v, u = y + box.y, x + box.x
                if 0 <= v < self.array.shape[0] and 0 <= u < self.array.shape[1]:
                    result[y, x] = self.array[v, u]
        return result.tobytes()

    def set(self, box, pixel_format, data):
        array = np.frombuffer(data, self.array.dtype)
        self.array[box.y : box.y + box.height, box.x : box.x + box.width] = array.reshape(
            box.height, box.width, -1
        )

    def flush(self):
        pass


class Layer:
    """A layer whose left upper corner lies at `offset` of its image."""

    def __init__(self, image, array, offset):
        self.image, self.array, self.offset = image, array, offset
        self.shadow = Buffer(np.zeros_like(array))
        self.updated = []

    def get_buffer(self):
        return Buffer(self.array)

    def get_shadow_buffer(self):
        return self.shadow

    def get_width(self):
        return self.array.shape[1]

    def get_height(self):
        return self.array.shape[0]

    def get_offsets(self):
        return True, *self.offset

    def has_alpha(self):
        return self.array.shape[2] == 4

    def _selected(self):
        left, top = self.offset
        box = SimpleNamespace(x=left, y=top, width=self.get_width(), height=self.get_height())
        data = Buffer(self.image.selection[..., None]).get(box, 1.0, "Y u8", "none")
        return np.frombuffer(data, np.uint8).reshape(self.array.shape[:2]) / 255

    def mask_intersect(self):
        rows, columns = np.nonzero(self._selected())
        if not len(rows):
            return False, 0, 0, 0, 0
        y, x = rows.min(), columns.min()
        return True, int(x), int(y), int(columns.max() - x + 1), int(rows.max() - y + 1)

    def merge_shadow(self, undo):
        assert undo and self.image.groups == ["start"]
        share = self._selected()[..., None]
        mixed = share * self.shadow.array + (1 - share) * self.array
        self.array = np.rint(mixed).astype(self.array.dtype)

    def update(self, *box):
        self.updated.append(box)


class Picture:
    """A GIMP image with one layer."""

    def __init__(self, array, selection, offset=(0, 0)):
        self.selection = selection
        self.layer = Layer(self, array, offset)
        self.groups = []
        self.deleted = False

    def get_precision(self):
        return "u8 perceptual" if self.layer.array.dtype == np.uint8 else "u16 perceptual"

    def get_selection(self):
        return SimpleNamespace(get_buffer=lambda: Buffer(self.selection[..., None]))

    def get_layers(self):
        return [self.layer]

    def undo_group_start(self):
        self.groups.append("start")

    def undo_group_end(self):
        self.groups.append("end")

    def delete(self):
        self.deleted = True


class Gimp:
    """GIMP's modules, and what a person answers and sees."""

    def __init__(self):
        self.confirms = True
        self.asked, self.progress, self.arguments = [], [], {}

    def load(self, name):
        array = cv2.imread(name, cv2.IMREAD_UNCHANGED)
        order = [2, 1, 0, 3][: array.shape[2]]
        return Picture(np.ascontiguousarray(array[..., order]), None)

    def dialog(self, procedure, config, title):
        self.asked.append(title)
        return SimpleNamespace(fill=lambda _: None, run=lambda: self.confirms, destroy=lambda: None)

    def procedure(self, plug_in, name, kind, run, data):
        quiet = dict.fromkeys(
            ("set_image_types", "set_sensitivity_mask", "set_menu_label", "add_menu_path",
             "set_documentation", "set_attribution"), lambda *_: None,
        )  # fmt: skip
        add = dict.fromkeys(
            ("add_choice_argument", "add_int_argument", "add_string_argument"),
            lambda name, nick, blurb, *rest: self.arguments.__setitem__(name, rest[-2]),
        )
        return SimpleNamespace(
            run=run, new_return_values=lambda status, error: (status, error), **quiet, **add
        )

    def modules(self):
        progress = self.progress.append
        names = SimpleNamespace
        gimp = names(
            PlugIn=type("PlugIn", (), {"error_quark": staticmethod(lambda: 0), "__gtype__": "g"}),
            ImageProcedure=names(new=self.procedure),
            PDBProcType=names(PLUGIN="plugin"),
            PDBStatusType=names(SUCCESS="success", CANCEL="cancel", EXECUTION_ERROR="error"),
            ProcedureSensitivityMask=names(DRAWABLE=1),
            RunMode=names(INTERACTIVE="interactive", NONINTERACTIVE="noninteractive"),
            Choice=names(new=lambda: names(add=lambda *_: None)),
            Precision=names(
                U8_LINEAR="u8 linear", U8_NON_LINEAR="u8", U8_PERCEPTUAL="u8 perceptual"
            ),
            Selection=names(is_empty=lambda image: not image.selection.any()),
            file_load=lambda mode, file: self.load(file),
            progress_init=lambda text: progress(text),
            progress_pulse=lambda: progress(None),
            progress_update=lambda share: progress(share),
            progress_end=lambda: progress("end"),
            displays_flush=lambda: None,
            main=lambda *_: None,
        )
        box = lambda x, y, width, height: names(x=x, y=y, width=width, height=height)  # noqa: E731
        found = names(
            Gimp=gimp,
            Gegl=names(Rectangle=names(new=box), AbyssPolicy=names(NONE="none")),
            GimpUi=names(init=lambda _: None, ProcedureDialog=names(new=self.dialog)),
            Gio=names(File=names(new_for_path=lambda path: path)),
            GLib=names(Error=names(new_literal=lambda quark, message, code: message)),
            GObject=names(ParamFlags=names(READWRITE=3)),
        )
        gi = ModuleType("gi")
        gi.require_version = lambda *_: None
        repository = ModuleType("gi.repository")
        vars(repository).update(vars(found))
        gi.repository = repository
        return {"gi": gi, "gi.repository": repository}


@pytest.fixture
def gimp():
    return Gimp()


@pytest.fixture
def plug_in(gimp, monkeypatch):
    """The plug-in's module, as GIMP starts it."""
    for name, module in gimp.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.syspath_prepend(str(PLUG_IN))
    for name in ("filling", "png"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    spec = importlib.util.spec_from_file_location("plug_in", PLUG_IN / "inpaint-selection.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in ("filling", "png"):
        sys.modules.pop(name, None)


def run(plug_in, gimp, image, *, mode="noninteractive", layers=None, **settings):
    """Status and error of a run."""
    made = plug_in.InpaintSelection()
    (name,) = made.do_query_procedures()
    procedure = made.do_create_procedure(name)
    config = SimpleNamespace(get_property=lambda key: {**gimp.arguments, **settings}[key])
    layers = [image.layer] if layers is None else layers
    return procedure.run(procedure, mode, image, layers, config, None)


def photo(channels=3, dtype=np.uint8):
    rng = np.random.default_rng(0)
    return rng.integers(0, np.iinfo(dtype).max, (30, 40, channels), dtype, endpoint=True)


def selection(value=255):
    chosen = np.zeros((50, 60), np.uint8)
    chosen[20:30, 15:35] = value
    return chosen


def invert(request, on_progress, **_):
    """Stands for a fill: what is white in the mask becomes its negative."""
    image = cv2.imread(str(request.image), cv2.IMREAD_UNCHANGED)
    mask = cv2.imread(str(request.mask), cv2.IMREAD_UNCHANGED) == 255
    on_progress(None)
    on_progress(0.5)
    image[mask, :3] = np.iinfo(image.dtype).max - image[mask, :3]
    cv2.imwrite(str(request.output), image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("offset", [(0, 0), (10, 5), (-4, -7)])
def test_what_is_selected_is_replaced(plug_in, gimp, monkeypatch, dtype, channels, offset):
    monkeypatch.setattr(plug_in, "fill", invert)
    before = photo(channels, dtype)
    image = Picture(before.copy(), selection(), offset)
    assert run(plug_in, gimp, image) == ("success", None)
    left, top = offset
    chosen = np.zeros(before.shape[:2], bool)
    chosen[20 - top : 30 - top, 15 - left : 35 - left] = True
    after = image.layer.array
    np.testing.assert_array_equal(after[~chosen], before[~chosen])
    most = np.iinfo(dtype).max
    np.testing.assert_array_equal(after[chosen][:, :3], most - before[chosen][:, :3])
    assert image.groups == ["start", "end"] and len(image.layer.updated) == 1
    assert gimp.progress == ["Inpaint selection", None, 0.5, "end"]


def test_a_soft_selection_is_filled_whole_and_blended(plug_in, gimp, monkeypatch):
    monkeypatch.setattr(plug_in, "fill", invert)
    before = photo()
    image = Picture(before.copy(), selection(51))  # a fifth
    run(plug_in, gimp, image)
    expected = before[20:30, 15:35] * 0.8 + (255 - before[20:30, 15:35].astype(float)) * 0.2
    np.testing.assert_allclose(image.layer.array[20:30, 15:35], expected, atol=0.51)


def test_settings_reach_the_fill(plug_in, gimp, monkeypatch):
    found = {}

    def remember(request, on_progress, **service):
        found.update(service, style=request.style, seed=request.seed)
        invert(request, on_progress)

    monkeypatch.setattr(plug_in, "fill", remember)
    settings = {"style": "faithful", "seed": 7, "server": "http://s", "token": "t"}
    image = Picture(photo(), selection())
    assert run(plug_in, gimp, image, mode="interactive", **settings)[0] == "success"
    assert found == {**settings, "command": "inpaint"}
    assert gimp.asked == ["Inpaint selection"]


def test_a_dialog_that_is_closed_changes_nothing(plug_in, gimp):
    gimp.confirms = False
    image = Picture(photo(), selection())
    assert run(plug_in, gimp, image, mode="interactive") == ("cancel", None)
    np.testing.assert_array_equal(image.layer.array, photo())


@pytest.mark.parametrize("case", ["nothing", "beside", "two layers"])
def test_what_is_missing_is_told(plug_in, gimp, case):
    chosen = selection(0 if case == "nothing" else 255)
    image = Picture(photo(), chosen, (45, 0) if case == "beside" else (0, 0))
    layers = [image.layer] * 2 if case == "two layers" else None
    message = "Select one layer" if layers else "Select what is to be filled"
    assert run(plug_in, gimp, image, layers=layers) == ("error", message)


def test_a_fill_that_fails_is_told_and_changes_nothing(plug_in, gimp):
    image = Picture(photo(), selection())
    status, message = run(plug_in, gimp, image, command="inpaint-of-nobody")
    assert status == "error" and "no command 'inpaint-of-nobody'" in message
    np.testing.assert_array_equal(image.layer.array, photo())
    assert image.groups == []
