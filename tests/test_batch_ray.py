"""The Ray engine against the local one. Skipped where Ray is not installed."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from folders import files_below, fill, put_image, put_mask, report_of, tiny_weights

ray = pytest.importorskip("ray", reason="needs pip install 'pconv-inpaint[ray]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # those of Ray and its dependencies

from inpaint.batch import run_ray  # noqa: E402
from inpaint.batch.records import Settings, Task  # noqa: E402
from inpaint.cli import main  # noqa: E402
from inpaint.inference.inpainter import Inpainter  # noqa: E402


class MortalWorker(run_ray.Worker):
    """Dies in the middle of the block with picture 000, but only once."""

    def __call__(self, batch):
        outputs = [json.loads(text)["output"] for text in batch["task"]]
        grave = Path(outputs[0].removeprefix("file://")).parent.with_name("grave")
        if any(path.endswith("/000.png") for path in outputs) and not grave.exists():
            grave.touch()
            super().__call__({key: values[:5] for key, values in batch.items()})
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(batch)


@pytest.fixture(scope="module")
def cluster():
    """A local cluster of two workers, which cannot import this file."""
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_two_workers_one_of_which_dies_do_what_the_local_engine_does(
    cluster, tmp_path, monkeypatch
):
    weights = tiny_weights(tmp_path / "tiny.safetensors")
    for number in range(40):
        put_image(tmp_path / f"photos/{number:03d}.png", 120, 160, seed=number)
    photos, mask = tmp_path / "photos", put_mask(tmp_path / "mask.png", 120, 160)
    (photos / "bad.png").touch()
    with open(os.path.join(os.fsencode(photos), b"latin-\xe9.png"), "wb") as file:
        file.write((photos / "000.png").read_bytes())
    common = ("--mask", mask, "--seed", 7)
    assert fill(photos, *common, "-o", tmp_path / "local", weights=weights) == 1

    monkeypatch.setattr(run_ray, "Worker", MortalWorker)
    report = tmp_path / "ray.jsonl"
    options = ("-o", f"file://{tmp_path}/ray", "--engine", "ray", "--report", report)
    assert fill(photos, *common, *options, weights=weights) == 1
    assert (tmp_path / "grave").exists()
    assert files_below(tmp_path / "local") == files_below(tmp_path / "ray")
    ours, theirs = report_of(tmp_path / "local/report.jsonl"), report_of(report)
    assert ours.keys() == theirs.keys() and len(theirs) == 42
    for name, row in ours.items():
        for key in ("image", "mask", "status", "hole_ratio", "message", "notes", "suspicious"):
            assert row.get(key) == theirs[name].get(key)


def test_no_worker_follows_a_link_out_of_the_output_folder(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = tiny_weights(tmp_path / "tiny.safetensors")
    image, mask = str(put_image("a.png")), str(put_mask("mask.png"))
    for folder in ("out", "elsewhere"):
        Path(folder).mkdir()
    Path("out/link").symlink_to(tmp_path / "elsewhere")
    tasks = [Task(image, mask, f"out/{name}/a.png", root="out") for name in ("link", "inside")]
    inpainter = Inpainter.load(weights, device="cpu")
    records = run_ray.run_ray(tasks, inpainter, Settings(), actors=1)
    messages = {record.output: record.message for record in records}
    refused = f"the output {tmp_path}/out/link/a.png lies outside of {tmp_path}/out"
    assert messages == {"out/link/a.png": refused, "out/inside/a.png": ""}
    assert not list(Path("elsewhere").iterdir()) and Path("out/inside/a.png").exists()


def test_manifest_leads_out_of_the_output_folder_on_ray_as_little_as_here(tmp_path, capsys):
    weights = tiny_weights(tmp_path / "tiny.safetensors")
    put_image(tmp_path / "a.png")
    put_mask(tmp_path / "m.png")
    manifest = tmp_path / "set.jsonl"
    manifest.write_text(json.dumps({"image": "a.png", "mask": "m.png", "output": "../x.png"}))
    assert fill(manifest, "-o", tmp_path / "out", "--engine", "ray", weights=weights) == 2
    assert "lies outside of" in capsys.readouterr().err


def test_a_network_in_onnx_and_devices_that_are_not_there(cluster, tmp_path, capsys):
    pytest.importorskip("onnxruntime", reason="the export extra is not installed")
    pytest.importorskip("onnxscript", reason="the export extra is not installed")
    weights = tiny_weights(tmp_path / "tiny.safetensors")
    assert main(["export", str(tmp_path / "tiny.onnx"), "--weights", str(weights)]) == 0
    for number in range(3):
        put_image(tmp_path / f"photos/{number}.png", 60, 80, seed=number)
    photos, mask = tmp_path / "photos", put_mask(tmp_path / "mask.png", 60, 80)
    line = ["fill", str(photos), "--mask", str(mask), "--weights", str(tmp_path / "tiny.onnx")]
    assert main([*line, "-o", str(tmp_path / "local")]) == 0
    assert main([*line, "-o", str(tmp_path / "ray"), "--engine", "ray"]) == 0
    assert files_below(tmp_path / "local") == files_below(tmp_path / "ray")
    capsys.readouterr()
    line += ["-o", str(tmp_path / "gpu"), "--engine", "ray", "--device", "cuda"]
    assert main(line) == 2
    assert "ONNX runs on the CPU here, got device 'cuda'" in capsys.readouterr().err
    assert not (tmp_path / "gpu").exists()
    line[line.index("--weights") + 1] = str(weights)
    assert main(line) == 1
    assert "the cluster has no GPU" in capsys.readouterr().err
