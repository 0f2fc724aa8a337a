# SPDX-License-Identifier: MIT
"""The programs: where each is, its name there, and how many loops take about half a second.

Rules: nobody tunes ulma for a program of this list. Loops are fixed, so that every profiler does
the same work and two runs can be compared.
"""

import pathlib
from typing import NamedTuple

OWN = pathlib.Path(__file__).resolve().parent / "own"


class Program(NamedTuple):
    name: str  # the row
    folder: str  # pyperformance's bm_FOLDER, or "" for our own/NAME.py
    benchmark: str  # as the file hands it to pyperf
    loops: int
    arguments: "tuple[str, ...]" = ()

    def file(self, pyperformance: pathlib.Path) -> pathlib.Path:
        if not self.folder:
            return OWN / f"{self.name}.py"
        return pyperformance / f"bm_{self.folder}" / "run_benchmark.py"


PROGRAMS = [
    Program("fib", "", "fib", 80),
    Program("hanoi", "", "hanoi", 60),
    Program("btree", "", "btree", 15),
    Program("richards", "richards", "richards", 5),
    Program("deltablue", "deltablue", "deltablue", 60),
    Program("raytrace", "raytrace", "raytrace", 1),
    Program("pprint", "pprint", "pprint_pformat", 1),
    Program("mdp", "mdp", "mdp", 1),
    Program("scimark_sor", "scimark", "scimark_sor", 2, ("sor",)),
    Program("scimark_monte_carlo", "scimark", "scimark_monte_carlo", 4, ("monte_carlo",)),
    Program("scimark_lu", "scimark", "scimark_lu", 2, ("lu",)),
    Program("scimark_fft", "scimark", "scimark_fft", 1, ("fft",)),
    Program("regex_compile", "regex_compile", "regex_compile", 2),
    Program("deepcopy", "deepcopy", "deepcopy", 600),
    Program("nbody", "nbody", "nbody", 3),
    Program("fannkuch", "fannkuch", "fannkuch", 1),
    Program("float", "float", "float", 3),
    Program("chaos", "chaos", "chaos", 3),
    Program("go", "go", "go", 2),
    Program("hexiom", "hexiom", "hexiom", 35),
    Program("nqueens", "nqueens", "nqueens", 2),
    Program("pyflate", "pyflate", "pyflate", 1),
    Program("spectral_norm", "spectral_norm", "spectral_norm", 2),
    Program("telco", "telco", "telco", 25),
    Program("json_dumps", "json_dumps", "json_dumps", 15),
    Program("json_loads", "json_loads", "json_loads", 350),
    Program("logging_format", "logging", "logging_format", 2000, ("format",)),
    Program("pickle_pure_python", "pickle", "pickle_pure_python", 25, ("--pure-python", "pickle")),
    Program("generators", "generators", "generators", 5),
    Program("coroutines", "coroutines", "coroutines", 10),
    Program("async_tree", "async_tree", "async_tree_none", 1, ("none",)),
    Program("async_generators", "async_generators", "async_generators", 1),
    Program("comprehensions", "comprehensions", "comprehensions", 10000),
    Program("crypto_pyaes", "crypto_pyaes", "crypto_pyaes", 2),
    Program("typing_protocols", "typing_runtime_protocols", "typing_runtime_protocols", 700),
]

# Of different kinds: nothing but calls, methods, generators, C functions, hardly a call.
QUICK = ["fib", "richards", "deltablue", "generators", "logging_format", "nbody"]
