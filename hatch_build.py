"""Compile the C libraries when the package is built. Without a C compiler the package works too, more slowly."""

import os
import runpy
import shlex
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeHook(BuildHookInterface):
    """Adds the libraries of cgdenoise/native/build.py to a wheel, and puts them beside their sources for an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and tell the build what came of it."""
        if self.target_name != "wheel":
            return
        build = runpy.run_path(str(Path(self.root, "cgdenoise", "native", "build.py")))
        compiler = shlex.split(os.environ.get("CC", build["COMPILER"]))
        platform = build["platform"](sysconfig.get_platform())
        for library in build["LIBRARIES"]:
            if not library.suits(platform):
                continue
            try:
                build["compile_library"](library, compiler)
            except OSError as error:
                self.app.display_warning(f"{library.source.name} was not compiled, and {library.without}: {error}")
                continue
            build_data["artifacts"].append(library.path.relative_to(self.root).as_posix())
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform.replace('-', '_').replace('.', '_')}"
