"""A pytest option under which tests may be skipped for expected reasons only.

`--skips-allowed REGEX` ends a run with exit code 6 when a test, or a whole file, was skipped for a
reason in which REGEX is not found. The summary names them. Without the option skips are harmless.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

SKIPPED = 6  # exit code; pytest's own are 0 to 5


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--skips-allowed",
        type=re.compile,
        metavar="REGEX",
        help="fail when a test is skipped for a reason in which this is not found",
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if unexpected_skips(session.config):
        session.exitstatus = SKIPPED


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    unexpected = unexpected_skips(terminalreporter.config)
    if unexpected:
        terminalreporter.section("skipped, but should have run", red=True)
        for line in unexpected:
            terminalreporter.line(line)


def unexpected_skips(config: pytest.Config) -> list[str]:
    """One line a skipped test or file; empty in worker processes, which have no reporter."""
    allowed: re.Pattern[str] | None = config.getoption("--skips-allowed")
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if allowed is None or reporter is None or hasattr(config, "workerinput"):
        return []
    skips = {  # each of several worker processes reports a file that it skipped
        (report.nodeid, report.longrepr[2].removeprefix("Skipped: "))
        for report in reporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)  # else an expected failure
    }
    return [f"{test}: {reason}" for test, reason in sorted(skips) if not allowed.search(reason)]
