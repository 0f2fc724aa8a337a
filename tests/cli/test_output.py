# SPDX-License-Identifier: MIT
"""Where the report goes, and what is said about it."""

import json
import os
import pathlib
import pstats
import re
import subprocess

import harness
import pytest


def last_line(done):
    return done.err.decode().splitlines()[-1]


def test_report_goes_to_stderr_and_stdout_is_the_targets(ulma):
    done = ulma.verb("run", "-c", "print('out')")
    assert (done.status, done.out) == (0, b"out\n")
    assert b"ncalls  tottime" in done.err
    assert last_line(done).startswith("ulma: the report above is not kept")


def test_quiet_says_nothing(ulma):
    done = ulma.verb("run", "-q", "-c", "import sys; print('err', file=sys.stderr)")
    assert (done.status, done.out, done.err) == (0, b"", b"err\n")


def test_verbose_says_more(ulma):
    done = ulma.verb("run", "-v", "-c", "pass")
    assert b"ulma: session " in done.err and b"ulma: started " in done.err


@pytest.mark.parametrize(
    "name, format_name, reader",
    [
        ("r.txt", "table", "less r.txt"),
        ("r.json", "json", "python3 -m json.tool r.json"),
        ("r.pstats", "pstats", "python3 -m pstats r.pstats"),
        ("r.prof", "pstats", "python3 -m pstats r.prof"),
        ("r.svg", "flamegraph", "xdg-open r.svg"),
        ("r.md", "markdown", "less r.md"),
        ("r", "table", "less r"),
        ("r r.txt", "table", "less 'r r.txt'"),
    ],
)
def test_format_follows_the_extension_and_the_last_line_tells(ulma, name, format_name, reader):
    done = ulma.verb("run", "-o", name, "-c", "pass")
    assert done.status == 0
    assert last_line(done) == f"ulma: wrote {name} ({format_name}); read it with: {reader}"
    assert (ulma.folder / name).stat().st_size > 0


def test_format_wins_over_the_extension(ulma):
    assert ulma.verb("run", "-q", "-f", "json", "-o", "r.txt", "-c", "pass").status == 0
    assert json.loads((ulma.folder / "r.txt").read_text())["ulma"] == 1


def test_pstats_is_pstats(ulma):
    code = "def f(): pass\nfor i in range(5): f()\n"
    assert ulma.verb("run", "-q", "-o", "r.pstats", ulma.script(code)).status == 0
    stats = pstats.Stats(str(ulma.folder / "r.pstats")).stats
    rows = {key[2]: value for key, value in stats.items()}
    assert rows["f"][:2] == (5, 5)


def test_stdout(ulma):
    done = ulma.verb("run", "-f", "json", "-o", "-", "-c", "pass")
    assert json.loads(done.out)["ulma"] == 1
    assert last_line(done) == "ulma: wrote the report to stdout (json)"


def test_pid_in_the_name(ulma):
    done = ulma.verb("run", "-q", "-o", "r-%p-%%.txt", "-c", "import os; print(os.getpid())")
    assert (ulma.folder / f"r-{int(done.out)}-%.txt").exists()


def test_never_overwrites_in_silence(ulma, sentence):
    (ulma.folder / "r.txt").write_text("precious")
    done = ulma.verb("run", "-o", "r.txt", "-c", "open('ran', 'w')")
    assert done.status == 125
    sentence(done, "r.txt exists", "--force")
    assert (ulma.folder / "r.txt").read_text() == "precious"
    assert not (ulma.folder / "ran").exists()
    assert ulma.left_behind() == []


def test_a_report_is_no_recording(ulma, sentence):
    done = ulma.verb("run", "-o", "kept.ulma", "-c", "print('ran')")
    assert done.status == 125 and done.out == b""
    sentence(done, "ulma record -o kept.ulma makes a recording")
    assert not (ulma.folder / "kept.ulma").exists()


def test_force_replaces_the_whole_file(ulma):
    (ulma.folder / "r.json").write_text("x" * 1_000_000)
    assert ulma.verb("run", "-q", "--force", "-o", "r.json", "-c", "pass").status == 0
    assert json.loads((ulma.folder / "r.json").read_text())["ulma"] == 1


def test_opened_before_the_target_starts(ulma, sentence):
    done = ulma.verb("run", "-o", "no/such/folder/r.txt", "-c", "open('ran', 'w')")
    assert done.status == 125
    sentence(done, "cannot write no/such/folder/r.txt")
    assert not (ulma.folder / "ran").exists()


def test_relative_to_where_ulma_was_started(ulma):
    done = ulma.verb("run", "-q", "-o", "r.txt", "-c", "import os; os.chdir('/')")
    assert done.status == 0 and (ulma.folder / "r.txt").exists()


def test_empty_file_of_a_run_that_never_began_is_taken_back(ulma):
    done = ulma("run", "-o", "r.txt", "--", "./absent")
    assert done.status == 127
    assert not (ulma.folder / "r.txt").exists()


@pytest.mark.parametrize("strict, status", [([], 5), (["--strict"], 125)], ids=["", "strict"])
def test_full_disk_loses_nothing(ulma, sentence, strict, status):
    code = "import sys; sys.exit(5)"
    done = ulma.verb("run", *strict, "-f", "json", "-o", "/dev/full", "-c", code)
    assert done.status == status
    sentence(done, "could not write the report to /dev/full: No space left on device; it is in ")
    kept = re.search(r"it is in (\S+) \(json\)", done.err.decode()).group(1)
    assert kept.startswith(str(ulma.temporary))
    assert json.loads(pathlib.Path(kept).read_text())["target"]["exit_status"] == 5
    assert os.stat(kept).st_mode & 0o777 == 0o600


def test_full_stderr_loses_nothing(ulma):
    with open("/dev/full", "w") as full:
        words = [str(harness.ULMA), "run", "--python", ulma.python, "-c", "pass"]
        assert subprocess.run(words, stderr=full, env=ulma.env, cwd=ulma.folder).returncode == 0
    (kept,) = ulma.temporary.glob("ulma-report-*")
    assert "ncalls" in kept.read_text()


def test_closed_standard_descriptors_stay_closed(ulma):
    code = (
        "import os\n"
        "def closed(n):\n"
        "    try: os.fstat(n)\n"
        "    except OSError: return True\n"
        "    return False\n"
        "open('told', 'w').write(repr([closed(n) for n in (0, 1, 2)]))\n"
    )
    script = ulma.script(code)
    line = f"exec {harness.ULMA} run --python {ulma.python} -o r.json {script} <&- >&- 2>&-"
    alone = f"exec {ulma.python} {script} <&- >&- 2>&-"
    assert harness.run(["sh", "-c", alone], env=ulma.env, cwd=ulma.folder).status == 0
    expected = (ulma.folder / "told").read_text()
    assert harness.run(["sh", "-c", line], env=ulma.env, cwd=ulma.folder).status == 0
    assert (ulma.folder / "told").read_text() == expected
    assert json.loads((ulma.folder / "r.json").read_text())["ulma"] == 1


def test_target_gets_no_descriptor_of_ours(ulma):
    code = "import os; print(sorted(os.listdir('/proc/self/fd')))"
    done = ulma.verb("run", "-q", "-o", "r.txt", "-c", code)
    alone = harness.run([ulma.python, "-c", code], env=ulma.env, cwd=ulma.folder)
    assert done.out == alone.out


def test_session_directory_may_be_relative(ulma):
    """The target changes its directory; the probe still finds the session and its collector."""
    script = ulma.script("import os\nos.chdir('/')\ndef f(): pass\nfor i in range(9): f()\n")
    env = {"ULMA_DIR": "sessions"}
    done = ulma.verb("run", "-q", "-f", "json", "-o", "-", script, env=env)
    report = json.loads(done.out)
    assert [row["calls"] for row in report["functions"] if row["name"] == "f"] == [9]
    assert (ulma.folder / "sessions").stat().st_mode & 0o7777 == 0o700
    assert list((ulma.folder / "sessions").iterdir()) == []
