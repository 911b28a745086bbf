"""Settings of all tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

if TYPE_CHECKING:
    from inpaint.training import TrainConfig

pytest_plugins = ["skips"]

# Tiny tensors: a second thread only waits, and on a busy machine it waits long.
torch.set_num_threads(1)


@pytest.fixture
def random() -> torch.Generator:
    """A generator of known state."""
    return torch.Generator().manual_seed(0)


@pytest.fixture
def small_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tiny recipes, one thread, and no Accelerate state from one run to the next."""
    from tiny_training import forget_accelerate, use_tiny_recipes  # for tests of training only

    use_tiny_recipes(monkeypatch)
    threads = torch.get_num_threads()
    forget_accelerate()
    yield
    forget_accelerate()
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A weight file of a tiny network."""
    from folders import tiny_weights

    return tiny_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures to train on."""
    from tiny_training import smooth_pictures

    return smooth_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def config(pictures: Path, tmp_path: Path) -> "TrainConfig":
    """A training run of six steps, in a folder of its own."""
    from tiny_training import settings

    return settings(pictures, tmp_path / "run")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A weight file of the network that a refiner is trained behind."""
    from tiny_training import NETWORK

    from inpaint import PConvUNet
    from inpaint.checkpoints.weights import save_weights

    torch.manual_seed(0)
    save_weights(PConvUNet(NETWORK), tmp_path / "base.safetensors")
    return tmp_path / "base.safetensors"


@pytest.fixture(scope="module")
def whole(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of such a run that nothing disturbed."""
    from tiny_training import forget_accelerate, settings, use_tiny_recipes

    from inpaint.training import train

    with pytest.MonkeyPatch.context() as patch:
        use_tiny_recipes(patch)
        forget_accelerate()
        return train(settings(pictures, tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def models() -> Any:
    """A tiny network as the page and the API hold it."""
    from app_server import tiny_weights

    from inpaint.serving.models import Models

    return Models(str(tiny_weights()))


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the page go to the test's own folder."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium for the tests of a module."""
    from browser import running_browser  # for tests of the page only

    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def visitor(browser: Any) -> Iterator[Any]:
    """A person at a desktop, the same for a whole module: a page takes longer than most tests."""
    yield from at_shared_page(browser)


@pytest.fixture(scope="module")
def phone(browser: Any) -> Iterator[Any]:
    """A person with a phone, as above."""
    yield from at_shared_page(browser, phone=True)


def at_shared_page(browser: Any, **options: Any) -> Iterator[Any]:
    """A visitor of the page that all tests share, which must survive the visit."""
    from app_server import shared_server
    from browser import visiting

    yield from visiting(browser, shared_server(), **options)
    assert shared_server().alive()
