"""Prints the requirements of one extra of pyproject.toml, a line each: python tools/extras.py test"""

import pathlib
import sys
import tomllib

if __name__ == "__main__":
    project = tomllib.loads((pathlib.Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    print("\n".join(project["project"]["optional-dependencies"][sys.argv[1]]))
