"""How much memory and how many processors a run takes, and what it does when they are few."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from app_server import ROOT
from folders import fill, put_image, put_mask, report_of
from PIL import Image

from inpaint.batch import memory
from inpaint.images.read import read_image, read_size
from inpaint.serving.memory import ARENAS
from inpaint.utils.cgroup import memory_limits
from inpaint.utils.memory import MemoryBudget, usable_memory
from inpaint.utils.threads import usable_cpus


def test_quota_and_limits_of_all_groups_of_version_2_count(tmp_path):
    root, membership = tmp_path / "cgroup", tmp_path / "membership"
    own = root / "system.slice" / "batch.service"
    own.mkdir(parents=True)
    membership.write_text("0::/system.slice/batch.service\n")
    assert memory_limits(root, membership) == []
    (own / "memory.max").write_text("max\n")
    (own / "memory.current").write_text("1000\n")
    (own.parent / "memory.max").write_text("5000000\n")
    (own.parent / "memory.current").write_text("2000000\n")
    assert memory_limits(root, membership) == [(5_000_000, 2_000_000)]
    (own.parent / "cpu.max").write_text("100000 100000\n")
    assert usable_cpus(root, membership) == 1


def test_quota_and_limits_of_version_1_count(tmp_path):
    root, membership = tmp_path / "cgroup", tmp_path / "membership"
    membership.write_text("4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n")
    for folder in ("memory/docker/abc", "cpu/docker/abc"):
        (root / folder).mkdir(parents=True)
    (root / "memory/memory.limit_in_bytes").write_text("9223372036854771712\n")
    (root / "memory/memory.usage_in_bytes").write_text("1\n")
    (root / "memory/docker/abc/memory.limit_in_bytes").write_text("700000\n")
    (root / "memory/docker/abc/memory.usage_in_bytes").write_text("300000\n")
    assert memory_limits(root, membership) == [(700_000, 300_000)]
    (root / "cpu/docker/abc/cpu.cfs_period_us").write_text("100000\n")
    (root / "cpu/docker/abc/cpu.cfs_quota_us").write_text("50000\n")
    assert usable_cpus(root, membership) == 1


def test_a_container_that_sees_another_path_than_its_own_has_the_limits_of_its_root(tmp_path):
    root, membership = tmp_path / "cgroup", tmp_path / "membership"
    root.mkdir()
    membership.write_text("0::/host/only/there\n")
    (root / "memory.max").write_text("400\n")
    (root / "memory.current").write_text("100\n")
    assert memory_limits(root, membership) == [(400, 100)]


def test_usable_memory_is_the_least_of_machine_and_groups(tmp_path, monkeypatch):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  9000 kB\nMemAvailable:  1000 kB\n")
    monkeypatch.setattr("inpaint.utils.memory.memory_limits", lambda: [])
    assert usable_memory(meminfo) == 1000 * 1024
    monkeypatch.setattr("inpaint.utils.memory.memory_limits", lambda: [(5000, 2000), (900, 950)])
    assert usable_memory(meminfo) == 0


def test_a_budget_is_never_exceeded_and_large_requests_get_their_turn():
    budget, lock = MemoryBudget(10), threading.Lock()
    used, most, order = 0, 0, []

    def work(size):
        nonlocal used, most
        with budget.reserved(size):
            with lock:
                used += min(size, 10)
                most = max(most, used)
                order.append(size)
            time.sleep(0.01)
            with lock:
                used -= min(size, 10)

    threads = [threading.Thread(target=work, args=(size,)) for size in [4, 4, 30, *[3] * 12]]
    for thread in threads:
        thread.start()
        time.sleep(0.002)
    for thread in threads:
        thread.join()
    assert most == 10 and used == 0
    assert sorted(order) == sorted([4, 4, 30, *[3] * 12])
    assert order.index(30) <= 3  # small requests that came later do not pass it by


def test_the_size_of_an_image_is_read_without_decoding_it(tmp_path, monkeypatch):
    sizes = {}
    for name in ("a.jpg", "b.png", "c.webp", "d.tif", "e.bmp", "f.gif"):
        put_image(tmp_path / name, 41, 67)
        sizes[name] = read_image(tmp_path / name).size
    monkeypatch.setattr("inpaint.images.read.decode", lambda *_: pytest.fail("decoded"))
    for name, size in sizes.items():
        assert read_size(tmp_path / name) == size == (41, 67)


def test_images_wait_until_they_fit_into_the_memory(tmp_path, weights, monkeypatch):
    for number in range(6):
        put_image(tmp_path / f"photos/{number}.png", 96, 128)
    put_mask(tmp_path / "mask.png", 96, 128)
    held, most, lock = 0, 0, threading.Lock()

    class Counting(MemoryBudget):
        def reserved(self, size):
            outer = super().reserved(size)

            class Reserved:
                def __enter__(self):
                    nonlocal held, most
                    outer.__enter__()
                    with lock:
                        held += 1
                        most = max(most, held)

                def __exit__(self, *error):
                    nonlocal held
                    with lock:
                        held -= 1
                    return outer.__exit__(*error)

            return Reserved()

    monkeypatch.setattr(memory, "MemoryBudget", Counting)
    need = memory.needed_memory(96 * 128)
    monkeypatch.setattr(memory, "usable_memory", lambda: int(2.5 * need / 0.8))
    options = ("--mask", tmp_path / "mask.png", "--workers", 6, "--style", "plain")
    assert fill(tmp_path / "photos", "-o", tmp_path / "out", *options, weights=weights) == 0
    assert len(report_of(tmp_path / "out/report.jsonl")) == 6
    assert 1 <= most <= 2


def test_max_memory_fails_what_needs_more_before_it_is_decoded(tmp_path, weights, capsys):
    put_image(tmp_path / "photos/small.png")
    Image.fromarray(np.zeros((600, 800, 3), np.uint8)).save(tmp_path / "photos/large.png")
    put_mask(tmp_path / "mask.png")
    options = ("--mask", tmp_path / "mask.png", "-o", tmp_path / "out", "--max-memory")
    limit = (memory.OWN_MEMORY + memory.needed_memory(400 * 600)) / 1e9
    assert fill(tmp_path / "photos", *options, limit, weights=weights) == 1
    rows = report_of(tmp_path / "out/report.jsonl")
    assert rows["small.png"]["status"] == "done"
    assert "more than --max-memory leaves" in rows["large.png"]["message"]
    single = ("--mask", tmp_path / "mask.png", "-o", tmp_path / "one.png", "--max-memory", limit)
    assert fill(tmp_path / "photos/large.png", *single, weights=weights) == 1
    for wrong in ("0.5", "nan"):
        others = ("--mask", tmp_path / "mask.png", "-o", tmp_path / "others", "--max-memory", wrong)
        assert fill(tmp_path / "photos", *others, weights=weights) == 2
        assert "--max-memory must be above 1 GB" in capsys.readouterr().err


ARENAS_OF_THREADS = """
import ctypes, sys, threading
from inpaint.serving.start import set_up_process

if sys.argv[1] == "bound":
    set_up_process()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.fopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes, libc.fclose.argtypes = [ctypes.c_int, ctypes.c_void_p], [ctypes.c_void_p]
turn = threading.Barrier(6)
def allocate():
    turn.wait()
    libc.malloc(100_000)
    turn.wait()
threads = [threading.Thread(target=allocate) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_threads_of_a_server_share_few_arenas(tmp_path):
    def arenas(how):
        path = tmp_path / how
        command = [sys.executable, "-c", ARENAS_OF_THREADS, how, str(path)]
        subprocess.run(command, cwd=ROOT, check=True, timeout=60)
        return path.read_text().count("<heap nr=")

    assert arenas("bound") <= ARENAS < arenas("as it is")
