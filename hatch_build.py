"""Compile the kernels when the package is built. Without a C compiler the package works too, more slowly."""

import os
import runpy
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KERNELS = Path("cgdenoise", "generators", "kernels")


class KernelHook(BuildHookInterface):
    """Adds cgdenoise/generators/kernels/_layer.so to a wheel, and puts it beside its source for an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and tell the build what came of it."""
        if self.target_name != "wheel" or sys.platform != "linux":
            return
        compiler = shlex.split(os.environ.get("CC", "cc"))
        build = runpy.run_path(str(Path(self.root) / KERNELS / "build.py"))
        try:
            if not shutil.which(compiler[0]):
                raise OSError(f"{compiler[0]} not found")
            subprocess.run(build["command"](compiler), check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            reason = getattr(error, "stderr", None) or error
            self.app.display_warning(f"the kernels were not compiled, fits will take about twice the time: {reason}")
            return
        build_data["artifacts"].append(str(KERNELS / build["LIBRARY"].name))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
