# SPDX-License-Identifier: MIT
"""The work of workload.py, counted while it is recorded: `page_run.py UNITS`.

It is begun once who looks on has had time to begin, after the same work as in any other run."""

import gc
import os
import sys
import time

import workload

BEGIN_S = 6  # under callgrind a Python needs seconds to start


def main():
    units = int(sys.argv[1])
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    sys.path.append(os.environ["BENCH_LIB"])
    import marks

    gc.disable()
    workload.run(workload.WARM_UNITS)
    time.sleep(BEGIN_S)
    if workload.switched_off():
        sys.exit("nothing is recorded where it should be")
    marks.zero()
    workload.run(units)
    marks.dump("once")
    workload.run(2 * units)
    marks.dump("twice")


main()
