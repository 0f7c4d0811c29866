"""A page seen by a real browser: what it writes to the console, what it asks the network for, how it looks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

# Names are resolved to nothing: whatever a page asks for is recorded and nothing leaves the machine.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--log-level=0",
]
AT_ONCE = "--virtual-time-budget=5000"
NO_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND"


@dataclass(frozen=True)
class Visit:
    """What a page did when it was opened."""

    console: list[str]
    requests: list[str]
    screenshot: Path


def chromium() -> str:
    """The browser; without one the test is skipped, or fails where CI=true."""
    return _installed(["chromium", "chromium-browser", "google-chrome"], "Chromium", "chromium")


def _installed(names: list[str], title: str, package: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found:
        return found
    reason = (
        f"no {title} on the path: install it (Debian: apt-get install {package}) to check pages in a browser"
    )
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def visit(page: Path, folder: Path, size: tuple[int, int] = (1200, 900)) -> Visit:
    """Open a local page in a new browser and leave a screenshot and the browser's logs in the folder."""
    screenshot, log = folder / "screenshot.png", folder / "network.json"
    arguments = [
        f"--user-data-dir={folder / 'profile'}",
        f"--log-net-log={log}",
        f"--screenshot={screenshot}",
    ]
    command = [
        chromium(),
        *FLAGS,
        AT_ONCE,
        NO_NETWORK,
        *arguments,
        f"--window-size={size[0]},{size[1]}",
        page.as_uri(),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    console = re.findall(r"^\[.*?:CONSOLE.*?\] (.*)$", run.stderr, re.MULTILINE)
    return Visit(console, requests_of_the_page(log), screenshot)


@contextmanager
def driven(page: Path, size: tuple[int, int] = (1100, 1000)) -> Iterator[Chrome]:
    """Open a local page in a new browser that does what a reader would, through WebDriver."""
    options = ChromeOptions()
    options.binary_location = chromium()
    for flag in [*FLAGS, NO_NETWORK, f"--window-size={size[0]},{size[1]}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(_installed(["chromedriver"], "chromedriver", "chromium-driver"))
    browser = Chrome(options=options, service=service)
    try:
        browser.get(page.as_uri())
        yield browser
    finally:
        browser.quit()


def seen_as(browser: Chrome, width: int, height: int, scheme: str = "light") -> None:
    """Give the page this size and colour scheme."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def requests_of_the_page(log: Path) -> list[str]:
    """Addresses that the page asked for; what the browser asks for by itself has no origin."""
    record = json.loads(log.read_text(encoding="utf-8"))
    started = record["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    jobs = [event["params"] for event in record["events"] if event["type"] == started and "params" in event]
    return [job["url"] for job in jobs if job.get("initiator", "not an origin") != "not an origin"]
