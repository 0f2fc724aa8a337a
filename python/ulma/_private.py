# SPDX-License-Identifier: MIT
"""Loads a copy of this package that is the probe's own.

Why: a program that names its requests by its server's calls has not imported ulma, and often could
not: the probe carries the texts of what it needs. Nothing of it is in sys.modules, and what the
texts import of ulma's is the copy.
Rules: imports nothing; the texts import only what the program has when it has a server.
"""

import builtins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def load(texts: "dict[str, bytes]", name: str) -> "ModuleType":
    module_type = type(builtins)
    modules = {"ulma": module_type("ulma")}

    def one(name: str) -> "ModuleType":
        if name not in modules:
            module = module_type(name)
            module.__dict__["__builtins__"] = {**vars(builtins), "__import__": import_private}
            code = compile(texts[name], f"<{name}>", "exec")
            exec(code, module.__dict__)
            modules[name] = module
        return modules[name]

    def import_private(
        name: str, globals: "Any" = None, locals: "Any" = None, parts: "Any" = (), level: int = 0
    ) -> "ModuleType":
        if level or name.partition(".")[0] != "ulma":
            return builtins.__import__(name, globals, locals, parts, level)
        if name == "ulma":
            for part in parts or ():
                setattr(modules[name], part, one(f"ulma.{part}"))
        return one(name)

    return one(name)
