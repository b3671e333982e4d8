"""Print the lowest versions that pyproject.toml allows, as requirements for pip.

Example: python scripts/lowest.py > lowest.txt
"""

import pathlib
import tomllib

EXTRAS = ("train", "cluster", "dev")

project = tomllib.loads((pathlib.Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
for bounds in (project["dependencies"], *(project["optional-dependencies"][name] for name in EXTRAS)):
    print(*(bound.replace(">=", "==") for bound in bounds), sep="\n")
