# SPDX-License-Identifier: MIT
"""Pack a folder's files into one, for tools/embed.py: src/web/files.h has the form.

usage: pack.py FOLDER OUTPUT DEPFILE
The depfile names the folder and all in it, so that ninja packs anew when a file changes, comes
or goes.
"""

import pathlib
import sys


def main() -> None:
    folder, output, depfile = (pathlib.Path(word) for word in sys.argv[1:])
    found = sorted(folder.rglob("*"))
    with output.open("wb") as pack:
        for path in found:
            if path.is_file():
                data = path.read_bytes()
                name = path.relative_to(folder).as_posix()
                pack.write(name.encode() + b"\0" + str(len(data)).encode() + b"\0" + data)
    names = [str(path).replace(" ", "\\ ") for path in (folder, *found)]
    depfile.write_text(f"{output}: {' '.join(names)}\n")


if __name__ == "__main__":
    main()
