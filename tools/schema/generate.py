"""Makes the C++ tables and views of the API from its schema files.

    generate.py SCHEMA_DIR OUTPUT_DIR     writes tables_*.cpp, shapes.cpp, index.cpp, tables.h and
                                          the views core_v1.h, core_v1_edit.h ...

Run by the build (src/api/CMakeLists.txt). A file that would not change is left alone, so that nothing recompiles.
"""

import pathlib
import sys

import schema_format
import tables
import views


def main():
    source, target = sys.argv[1], pathlib.Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)

    def write(name, content):
        path = target / name
        if not path.exists() or path.read_text() != content:
            path.write_text(content)

    files = schema_format.parse_tree(source)
    tables.write_all(files, write)
    views.write_all(files, write)
    (target / "stamp").touch()


if __name__ == "__main__":
    main()
