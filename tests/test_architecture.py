"""Imports point one way, and what is light stays light."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from inpaint.cli import COMMANDS

PACKAGE = Path(__file__).parents[1] / "inpaint"
# From the lowest: a package imports itself and those before it.
ORDER = (
    *("utils", "images", "masks", "models", "checkpoints", "texture", "inference"),
    "selection",
    *("damage", "data", "training", "detect", "padding", "evaluate", "classification"),
    *("batch", "serving", "app", "api", "cli"),
)
OPTIONAL = (
    "gradio",
    "fastapi",
    "uvicorn",
    "torchvision",
    "ray",
    "accelerate",
    "matplotlib",
    "skimage",
    "onnxruntime",
)
HEAVY = {*OPTIONAL, "torch", "numba", "cv2", "numpy", "PIL"}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Modules of the package that a file imports, anywhere in it but for type checkers only."""
    names = set()
    tree = ast.parse(path.read_text())
    skipped = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in known else node.module for name in inside}
    return {name for name in names if name in known}


def rank(module: str) -> int:
    """Place of a module's package in the order; what lies at the root comes last."""
    package = f"{module}.".split(".")[1]
    return ORDER.index(package) if package in ORDER else len(ORDER)


def test_every_package_has_its_place_in_the_order() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(ORDER)


def test_imports_point_one_way() -> None:
    known = modules()
    wrong = [
        f"{module} imports {other}"
        for module, path in known.items()
        for other in imports(path, known)
        if rank(other) > rank(module)
    ]
    assert wrong == []


def test_there_is_no_import_cycle() -> None:
    known = modules()
    graph = {module: imports(path, known) - {module} for module, path in known.items()}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the cycle


@pytest.mark.parametrize("statement", ["import inpaint", "from inpaint.cli import main"])
def test_the_root_and_the_command_line_import_nothing_heavy(statement: str) -> None:
    code = f"import sys; {statement}; print([m for m in sys.modules if '.' not in m])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(ast.literal_eval(run.stdout)) & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        *((name, "--help") for name in COMMANDS),
        *(("padding", action, "--help") for action in ("train", "compare")),
    ],
    ids=" ".join,
)
def test_help_and_version_import_nothing_heavy(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys; from inpaint.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: print([m for m in sys.modules if '.' not in m])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(ast.literal_eval(run.stdout.splitlines()[-1])) & HEAVY


def test_an_inpainter_needs_no_optional_package() -> None:
    code = "import sys; from inpaint import Inpainter; print([m for m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(ast.literal_eval(run.stdout)) & set(OPTIONAL)


def test_few_files_lie_at_the_root() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}
