"""The one kind of failure that a person is meant to read."""

from __future__ import annotations


class WorkerError(Exception):
    """Something that the user can mend: a code like `policy/weights`, what is wrong, and what to do."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.code = code
        self.message = message
        self.remedy = remedy
