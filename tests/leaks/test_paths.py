"""Nothing leaks on any path, at any log level, while every logger of the process writes all it has."""

import pytest

from tests.leaks.paths import PATHS
from tests.leaks.stage import Stage


@pytest.mark.usefixtures("everybody_logs")
@pytest.mark.parametrize("path", PATHS)
def test_no_canary_is_seen_on_any_path(path: str, stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    assert stage.leaks_on(PATHS[path], capfd) == []
