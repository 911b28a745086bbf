"""Picture collections: folders, tar shards, and what is made of several."""

import functools
import http.server
import io
import os
import pickle
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pictures import encode
from PIL import Image

from inpaint.data import (
    ConcatSource,
    FolderSource,
    ImageSource,
    SubsetSource,
    TarSource,
    hold_out,
    open_source,
)
from inpaint.data import shards as shards_module
from inpaint.data.shards import expand_shards, fetch_shard
from inpaint.images import ImageError


def gray_value(value: int, size: tuple[int, int] = (8, 8), kind: str = "PNG") -> bytes:
    return encode(Image.new("RGB", size, (value, value, value)), kind)


def write_pictures(folder: Path, *names: str) -> None:
    """Picture number i has the gray value i, so that it can be told from the others."""
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gray_value(i))


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def names_of(source: ImageSource) -> list[str]:
    return [source.name(i) for i in range(len(source))]


def values_of(source: ImageSource) -> list[int]:
    return [int(source.load(i)[0, 0, 0]) for i in range(len(source))]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INPAINT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_folder_is_read_at_any_depth_in_sorted_order(tmp_path: Path) -> None:
    write_pictures(tmp_path, "b.PNG", "a/c/d.png", "a/.hidden.png", ".git/x.png")
    (tmp_path / "notes.txt").write_text("no picture")
    source = FolderSource(tmp_path)
    assert names_of(source) == ["a/c/d.png", "b.PNG"]
    assert values_of(source) == [1, 0]


def test_folder_with_a_link_to_itself_is_read_once(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a/b.png")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert len(FolderSource(tmp_path)) == 1


def test_names_beyond_ascii_survive(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "été/ü.png")
    write_tar(tmp_path / "a.tar", {"été/ü.png": gray_value(9)})
    assert names_of(FolderSource(tmp_path / "pictures")) == ["été/ü.png"]
    assert names_of(TarSource([tmp_path / "a.tar"])) == ["a.tar/été/ü.png"]


def test_unreadable_picture_error_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"text")
    write_tar(tmp_path / "a.tar", {"bad.jpg": b"text"})
    with pytest.raises(ImageError, match=r"bad\.png: not a readable picture"):
        FolderSource(tmp_path).load(0)
    with pytest.raises(ImageError, match=r"a\.tar, member bad\.jpg: not a readable picture"):
        TarSource([tmp_path / "a.tar"]).load(0)


def test_tar_members_are_read_in_place_and_others_passed_over(tmp_path: Path) -> None:
    first = {"./x/a.png": gray_value(1), "x/a.txt": b"label", "._b.png": b"", "b.jpeg": b"bad"}
    second = {"c" * 200 + ".png": gray_value(2)}  # the long name takes an extra header
    source = TarSource(
        [write_tar(tmp_path / "0.tar", first), write_tar(tmp_path / "1.tar", second)]
    )
    assert names_of(source) == ["0.tar/x/a.png", "0.tar/b.jpeg", "1.tar/" + "c" * 200 + ".png"]
    assert values_of(SubsetSource(source, [2, 0])) == [2, 1]


def test_pickled_sources_read_the_same_pictures(tmp_path: Path) -> None:
    tar = TarSource([write_tar(tmp_path / "0.tar", {"a.png": gray_value(7)})])
    write_pictures(tmp_path / "folder", "b.png")
    source = ConcatSource([tar, FolderSource(tmp_path / "folder")], [1, 2])
    again = pickle.loads(pickle.dumps(source))
    assert names_of(again) == names_of(source) == ["0.tar/a.png", "b.png", "b.png"]
    assert values_of(again) == [7, 0, 0]


def test_index_of_a_large_tar_is_kept_until_the_tar_changes(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards_module, "_KEEP_INDEX_ABOVE", 0)
    path = write_tar(tmp_path / "0.tar", {"a.png": gray_value(1), "b.png": gray_value(2)})
    assert values_of(TarSource([path])) == [1, 2]
    assert len(list((cache / "tar-index").iterdir())) == 1
    with monkeypatch.context() as patch:
        patch.setattr(shards_module, "_scan_tar", None)  # a second scan would fail
        assert values_of(TarSource([path])) == [1, 2]
    write_tar(path, {"c.png": gray_value(3)})
    os.utime(path, ns=(0, 0))
    assert values_of(TarSource([path])) == [3]


def test_large_tar_without_pictures_stays_empty_when_its_index_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards_module, "_KEEP_INDEX_ABOVE", 0)
    path = write_tar(tmp_path / "0.tar", {"a.txt": b"text"})
    assert [len(TarSource([path])) for _ in range(2)] == [0, 0]


def test_compressed_tar_is_refused_with_advice(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"a.png": gray_value(0)}, "w:gz")
    with pytest.raises(ValueError, match=r"not an uncompressed tar file.*unpack a \.tar\.gz"):
        TarSource([path])


def test_concat_repeats_pictures_of_small_sources(tmp_path: Path) -> None:
    write_pictures(tmp_path / "a", "0.png", "1.png")
    write_pictures(tmp_path / "b", "0.png", "1.png", "2.png")
    parts = [FolderSource(tmp_path / "a"), FolderSource(tmp_path / "b")]
    assert values_of(ConcatSource(parts, [2, 1])) == [0, 1, 0, 1, 0, 1, 2]
    assert values_of(ConcatSource(parts)) == [0, 1, 0, 1, 2]
    with pytest.raises(ValueError, match=r"one repeat of 1 or more.*repeats \[1, 0\]"):
        ConcatSource(parts, [1, 0])
    with pytest.raises(IndexError, match="from 0 to 4, got 5"):
        ConcatSource(parts).load(5)


def test_held_out_pictures_follow_from_names_and_are_never_trained_on(tmp_path: Path) -> None:
    write_pictures(tmp_path / "a", *(f"{i:03}.png" for i in range(90)))
    write_pictures(tmp_path / "b", *(f"{i:03}.png" for i in range(90)))
    train = names_of(open_source("folder", tmp_path / "a"))
    val = names_of(open_source("folder", tmp_path / "a", split="val"))
    assert len(val) == 3
    assert sorted(train + val) == [f"{i:03}.png" for i in range(90)]
    assert val == names_of(open_source("folder", tmp_path / "b", split="val"))


def test_single_picture_serves_training_and_validation(tmp_path: Path) -> None:
    write_pictures(tmp_path, "only.png")
    source = FolderSource(tmp_path)
    assert hold_out(source, "train") is hold_out(source, "val") is source


def test_missing_shards_are_reported_with_the_way_to_name_them(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "a-*.tar", tmp_path / "a-{00..01}.tar"):
        with pytest.raises(FileNotFoundError, match=r"no tar shard at .*shard-\{000\.\.009\}"):
            open_source("wds", root)
    write_tar(tmp_path / "a.tar", {"a.txt": b"text"})
    with pytest.raises(FileNotFoundError, match=r"no pictures in the tar files .*a\.tar"):
        open_source("wds", tmp_path)


def test_shard_specs_expand_ranges_and_wildcards(tmp_path: Path) -> None:
    for i in range(8, 12):
        write_tar(tmp_path / f"s-{i:03}.tar", {})
    whole = [str(tmp_path / f"s-{i:03}.tar") for i in range(8, 12)]
    assert expand_shards(f"{tmp_path}/s-*.tar") == whole
    assert expand_shards(f"{tmp_path}/s-{{009..011}}.tar") == whole[1:]
    assert expand_shards("http://h/{1..2}/{00..01}.tar") == [
        f"http://h/{a}/{b}.tar" for a in "12" for b in ("00", "01")
    ]
    with pytest.raises(FileNotFoundError, match=r"s-012\.tar"):
        expand_shards(f"{tmp_path}/s-{{011..012}}.tar")
    with pytest.raises(ValueError, match=r"range \{2\.\.1\}"):
        expand_shards("s-{2..1}.tar")


def test_shards_named_by_split_are_chosen_by_name(tmp_path: Path) -> None:
    write_tar(tmp_path / "x-train-0.tar", {"a.png": gray_value(1)})
    write_tar(tmp_path / "x-validation-0.tar", {"b.png": gray_value(2)})
    assert values_of(open_source("wds", tmp_path)) == [1]
    assert values_of(open_source("wds", tmp_path, split="val")) == [2]
    specs = [tmp_path / "x-train-0.tar", tmp_path / "x-validation-0.tar"]
    assert values_of(open_source("wds", specs, split="val")) == [2]


def test_shards_of_one_split_only_hold_some_pictures_out(tmp_path: Path) -> None:
    write_tar(tmp_path / "train-0.tar", {f"{i}.png": gray_value(i) for i in range(5)})
    write_tar(tmp_path / "train-1.tar", {f"{i}.png": gray_value(i) for i in range(5, 9)})
    roots = f"{tmp_path}/train-0.tar,{tmp_path}/train-1.tar@2"
    train, val = (values_of(open_source("wds", roots, split=s)) for s in ("train", "val"))
    assert len(val) == 2
    assert sorted({*train, *val}) == list(range(9))
    assert not {*train} & {*val}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """A web server on this machine: its address, its folder, and the paths asked for."""
    folder, asked = tmp_path / "www", []
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path.startswith("/short"):
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"x")
            else:
                super().do_GET()

        def log_message(self, *_: object) -> None: ...

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}", folder, asked
        httpd.shutdown()
        thread.join()


def test_url_shards_are_downloaded_once(server: tuple[str, Path, list[str]], cache: Path) -> None:
    address, folder, asked = server
    for i in range(2):
        write_tar(folder / f"train-{i}.tar", {"a.png": gray_value(i)})
    write_tar(folder / "val-0.tar", {"a.png": gray_value(9)})
    roots = [f"{address}/train-{{0..1}}.tar", f"{address}/val-0.tar?key=1"]
    for _ in range(2):
        assert values_of(open_source("wds", roots)) == [0, 1]
    assert asked == ["/train-0.tar", "/train-1.tar"]
    assert values_of(open_source("wds", roots, split="val")) == [9]
    assert sorted(path.name for path in cache.rglob("*.*")) == [
        "train-0.tar", "train-1.tar", "val-0.tar",
    ]  # fmt: skip


def test_failed_downloads_are_tried_again_and_leave_no_file(
    server: tuple[str, Path, list[str]], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    address, _, asked = server
    with pytest.raises(OSError, match=r"cannot download .*/none\.tar: .*404"):
        fetch_shard(f"{address}/none.tar", attempts=1)
    with pytest.raises(OSError, match=r"cannot download .*/short\.tar: 1 of 1,000 bytes"):
        fetch_shard(f"{address}/short.tar")
    assert asked == ["/none.tar", *["/short.tar"] * 3]
    assert not [path for path in cache.rglob("*") if path.is_file()]
