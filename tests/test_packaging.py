"""What pip installs: built as a release is, and used from another folder without a network."""

import ast
import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest
import tomllib
from PIL import Image

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAME = PROJECT["name"]
WHOLE = ("inpaint", "weights", "examples")
FILES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")
SCRIPTS = ("app.py", "train_detector.py", "train_inpaint.py", "train_padding.py", "CITATION.cff")
# A stand-in for a machine without a network, loaded by Python at its start.
OFFLINE = """
import socket
connect = socket.socket.connect
def refuse(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"there is no network here, and {address} was wanted")
    return connect(self, address)
socket.socket.connect = refuse
"""


def build(source: Path, kind: str, out: Path) -> Path:
    """The wheel or sdist of a source tree, made by this environment's setuptools."""
    out.mkdir(exist_ok=True)
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(out)!r}))"
    run = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return out / run.stdout.split()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of a copy of this tree: building in the tree itself would leave files there."""
    setuptools = pytest.importorskip("setuptools")
    if int(setuptools.__version__.split(".")[0]) < 77:
        pytest.skip("pyproject.toml needs setuptools 77 or later")
    folder = tmp_path_factory.mktemp("packaging")
    source = folder / "source"
    for name in WHOLE:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    for name in (*FILES, *SCRIPTS):
        shutil.copy(ROOT / name, source / name)
    return build(source, "sdist", folder / "dist")


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> Path:
    """The wheel of what lies in the sdist, as pip makes it of one."""
    folder = sdist.parents[1]
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return build(folder / sdist.name.removesuffix(".tar.gz"), "wheel", folder / "dist")


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder with nothing but what the wheel installs."""
    folder = wheel.parents[1] / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    options = ["--no-compile", "--disable-pip-version-check", "--target", str(folder)]
    run = subprocess.run([*pip, *options, str(wheel)], capture_output=True, text=True)
    if "No module named pip" in run.stderr:
        pytest.skip("this environment has no pip")
    assert run.returncode == 0, run.stderr
    (folder / "sitecustomize.py").write_text(OFFLINE)
    return folder


def environment(installed: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}


def command(installed: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(installed / "bin" / "inpaint"), *arguments]


def run(installed: Path, cwd: Path, *arguments: str) -> str:
    """What the installed command prints; it must succeed."""
    ended = subprocess.run(
        command(installed, *arguments),
        cwd=cwd,
        env=environment(installed),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def photo(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small photo, cut out of an example of the wheel."""
    path = tmp_path_factory.mktemp("elsewhere") / "photo.png"
    with Image.open(installed / "inpaint/_examples/cat.jpg") as example:
        example.crop((40, 40, 136, 120)).save(path)
    return path


def test_the_wheel_carries_weights_and_examples(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = {info.filename: info for info in archive.infolist()}
    for part, folder in (("_weights", ROOT / "weights"), ("_examples", ROOT / "examples")):
        kinds = (".safetensors", ".jpg", ".png")
        wanted = {path.relative_to(folder): path.stat().st_size for path in folder.rglob("*.*")}
        for name, size in wanted.items():
            if name.suffix in kinds:
                assert files[f"inpaint/{part}/{name.as_posix()}"].file_size == size
    assert not [name for name in files if name.startswith(("tests/", "weights/"))]


def test_neither_archive_holds_a_link(sdist: Path, wheel: Path) -> None:
    """A link in a checkout or an archive is a text file on Windows."""
    with tarfile.open(sdist) as archive:
        assert [entry.name for entry in archive if not (entry.isfile() or entry.isdir())] == []
    with zipfile.ZipFile(wheel) as archive:
        modes = {info.filename: info.external_attr >> 28 for info in archive.infolist()}
    assert [name for name, kind in modes.items() if kind not in (0, 8)] == []
    assert [path for path in (ROOT / "inpaint").rglob("*") if path.is_symlink()] == []


def test_package_indexes_show_no_link_that_leads_nowhere(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    assert metadata["Description-Content-Type"] == "text/markdown"
    text = metadata.get_payload()
    shown = (ROOT / "README.md").read_text()
    assert not re.search(r"""(\]\(|(src|href)=["'])(?!https://)""", text)
    assert "<img" not in text and "![" not in text
    lines = [line for line in shown.splitlines() if line and "](" not in line and "<" not in line]
    assert len(lines) > 40 and not set(lines) - set(text.splitlines())  # all else is there


def test_the_archives_pass_the_check_of_their_index(sdist: Path, wheel: Path) -> None:
    pytest.importorskip("twine")
    check = [sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel)]
    run = subprocess.run(check, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_installed_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    assert run(installed, tmp_path, "--version") == f"inpaint {PROJECT['version']}\n"


def test_the_installed_command_fills_a_photo_offline(installed: Path, photo: Path) -> None:
    mask = Image.new("L", (96, 80))
    mask.paste(255, (40, 30, 60, 45))
    mask.save(photo.with_name("mask.png"))
    # The natural style would compile its search for a new folder, which takes long.
    files = ("photo.png", "--mask", "mask.png", "-o", "out.png")
    run(installed, photo.parent, "fill", *files, "--style", "faithful")
    with Image.open(photo) as before, Image.open(photo.with_name("out.png")) as after:
        before.load(), after.load()
    assert after.size == before.size
    assert after.tobytes() != before.tobytes()
    assert after.crop((0, 0, 96, 30)).tobytes() == before.crop((0, 0, 96, 30)).tobytes()


def test_the_installed_command_finds_damage_offline(installed: Path, photo: Path) -> None:
    run(installed, photo.parent, "detect", "photo.png", "-o", "found.png")
    with Image.open(photo.with_name("found.png")) as found:
        assert found.size == (96, 80)


def test_the_installed_weights_are_those_of_the_manifest(installed: Path, photo: Path) -> None:
    """There is no folder weights/ beside the package, so these are the ones inside."""
    run(installed, photo.parent, "weights", "verify")


def test_the_installed_command_serves_the_page_offline(installed: Path, photo: Path) -> None:
    pytest.importorskip("gradio")
    log = photo.with_name("page.log")
    with log.open("w") as output:
        page = subprocess.Popen(
            command(installed, "app", "--port", "0"),
            cwd=photo.parent,
            env=environment(installed),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + 120
        while not (found := re.search(r"^Open (http://\S+?)/? ", log.read_text(), re.M)):
            assert page.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        with urllib.request.urlopen(f"{found[1]}/", timeout=60) as answer:
            text = answer.read().decode()
        assert "inpaint-editor" in text
        assert "cat.jpg" in text
    finally:
        page.terminate()
        assert page.wait(60) == 0


def test_errors_and_pages_name_no_package_of_others() -> None:
    """`inpaint` on PyPI is another project's."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*"), *ROOT.glob("weights/*.md")]
    sources = [*(ROOT / "inpaint").rglob("*.py"), *ROOT.glob("*.py"), *ROOT.glob("tests/*.py")]
    wrong = re.compile(r"pip install [^`\n]*(?<![-\w])inpaint(?=[\[\s'\"`])")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in (*pages, *sources)
        if path.is_file() and path.suffix in (".md", ".py")
        for match in wrong.finditer(path.read_text())
    ]
    assert found == []


def test_extras_that_are_recommended_exist() -> None:
    named = set()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *(ROOT / "inpaint").rglob("*.py")):
        text = path.read_text()
        named |= {
            extra
            for group in re.findall(rf"{NAME}\[([\w,]+)\]", text)
            for extra in group.split(",")
        }
        named |= set(re.findall(r"""\binstall\(["'](\w+)["']\)""", text))
    assert {"app", "evaluate", "train"} <= named
    assert named <= set(PROJECT["optional-dependencies"])


def test_any_of_opencvs_packages_will_do() -> None:
    """The packages without windows lack these functions; the others have them."""
    windows = {"imshow", "namedWindow", "waitKey", "destroyAllWindows", "selectROI"}
    used = {
        node.attr
        for path in (ROOT / "inpaint").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    assert not used & windows
