"""A refusal and what it says."""

import re

import pytest

from serving.errors import ServingError


def says(error: type[ServingError], *parts: str):
    return pytest.raises(error, match=".*".join(map(re.escape, parts)))
