"""The one kind of failure that a person is meant to read."""

from __future__ import annotations

import re

_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*")


class WorkerError(Exception):
    """Something that the user can mend: a code like `policy/weights`, what is wrong, and what to do."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        if not _CODE.fullmatch(code):
            raise ValueError(f"{code} is no error code, such as policy/weights")
        super().__init__(f"{message} {remedy}")
        self.code = code
        self.message = message
        self.remedy = remedy
