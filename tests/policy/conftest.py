from __future__ import annotations

from pathlib import Path

import pytest

from tests.policy.stage import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine.at(tmp_path)
