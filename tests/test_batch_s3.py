"""Folders and lists on a server that speaks S3. Skipped without moto[server] and s3fs."""

import io
import json

import pytest
from folders import files_below, fill, put_image, put_mask, report_of

from inpaint.images import read_image

moto_server = pytest.importorskip("moto.server", reason="needs pip install 'moto[server]'")
s3fs = pytest.importorskip("s3fs", reason="needs pip install s3fs")
pytestmark = pytest.mark.filterwarnings("ignore")  # those of the two and their dependencies


@pytest.fixture(scope="module")
def server():
    server = moto_server.ThreadedMotoServer(port=0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(server, monkeypatch, tmp_path):
    """A file system with an empty bucket; the working folder is empty, too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.chdir(tmp_path)
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("bucket")
    yield system
    system.rm("bucket", recursive=True)


@pytest.fixture
def filled(weights, tmp_path):
    """Pixels of the picture that all tests fill."""
    put_image("a.png")
    put_mask("m.png")
    assert fill("a.png", "--mask", "m.png", "-o", "x.png", weights=weights) == 0
    return read_image("x.png").pixels


def pixels(bucket, path):
    return read_image(io.BytesIO(bucket.cat(path))).pixels


def test_folder_is_filled_and_finished_by_a_second_run(bucket, filled, weights):
    for name in ("a.png", "trips/b.png"):
        bucket.put("a.png", f"bucket/photos/{name}")
        bucket.put("m.png", f"bucket/masks/{name}")
    line = ("s3://bucket/photos", "--mask", "s3://bucket/masks", "-o", "s3://bucket/out")
    assert fill(*line, weights=weights) == 0
    for name in ("a.png", "trips/b.png"):
        assert (pixels(bucket, f"bucket/out/{name}") == filled).all()
    assert fill(*line, weights=weights) == 2  # they exist
    bucket.rm("bucket/out/trips/b.png")
    assert fill(*line, "--skip-existing", weights=weights) == 0
    assert (pixels(bucket, "bucket/out/trips/b.png") == filled).all()
    assert {row["status"] for row in report_of("report.jsonl").values()} == {"done", "skipped"}


def test_pattern_and_a_picture_at_the_root_of_a_bucket(bucket, filled, weights):
    bucket.put("a.png", "bucket/deep/a.png")
    bucket.put("a.png", "bucket/a.png")
    options = ("--mask", "m.png", "-o")
    assert fill("s3://bucket/**/*.png", *options, "s3://bucket/out", weights=weights) == 0
    assert (pixels(bucket, "bucket/out/deep/a.png") == filled).all()
    assert fill("s3://bucket/a.png", *options, "s3://bucket/b.png", weights=weights) == 0
    assert (pixels(bucket, "bucket/b.png") == filled).all()


def test_manifest_is_relative_to_its_folder_and_stays_in_the_output(
    bucket, filled, weights, capsys
):
    bucket.put("a.png", "bucket/set/photos/a.png")
    bucket.put("m.png", "bucket/set/m.png")
    row = {"image": "photos/a.png", "mask": "m.png", "output": "done/x.png"}
    bucket.pipe("bucket/set/set.jsonl", json.dumps(row).encode())
    before = files_below(".")
    assert fill("s3://bucket/set/set.jsonl", weights=weights) == 0
    assert (pixels(bucket, "bucket/set/done/x.png") == filled).all()
    assert fill("s3://bucket/set/set.jsonl", "-o", "s3://bucket/out", weights=weights) == 0
    assert (pixels(bucket, "bucket/out/done/x.png") == filled).all()
    row["output"] = "s3://bucket/set/x.png"
    bucket.pipe("bucket/set/set.jsonl", json.dumps(row).encode())
    assert fill("s3://bucket/set/set.jsonl", "-o", "s3://bucket/out", weights=weights) == 2
    assert "lies outside of s3://bucket/out" in capsys.readouterr().err
    assert not bucket.exists("bucket/set/x.png") and files_below(".") == before
