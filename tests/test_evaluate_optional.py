"""LPIPS, FID and the inception score without their networks' weights."""

import numpy as np
import pytest
import torch
from PIL import Image

from inpaint.evaluate import Method, Metrics, Protocol, evaluate
from inpaint.evaluate.inception import InceptionFiles, inception_table
from inpaint.evaluate.optional import (
    FEATURES,
    UnavailableError,
    inception_score,
    load_inception,
    load_lpips,
)
from inpaint.evaluate.protocol import Cases

torchmetrics = pytest.importorskip("torchmetrics")


@pytest.fixture
def cases(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    for number in range(2):
        small = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(small).resize((48, 48)).save(tmp_path / "pictures" / f"{number}.png")
    return Cases(Protocol(root=str(tmp_path / "pictures"), size=48, count=2, border="any"))


def painter(name):
    """A method that paints gray."""
    return Method(name, "1", lambda case: np.full_like(case.original, 90))


def small_network(pictures):
    """Mean and deviation of the colours in place of 2,048 features, and ten logits."""
    stack = np.stack(pictures).reshape(len(pictures), -1, 3) / 255
    features = np.zeros((len(pictures), FEATURES + 10), np.float32)
    features[:, :3], features[:, 3:6] = stack.mean(1), stack.std(1)
    features[:, FEATURES:] = stack.mean((1, 2))[:, None] * np.arange(10)
    return features


def test_inception_score_of_certain_even_classes_is_their_number():
    logits = np.kron(np.eye(4), np.ones((3, 1))).astype(np.float32) * 100
    assert inception_score(logits) == pytest.approx(4, rel=1e-5)
    assert inception_score(np.zeros((12, 4), np.float32)) == pytest.approx(1)


def test_networks_without_weights_say_where_they_belong(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UnavailableError, match=r"LPIPS left out: no weights at .*fetch https://"):
        load_lpips()
    with pytest.raises(UnavailableError, match="FID and the inception score left out: no weights"):
        load_inception()


def test_features_outlive_a_run_and_make_a_table(cases, tmp_path):
    out = tmp_path / "report"
    evaluate(cases, [painter("a")], out, inception=InceptionFiles(out, small_network))
    rows = evaluate(
        cases, [painter("a"), painter("b")], out, inception=InceptionFiles(out, small_network)
    )
    table = inception_table(rows, out)
    assert table.header == ["method", "holes", "FID", "inception score"]
    assert [line[:2] for line in table.body] == [["a", "12"], ["b", "12"]]
    assert table.body[0][2:] == table.body[1][2:]
    for path in (out / "inception").glob("00001*"):
        path.unlink()
    assert inception_table(rows, out) is None


def test_lpips_is_a_column_when_it_is_there(cases, tmp_path, caplog):
    def lpips(truth, picture):
        return float(np.abs(truth.astype(float) - picture).mean())

    rows = evaluate(cases, [painter("a")], tmp_path / "with", metrics=Metrics(lpips=lpips))
    assert rows[0].metrics["lpips"] == pytest.approx(2.55 * rows[0].metrics["l1"], rel=1e-4)
    evaluate(cases, [painter("a")], tmp_path / "part")
    rows = evaluate(
        cases, [painter("a"), painter("b")], tmp_path / "part", metrics=Metrics(lpips=lpips)
    )
    assert not any("lpips" in row.metrics for row in rows)
    assert "left out: lpips, measured of a part of the results only" in caplog.text
