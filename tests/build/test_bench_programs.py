# SPDX-License-Identifier: MIT
"""The bench's own programs are built from the probe's headers, outside the build."""

import subprocess

from harness import ROOT, run

EVENTS = 200_000


def test_the_ring_bench_builds_and_every_event_arrives(tmp_path):
    program = tmp_path / "ring_bench"
    words = ["cc", "-O2", "-D_GNU_SOURCE", "-I", ROOT / "src", "-pthread", "-o", program]
    subprocess.run([*words, ROOT / "bench" / "ring_bench.c"], check=True)
    done = run([program, EVENTS])
    figures = dict(line.split() for line in done.out.decode().splitlines())
    assert done.status == 0 and figures["bad_events"] == "0", done.told()
    assert int(figures["with_counter_events_per_s"]) > 0
