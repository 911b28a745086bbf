"""What README and docs/ show is run: Python as it stands, commands up to their options."""

import argparse
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from inpaint import training as train
from inpaint.cli import COMMANDS, train_detector
from inpaint.detect.config import DetectTrainConfig
from inpaint.utils.options import from_options

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = PAGES[0].read_text()


def blocks(language, pages=PAGES):
    text = "\n".join(page.read_text() for page in pages)
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands():
    text = "\n".join(blocks("sh")).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]


# Other pages have snippets that need a server or files of the reader's.
RUN = [ROOT / "README.md", ROOT / "docs/layer.md", ROOT / "docs/training.md"]


@pytest.mark.parametrize("code", blocks("python", RUN))
def test_python_of_the_readme_runs(code, tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "page", "exec"), {})


@pytest.mark.parametrize("words", [c for c in commands() if c[0] == "inpaint"], ids=" ".join)
def test_inpaint_commands_of_the_readme_are_understood(words):
    parser = argparse.ArgumentParser()
    import_module(COMMANDS[words[1]][0]).add_arguments(parser)
    parser.parse_args(words[2:])


@pytest.mark.parametrize("words", [c for c in commands() if "train_inpaint.py" in c], ids=" ".join)
def test_training_commands_of_the_readme_are_understood(words):
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    arguments = parser.parse_args(words[words.index("train_inpaint.py") + 1 :])
    assert train.config_from(arguments).phases()


@pytest.mark.parametrize("words", [c for c in commands() if "train_detector.py" in c], ids=" ".join)
def test_detector_commands_of_the_pages_are_understood(words):
    parser = argparse.ArgumentParser()
    train_detector.add_arguments(parser)
    arguments = parser.parse_args(words[words.index("train_detector.py") + 1 :])
    assert from_options(DetectTrainConfig, arguments).minutes in (None, 4)


def test_make_targets_of_the_readme_exist():
    targets = re.findall(r"\bmake (\w+)", README)
    makefile = (ROOT / "Makefile").read_text()
    assert {"demo", "test"} <= set(targets)
    assert all(f"\n{target}:" in makefile for target in targets)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=str)
def test_files_that_a_page_links_to_exist(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
