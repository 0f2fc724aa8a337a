# SPDX-License-Identifier: MIT
"""`ulma diff`: which words it takes, and what it says to those that it does not."""

import json

import pytest

PROGRAM = """
def work(n):
    return sum(range(n))

for _ in range(20):
    work(1000)
"""


@pytest.fixture
def recordings(ulma):
    """Two of one program, by name."""
    script = ulma.script(PROGRAM)
    for name in ("old.ulma", "new.ulma"):
        done = ulma.verb("record", "-q", "-o", name, script)
        assert done.status == 0, done.told()
    return "old.ulma", "new.ulma"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "needs an old and a new recording"),
        (["a.ulma"], "needs an old and a new recording"),
        (["a.ulma", "b.ulma", "c.ulma"], "needs to know which recordings are old and which new"),
        (["--", "b.ulma"], "at least one recording on each side of `--`: none is old"),
        (["a.ulma", "--"], "at least one recording on each side of `--`: none is new"),
        (["a.ulma", "--", "b.ulma", "--", "c.ulma"], "takes one `--`"),
        (["-f", "pstats", "a.ulma", "b.ulma"], "table, tree, markdown or json, not as pstats"),
        (["-o", "x.svg", "a.ulma", "b.ulma"], "table, tree, markdown or json, not as flamegraph"),
        (["--fail-over", "tottime", "a.ulma", "b.ulma"], "--fail-over needs METRIC=PCT"),
        (["--fail-over", "time=5", "a.ulma", "b.ulma"], "--fail-over needs METRIC=PCT"),
        (["--fail-over", "calls=-5", "a.ulma", "b.ulma"], "--fail-over needs METRIC=PCT"),
        (["--min-time", "soon", "a.ulma", "b.ulma"], "--min-time needs a time"),
        (["--per-cal", "--clocks", "a.ulma", "b.ulma"], "no option `--clocks`"),
    ],
)
def test_wrong_words(ulma, words, said):
    done = ulma("diff", *words)
    assert done.status == 2, done.told()
    assert said in done.err.decode()
    assert done.err.decode().count("\n") == 1
    assert done.out == b""


def test_wrong_files(ulma, recordings):
    (ulma.folder / "text.ulma").write_text("no recording")
    for bad in ("text.ulma", "nowhere.ulma", "."):
        for words in ([recordings[0], bad], [bad, recordings[0]]):
            done = ulma("diff", *words)
            assert done.status == 1, done.told()
            assert bad in done.err.decode()
            assert done.err.decode().count("\n") == 1
            assert done.out == b""


def test_output_is_not_overwritten(ulma, recordings):
    (ulma.folder / "diff.md").write_text("mine")
    done = ulma("diff", "-o", "diff.md", *recordings)
    assert done.status == 1
    assert "diff.md exists" in done.err.decode()
    assert (ulma.folder / "diff.md").read_text() == "mine"
    done = ulma("diff", "-o", "diff.md", "--force", *recordings)
    assert done.status == 0, done.told()
    assert (ulma.folder / "diff.md").read_text().startswith("**ulma diff: ")
    assert (
        done.err.decode()
        == "ulma: wrote the comparison to diff.md (markdown); read it with: less diff.md\n"
    )


def test_options_may_follow_the_files(ulma, recordings):
    old, new = recordings
    for words in (
        ["-f", "json", "-q", old, new],
        [old, new, "-qfjson"],
        [
            old,
            "--",
            new,
            "-f",
            "json",
            "-q",
            "--fail-over",
            "calls=0,p99=50",
            "--fail-over=cumtime=10%",
        ],
    ):
        done = ulma("diff", *words)
        assert done.status == 0, done.told()
        assert done.err == b""
        told = json.loads(done.out)
        assert told["ulma_diff"] == 1
        assert [one["file"] for one in told["old"] + told["new"]] == [old, new]


def test_several_a_side(ulma, recordings):
    old, new = recordings
    done = ulma("diff", "-q", "-f", "json", old, new, "--", new)
    told = json.loads(done.out)
    assert [one["file"] for one in told["old"]] == [old, new]
    assert [one["file"] for one in told["new"]] == [new]


def test_help_tells_the_exit_status(ulma):
    told = " ".join(ulma("diff", "--help").out.decode().split())
    assert "3 a limit exceeded" in told
    assert "--fail-over METRIC=PCT" in told
