# SPDX-License-Identifier: MIT
"""The committed page is what its source builds, small, and asks for nothing from elsewhere."""

import gzip
import re

import page_tools

DIST = page_tools.WEB / "dist"
MOST = 250_000
ALLOWED = {b"https://ui.perfetto.dev"}


def files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_source_builds_what_is_committed(tmp_path):
    page_tools.run("tsc", "--noEmit")
    page_tools.run("vite", "build", "--outDir", tmp_path / "dist", "--emptyOutDir")
    built, committed = files(tmp_path / "dist"), files(DIST)
    assert set(built) == set(committed) == {"index.html", "assets/page.js", "assets/page.css"}
    other = [name for name in built if built[name] != committed[name]]
    assert not other, f"web/dist is not what web/src builds, run `npm run build` in web/: {other}"


def test_the_units_hold():
    said = page_tools.run("vitest", "run", "--reporter=verbose")
    assert re.search(r"Tests +[1-9]\d* passed \(\d+\)", said), said


def test_the_source_is_clean():
    page_tools.run("biome", "check", "--error-on-warnings", ".")


def test_the_page_is_small():
    assert sum(len(gzip.compress(body, 9)) for body in files(DIST).values()) < MOST


def test_no_request_leaves_the_machine():
    for name, body in files(DIST).items():
        # Names of XML's vocabularies are no addresses that anything is asked of; Perfetto's page
        # is a tab of its own, which a button opens.
        addresses = set(re.findall(rb"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`)]*", body))
        asked = {one for one in addresses if b"//www.w3.org/" not in one}
        assert asked <= ALLOWED, name


def test_the_lock_names_no_registry():
    lock = (page_tools.WEB / "package-lock.json").read_text()
    assert '"resolved"' not in lock and "://" not in re.sub(r'"url": "[^"]*"', "", lock)
