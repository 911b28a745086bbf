"""Files for deployments fit the commands and each other."""

import argparse
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from inpaint.api.options import ServeOptions
from inpaint.app.serving import ServingOptions
from inpaint.cli import app, serve

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
NGINX = (ROOT / "deploy/nginx.conf").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def options(module: Any, words: list[str]) -> Any:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.options_from(parser.parse_args(words))


def test_the_image_gets_all_that_the_wheel_is_built_of() -> None:
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.M)
        for source in line.split()[:-1]
    ]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for source in copied:
        assert (ROOT / source).exists()
        assert {f"!{source}", f"!{source}/*"} & set(ignored), f"{source} is ignored"
    assert {"pyproject.toml", "setup.py", "inpaint", "weights", "examples"} <= set(copied)


def test_the_image_serves_the_page_by_default() -> None:
    words = re.search(r"^CMD \[(.*)\]$", DOCKERFILE, re.M)
    assert words is not None
    command, *rest = [word.strip(' "') for word in words[1].split(",")]
    assert command == "app"
    assert options(app, rest) == ServingOptions(host="0.0.0.0")


def test_both_replicas_start_as_the_command_line_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INPAINT_TOKEN", raising=False)
    replicas = [service for name, service in COMPOSE.items() if name.startswith("api-")]
    assert len(replicas) == 2
    for replica in replicas:
        command, *rest = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", word) for word in replica["command"]]
        assert command == "serve"
        assert options(serve, rest) == ServeOptions(host="0.0.0.0", allowed_host="localhost")
        assert replica["restart"] == "always"
        assert int(replica["stop_grace_period"].rstrip("s")) > ServeOptions().grace_seconds


def test_the_proxy_knows_the_replicas_and_their_limits() -> None:
    upstream = re.findall(r"server (api-\d+):(\d+)", NGINX)
    assert {name for name, _ in upstream} == {name for name in COMPOSE if name.startswith("api-")}
    assert {int(port) for _, port in upstream} == {ServeOptions().port}
    size = re.search(r"client_max_body_size (\d+)m;", NGINX)
    seconds = re.search(r"proxy_read_timeout (\d+)s;", NGINX)
    assert size is not None and int(size[1]) > 3 * ServeOptions().max_file_mb
    assert seconds is not None and int(seconds[1]) > ServeOptions().fill_seconds
    (ports,) = COMPOSE["proxy"]["ports"]
    listened = re.search(r"listen (\d+);", NGINX)
    assert listened is not None and ports.endswith(f":{listened[1]}")
    assert "127.0.0.1" in ports  # nobody else gets in without being asked for
