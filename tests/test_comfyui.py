"""The ComfyUI nodes, with tensors in ComfyUI's layouts and a stand-in for its modules."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from inpaint import Inpainter, PConvUNet, UNetConfig
from inpaint.checkpoints.weights import save_weights

PACK = Path(__file__).parents[1] / "integrations" / "comfyui"


class Interrupted(Exception):
    """What ComfyUI raises when a person presses Cancel."""


class Comfy:
    """The parts of ComfyUI that the nodes use, and what they did with them."""

    def __init__(self, models):
        self.models = models
        self.folders = {}
        self.bars = []  # [total, values]
        self.interrupted = False

    def modules(self):
        """Its modules by name."""
        paths, utils, management = (
            ModuleType(name) for name in ("folder_paths", "comfy.utils", "comfy.model_management")
        )
        paths.models_dir = str(self.models)
        paths.add_model_folder_path = self.folders.__setitem__
        paths.get_filename_list = lambda name: sorted(
            path.name for path in Path(self.folders[name]).glob("*")
        )
        paths.get_full_path_or_raise = lambda name, file: str(Path(self.folders[name]) / file)
        utils.ProgressBar = self.bar
        management.get_torch_device = lambda: torch.device("cpu")
        management.throw_exception_if_processing_interrupted = self.interrupt
        comfy = ModuleType("comfy")
        comfy.utils, comfy.model_management = utils, management
        found = (comfy, paths, utils, management)
        return {module.__name__: module for module in found}

    def bar(self, total):
        values = []
        self.bars.append((total, values))
        bar = ModuleType("bar")
        bar.update_absolute = values.append
        return bar

    def interrupt(self):
        if self.interrupted:
            raise Interrupted


@pytest.fixture
def comfy(tmp_path):
    torch.manual_seed(0)
    (tmp_path / "pconv-inpaint").mkdir()
    network = PConvUNet(UNetConfig(widths=(8, 16), kernels=(5, 3)))
    save_weights(network, tmp_path / "pconv-inpaint" / "tiny.safetensors")
    return Comfy(tmp_path)


@pytest.fixture
def pack(comfy, monkeypatch):
    """The node pack, imported as ComfyUI imports a folder of custom_nodes."""
    for name, module in comfy.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    name = "custom_nodes.pconv-inpaint"
    spec = importlib.util.spec_from_file_location(
        name, PACK / "__init__.py", submodule_search_locations=[str(PACK)]
    )
    module = importlib.util.module_from_spec(spec)
    for part in ("", ".nodes", ".layouts"):
        monkeypatch.setitem(sys.modules, name + part, module)  # taken away after the test
        del sys.modules[name + part]
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def inpainter(pack):
    (found,) = pack.NODE_CLASS_MAPPINGS["LoadInpaintWeights"]().load("tiny.safetensors")
    return found


def run(pack, inpainter, image, mask, **options):
    options = {"style": "plain", "seed": 0, "grow": 0, **options}
    (filled,) = pack.NODE_CLASS_MAPPINGS["InpaintFill"]().fill(inpainter, image, mask, **options)
    return filled


def batch_of(count=2, height=40, width=56, channels=3):
    """Images (B, H, W, C) and masks (B, H, W), each with a hole of its own."""
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(count, height, width, channels, generator=generator)
    mask = torch.zeros(count, height, width)
    for number in range(count):
        mask[number, 10 : 20 + number, 5 * (number + 1) : 30] = 1
    return image, mask


def test_nodes_declare_what_their_functions_take(pack):
    assert set(pack.NODE_CLASS_MAPPINGS) == set(pack.NODE_DISPLAY_NAME_MAPPINGS)
    for node in pack.NODE_CLASS_MAPPINGS.values():
        function = getattr(node, node.FUNCTION)
        names = function.__code__.co_varnames[1 : function.__code__.co_argcount]
        assert list(node.INPUT_TYPES()["required"]) == list(names)
    weights = pack.NODE_CLASS_MAPPINGS["LoadInpaintWeights"].INPUT_TYPES()["required"]["weights"]
    assert weights == (["places2-compact", "tiny.safetensors"],)


def test_what_is_marked_is_filled_as_in_python(pack, inpainter, comfy):
    image, mask = batch_of()
    before = image.clone()
    filled = run(pack, inpainter, image, mask)
    assert torch.equal(image, before)
    own = Inpainter.load(comfy.models / "pconv-inpaint" / "tiny.safetensors", device="cpu")
    for number in range(2):
        expected = own.fill(image[number].numpy(), mask[number].numpy(), style="plain")
        np.testing.assert_array_equal(filled[number].numpy(), expected)
    marked = mask.bool()
    assert torch.equal(filled[~marked], image[~marked])
    assert not torch.isclose(filled[marked], image[marked]).all(-1).any()


@pytest.mark.parametrize("shape", [(1, 40, 56), (40, 56), (1, 20, 28)])
def test_one_mask_serves_all_images(pack, inpainter, shape):
    image, _ = batch_of()
    mask = torch.zeros(shape)
    mask[..., : shape[-2] // 2, : shape[-1] // 2] = 1
    changed = (run(pack, inpainter, image, mask) != image).any(-1)
    assert changed[:, :20, :28].all() and not changed[:, 20:].any() and not changed[..., 28:].any()


def test_values_that_are_not_marked_are_kept_outside_of_the_range(pack, inpainter):
    image, mask = batch_of(channels=4)
    image[:, 0, 0] = torch.tensor([-0.25, 1.5, 0.5, 0.75])
    filled = run(pack, inpainter, image, mask)
    assert torch.equal(filled[~mask.bool()], image[~mask.bool()])
    assert torch.equal(filled[..., 3], image[..., 3])


def test_half_precision_stays_half_precision(pack, inpainter):
    image, mask = batch_of()
    filled = run(pack, inpainter, image.half(), mask.half())
    assert filled.dtype == torch.float16
    assert torch.equal(filled[~mask.bool()], image.half()[~mask.bool()])


def test_an_empty_mask_of_any_size_changes_nothing(pack, inpainter):
    image, _ = batch_of()
    assert torch.equal(run(pack, inpainter, image, torch.zeros(1, 64, 64)), image)


def test_masks_grow(pack, inpainter):
    image, _ = batch_of(count=1)
    mask = torch.zeros(1, 40, 56)
    mask[0, 20, 28] = 1
    changed = (run(pack, inpainter, image, mask, grow=3) != image).any(-1)[0]
    assert changed[17:24, 28].all() and changed.sum() == 29  # a disk of radius 3


@pytest.mark.parametrize(
    "image, mask, message",
    [
        ((1, 40, 56, 1), (1, 40, 56), r"image must be \(B, H, W, 3 or 4\), got \(1, 40, 56, 1\)"),
        ((3, 40, 56, 3), (2, 40, 56), r"mask must be \(1 or 3, H, W\) for 3 images"),
        ((1, 40, 56, 3), (1, 40, 40), "another aspect ratio"),
        ((1, 40, 56, 3), (1, 40, 56), "marks the whole image"),
    ],
)
def test_what_does_not_fit_is_refused(pack, inpainter, image, mask, message):
    with pytest.raises(ValueError, match=message):
        run(pack, inpainter, torch.zeros(image), torch.ones(mask))


def test_progress_is_shown_and_cancel_ends_the_fill(pack, inpainter, comfy):
    image, mask = batch_of()
    run(pack, inpainter, image, mask, style="natural", seed=3)
    ((total, values),) = comfy.bars
    assert total == 1000 and values == sorted(values) and values[-1] == total and len(values) > 4
    comfy.interrupted = True
    with pytest.raises(Interrupted):
        run(pack, inpainter, image, mask)


def test_another_seed_gives_another_natural_fill_and_leaves_the_inpainter(pack, inpainter):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 90, 90, 3, generator=generator)
    mask = torch.zeros(1, 90, 90)
    mask[0, 30:60, 30:60] = 1
    first, again, other = (
        run(pack, inpainter, image, mask, style="natural", seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and inpainter.seed == 0
    assert not torch.equal(first, other)
