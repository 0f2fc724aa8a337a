# SPDX-License-Identifier: MIT
"""The words of the command line: help, versions, and what wrong words are answered with."""

import re
import subprocess

import harness
import pytest

VERBS = (
    *("run", "top", "web", "record", "monitor", "report", "diff", "export", "replay", "dump"),
    *("census", "rescue", "attach", "on", "off", "set", "detach", "ps", "help"),
)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_of_every_verb(ulma, verb, option):
    done = ulma(verb, option)
    text = done.out.decode()
    assert done.status == 0 and done.err == b""
    assert text.startswith(f"usage: ulma {verb} [options]")
    assert "-h, --help" in text
    assert ulma("help", verb).out == done.out


@pytest.mark.parametrize("words", [("--help",), ("help",), ("-h",)])
def test_overview_names_every_verb(ulma, words):
    done = ulma(*words)
    assert done.status == 0
    for verb in VERBS:
        assert f"  ulma {verb}" in done.out.decode()


def test_no_word_at_all_is_wrong(ulma):
    done = ulma()
    assert done.status == 2 and done.out == b"" and b"usage: ulma VERB" in done.err


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(ulma, option):
    done = ulma(option)
    assert done.status == 0
    assert re.fullmatch(r"ulma \d+\.\d+\.\d+\n", done.out.decode())


def test_help_in_the_middle_starts_nothing(ulma):
    script = ulma.script("open('ran', 'w')")
    assert ulma("run", "-n", "3", "--help", script).status == 0
    assert not (ulma.folder / "ran").exists()


def test_unknown_verb_names_the_nearest(ulma, sentence):
    done = ulma("rnu", "x.py")
    assert done.status == 2
    sentence(done, "no verb `rnu`", "did you mean `run`?")


def test_a_program_in_place_of_the_verb(ulma, sentence):
    done = ulma(ulma.script("pass"))
    assert done.status == 2
    sentence(done, "ulma run program.py")


WRONG = [
    (["--durtion", "3"], ["`--durtion`", "did you mean `--duration`?"]),
    (["--xylophone"], ["`--xylophone`", "ulma run --help"]),
    (["-Z"], ["`-Z`"]),
    (["-f", "jsn"], ["no format `jsn`", "did you mean `json`?"]),
    (["-f", "zzzzzzzz"], ["no format `zzzzzzzz`", "ulma export --list"]),
    (["-s", "tottme"], ["no sort key `tottme`", "did you mean `tottime`?"]),
    (["-d", "soon"], ["-d", "`soon`", "1.5s"]),
    (["-d", "-1"], ["`-1`"]),
    (["-d", "nan"], ["`nan`"]),
    (["-n", "many"], ["-n", "`many`"]),
    (["--buffer", "7"], ["--buffer", "32M"]),
    (["--weight", "gold"], ["--weight needs time, calls, wait or bytes, not `gold`"]),
    (["--clock", "lunar"], ["--clock", "cpu or wall"]),
    (["--on-full", "explode"], ["--on-full", "wait or drop"]),
    (["--collector-cpu", "100000"], ["--collector-cpu"]),
    (["-e", "calls,cheese"], ["no source `cheese`"]),
    (["-o", ""], ["-o"]),
    (["--only", "@std"], ["no set `@std`", "@stdlib"]),
    (["--skip", "a b"], ["--skip cannot use `a b`", "pkg:Class.method"]),
    (["--budget", "0"], ["--budget needs a percentage above 0 and up to 100"]),
    (["--rules", "nowhere/rules"], ["nowhere/rules: No such file"]),
    (["--force=yes"], ["--force takes no word"]),
    (["--st", "program.py"], ["`--st`", "several"]),
]


@pytest.mark.parametrize("words, parts", WRONG, ids=" ".join)
def test_wrong_words_with_a_target_are_125(ulma, sentence, words, parts):
    script = ulma.script("open('ran', 'w')")
    done = ulma.verb("run", *words, script)
    assert done.status == 125, done.told()
    sentence(done, *parts)
    assert done.out == b"" and not (ulma.folder / "ran").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["run", "--nonsense"],
        ["run", "-o"],
        ["top"],
        ["ps", "x"],
        ["help", "rum"],
        ["export"],
    ],
    ids=" ".join,
)
def test_wrong_words_without_a_target_are_2(ulma, sentence, words):
    done = ulma(*words)
    assert done.status == 2
    sentence(done)


@pytest.mark.parametrize(
    "words",
    [
        ["-n5", "-qf", "json", "-o", "r"],
        ["-n", "5", "-q", "--format=json", "--output=r"],
        ["--lim", "5", "--quiet", "--form", "json", "--out", "r"],
    ],
    ids=" ".join,
)
def test_spellings_of_options(ulma, words):
    done = ulma.verb("run", *words, "-c", "pass")
    assert (done.status, done.out, done.err) == (0, b"", b"")
    assert (ulma.folder / "r").read_bytes().startswith(b"{")


SHOW = "import sys; print(sys.argv, __name__)"
TARGETS = [
    (["-c", SHOW, "-n", "5"], ["-c", SHOW, "-n", "5"]),
    (["-q" + "c", SHOW, "a"], ["-c", SHOW, "a"]),
    (["show.py", "-o", "x", "--", "-f"], ["show.py", "-o", "x", "--", "-f"]),
    (["-m", "show", "-q"], ["-m", "show", "-q"]),
    (["-mshow", "z"], ["-mshow", "z"]),
    (["-"], ["-"]),
]


@pytest.mark.parametrize("words, plain", TARGETS, ids=lambda value: " ".join(value)[:30])
def test_what_follows_the_target_is_the_targets(ulma, words, plain):
    ulma.script(SHOW, "show.py")
    stdin = SHOW.encode()
    done = ulma.verb("run", *words, stdin=stdin)
    alone = harness.run([ulma.python, *plain], env=ulma.env, cwd=ulma.folder, stdin=stdin)
    assert (done.status, done.out) == (alone.status, alone.out), done.told()


def test_export_list_has_a_format_a_line_name_first(ulma):
    done = ulma("export", "--list")
    names = [line.split()[0] for line in done.out.decode().splitlines()]
    assert done.status == 0
    assert {"table", "tree", "json", "pstats", "collapsed", "flamegraph", "markdown"} <= set(names)
    assert {"speedscope", "pprof", "callgrind", "firefox", "html"} <= set(names)
    for name in names:
        assert ulma.verb("run", "-q", "-f", name, "-o", f"r.{name}", "-c", "pass").status == 0


def test_stdout_that_is_full_is_told(ulma):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [str(harness.ULMA), "--help"], stdout=full, stderr=subprocess.PIPE, env=ulma.env
        )
    assert done.returncode == 1 and b"No space left" in done.stderr
