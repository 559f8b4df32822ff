"""pytest plugin: a JSON line for each test into the file that SAGE_TEST_RECORDS names, as soon as it has ended.

A line is {"started": id} or {"id", "state": "passed" | "failed" | "skipped", "text"}; text is the failure or the
reason. A process that dies in the middle has said in which test.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

ended: dict[str, tuple[str, str]] = {}


def write(record: dict[str, str]) -> None:
    with open(os.environ["SAGE_TEST_RECORDS"], "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def reason(longrepr: Any) -> str:
    """A skip is a tuple of file, line and 'Skipped: reason'; anything else says what it is."""
    return str(longrepr[2] if isinstance(longrepr, tuple) else longrepr).removeprefix("Skipped: ")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file that cannot be imported has no tests that could fail; it is one itself."""
    if not report.passed:
        write({"id": report.nodeid or "collection", "state": report.outcome, "text": reason(report.longrepr)})


def pytest_runtest_logstart(nodeid: str) -> None:
    write({"started": nodeid})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The worst of set-up, call and tear-down is the test's state."""
    state, text = ended.get(report.nodeid, ("passed", ""))
    if report.failed:
        state, text = "failed", "\n".join(filter(None, (text, f"{report.longreprtext}\n{report.capstderr[-4000:]}")))
    elif report.skipped and state == "passed":
        state, text = "skipped", str(getattr(report, "wasxfail", "") or reason(report.longrepr))
    ended[report.nodeid] = (state, text)
    if report.when == "teardown":
        write({"id": report.nodeid, "state": state, "text": text})
