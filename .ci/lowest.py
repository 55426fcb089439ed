"""Print the lowest versions that pyproject.toml allows, as constraints for pip."""

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
for requirement in (*project["dependencies"], *project["optional-dependencies"]["test"]):
    # torch stays the README's: an older one would be a CUDA build of gigabytes.
    if not requirement.startswith("torch"):
        print(requirement.replace(">=", "=="))
