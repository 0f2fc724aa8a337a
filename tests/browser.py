# SPDX-License-Identifier: MIT
"""A page in headless Chromium, driven by a script that is put into it and leaves what it saw.

Rules: pages are opened as files. A driver's script sets `data-seen` on the root to JSON; errors on
the page are kept in `data-error`. Where there is no Chromium the tests say so and are skipped.
"""

import html
import json
import pathlib
import re
import shutil
from typing import Any

import harness
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    not CHROMIUM, reason="no chromium here: apt-get install chromium"
)

# Before all else on the page; a page whose policy names its scripts by hash must name this one.
GUARD = (
    'addEventListener("error", (event) => document.documentElement'
    '.setAttribute("data-error", event.message));'
)


def open_page(address: str, profile: pathlib.Path, *options: str) -> Any:
    """Opens the page and returns what its driver saw."""
    assert CHROMIUM
    done = harness.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1220,700",
            f"--user-data-dir={profile}",
            *options,
            "--dump-dom",
            address,
        ]
    )
    page = done.out.decode("utf-8")
    error = re.search(r'data-error="([^"]*)"', page)
    assert not error, html.unescape(error.group(1))
    found = re.search(r'data-seen="([^"]*)"', page)
    assert found, done.told()[-3000:]
    return json.loads(html.unescape(found.group(1)))
