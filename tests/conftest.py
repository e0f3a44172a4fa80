"""What all tests share: how hard hypothesis tries, and where the real inputs are."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pages import browser, small_folder

__all__ = ["browser", "real_inputs", "small_folder"]

settings.register_profile("dev", max_examples=30, deadline=None)
settings.register_profile(
    "ci",
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session")
def real_inputs() -> Path:
    """Folder of the real inputs; tests that use it carry the marker `real`."""
    folder = os.environ.get("REALIGN_REAL_INPUTS")
    if not folder:
        pytest.skip("REALIGN_REAL_INPUTS names no folder of real inputs")
    return Path(folder)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep runs of the command from results of the user's own ones."""
    os.environ["REALIGN_CACHE"] = str(tmp_path_factory.mktemp("cache"))
