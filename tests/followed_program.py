# SPDX-License-Identifier: MIT
"""A program under `ulma run` that is told what to do by lines, and is switched meanwhile."""

import contextlib
import json
import pathlib
import subprocess

from harness import LIMIT_S, TARGETS, ULMA, environment, run

PROGRAM = TARGETS / "orders.py"


class Followed:
    """A program under `ulma run`, told what to do by lines."""

    def __init__(self, python, session_dir, folder, *options, program=PROGRAM):
        self.env = environment(session_dir)
        self.session_dir, self.report_file = session_dir, folder / "report.json"
        words = [ULMA, "run", "--python", python.path, "-q", "-f", "json", "-o", self.report_file]
        self.process = subprocess.Popen(
            [str(word) for word in [*words, *options, program]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n", self.process.stderr.read()
        ulma = self.process.pid
        self.pid = int(pathlib.Path(f"/proc/{ulma}/task/{ulma}/children").read_text())
        (self.session,) = session_dir.glob(f"{self.pid}-*")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def set(self, *words, status=0):
        done = run([ULMA, "set", self.pid, *words], env=self.env)
        assert done.status == status, done.told()
        return (done.out if status == 0 else done.err).decode()

    def end(self):
        _, err = self.process.communicate(timeout=LIMIT_S)
        assert self.process.returncode == 0, err
        return json.loads(self.report_file.read_text())


@contextlib.contextmanager
def followed(*arguments, **more):
    program = Followed(*arguments, **more)
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.process.kill()
            program.process.communicate()
