# SPDX-License-Identifier: MIT
"""Imports: packages, circles, modules that fail, __getattr__ of modules, loaders, reloads."""

import sys

sys.path_importer_cache.clear()
import importlib
import importlib.abc
import importlib.util


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.startswith("made_up"):
            return importlib.util.spec_from_loader(name, self)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec("def inside():\n    return __name__\nvalue = inside()", module.__dict__)


def lazily():
    from package import inner

    return inner.late()


def main():
    import package

    assert package.answer() == 42 and package.unknown == "module unknown"
    assert lazily() == "late"
    for _ in range(10):
        assert lazily() == "late"
    sys.meta_path.insert(0, Finder())
    for n in range(10):
        made = importlib.import_module(f"made_up_{n}")
        assert made.value == made.inside() == f"made_up_{n}"
    sys.meta_path.pop(0)
    for name in ("package.broken", "package.absent", "absent_altogether"):
        try:
            importlib.import_module(name)
        except ImportError:
            pass
        except ZeroDivisionError:
            assert name == "package.broken"
    importlib.reload(package.inner)
    namespace = {}
    exec("from package import *\nresult = answer()", namespace)
    assert namespace["result"] == 42


main()
