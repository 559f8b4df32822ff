"""Codes of errors, which the program passes on."""

from __future__ import annotations

import pytest

from sage_worker.errors import WorkerError


def test_a_code_is_an_area_and_a_thing() -> None:
    assert WorkerError("policy/not-here-2", "It is gone.", "Look.").code == "policy/not-here-2"


@pytest.mark.parametrize("code", ["disk-full", "policy/not_here", "policy/", "Policy/here", "a/policy/here"])
def test_what_is_no_code_is_a_defect(code: str) -> None:
    with pytest.raises(ValueError, match="is no error code"):
        WorkerError(code, "It is gone.", "Look.")
