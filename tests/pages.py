"""A browser without a network, and pages of the small plan to open in it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRIVERS = ("chromedriver", "chromium.chromedriver")
WIDE, NARROW = (1440, 900), (390, 844)
SIZES = [WIDE, NARROW]
ALLOWED = ("data:", "file:", "about:")


def found(names: tuple[str, ...]) -> str | None:
    """Path of the first program of some that is there."""
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the small plan, written once; tests leave it as it is."""
    from small_plan import small

    from realign import outputs

    target = tmp_path_factory.mktemp("maps") / "small"
    outputs.write(small(), target)
    return target


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium without a network: whatever it asks for goes to a proxy that is not there."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program, driver = found(BROWSERS), found(DRIVERS)
    if program is None or driver is None:
        pytest.skip(f"no browser: wanted one of {', '.join(BROWSERS)} and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--proxy-server=127.0.0.1:9",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.chrome.service.Service(driver)
    with webdriver.Chrome(options=options, service=service) as chrome:
        yield chrome


def open_page(browser: Any, path: Path, size: tuple[int, int] = WIDE) -> None:
    """Open a page anew, with empty logs."""
    wide, tall = size
    browser.get("about:blank")  # a new browser still loads a page of its own
    browser.get_log("browser")
    browser.get_log("performance")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": wide, "height": tall, "deviceScaleFactor": 1, "mobile": wide < 500},
    )
    browser.get(path.as_uri())


def run(browser: Any, script: str, *given: Any) -> Any:
    """Run a script in the page; `given` are its `arguments`."""
    return browser.execute_script(script, *given)


def check_quiet(browser: Any) -> None:
    """Refuse a page that asked for anything outside itself, failed to load, or complained."""
    events = [json.loads(row["message"])["message"] for row in browser.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert asked
    assert [url for url in asked if not url.startswith(ALLOWED)] == []
    assert [event for event in events if event["method"] == "Network.loadingFailed"] == []
    assert browser.get_log("browser") == []
