"""What the README shows is run here: its Python as it stands, its commands up to their options."""

import argparse
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from inpaint import training as train
from inpaint.cli import COMMANDS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands():
    text = "\n".join(blocks("sh")).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("code", blocks("python"))
def test_python_of_the_readme_runs(code, tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})


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


def test_make_targets_of_the_readme_exist():
    targets = re.findall(r"\bmake (\w+)", TEXT)
    makefile = (ROOT / "Makefile").read_text()
    assert {"demo", "test"} <= set(targets)
    assert all(f"\n{target}:" in makefile for target in targets)


def test_files_that_the_readme_links_to_exist():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", TEXT)
    assert [link for link in links if not (ROOT / link).exists()] == []
