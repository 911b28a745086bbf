"""Weight files are untrusted: whatever is in one, it loads, or a CheckpointError says why not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import (
    LOADERS,
    contents,
    outcomes,
    tiny_files,
    with_headers,
    with_noise,
    with_settings,
    with_tensors,
)

SEED = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_files(tmp_path_factory.mktemp("weights"))


def hostile(path: Path) -> Iterator[bytes]:
    """Some 500 files made of one."""
    tensors, texts = contents(path)
    few = list(tensors)[:: max(1, len(tensors) // 8)]
    yield from with_settings(tensors, texts)
    yield from with_tensors(tensors, texts, few)
    yield from with_headers(tensors, texts)
    yield from with_noise(path.read_bytes(), 100, SEED)


@pytest.mark.parametrize("kind", LOADERS)
def test_a_hostile_file_ends_in_a_checkpoint_error_or_loads(folder: Path, kind: str) -> None:
    files = hostile(folder / f"{kind}.safetensors")
    refused, loaded, wrong = outcomes(files, folder / "x.safetensors", LOADERS[kind])
    assert wrong == []
    assert refused + loaded >= 500 and refused > 4 * loaded


def test_a_hostile_onnx_file_ends_in_a_checkpoint_error_or_loads(folder: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the export extra is not installed")
    pytest.importorskip("onnx", reason="the export extra is not installed")
    import hostile_onnx

    path = folder / "x.onnx"
    (folder / "beside.bin").write_bytes(bytes(4))
    assert outcomes(iter([hostile_onnx.model()]), path, LOADERS["network"]) == (0, 1, [])
    files = list(hostile_onnx.with_graphs())
    assert outcomes(iter(files), path, LOADERS["network"]) == (len(files), 0, [])
    files = [*hostile_onnx.with_notes(), *with_noise(hostile_onnx.model(), 100, SEED)]
    refused, loaded, wrong = outcomes(iter(files), path, LOADERS["network"])
    assert wrong == []
    assert refused + loaded >= 300 and refused > 4 * loaded
