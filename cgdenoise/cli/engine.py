"""All that a process of `--jobs` needs: importing this loads it, in the server of which the processes are copies.

Nothing may start a thread of OpenMP or touch a GPU meanwhile, for neither survives being copied.
"""

import atexit
import gc
import os
from contextlib import suppress
from importlib import import_module
from multiprocessing import forkserver

from cgdenoise.garbage import look_seldom


def _remove_socket() -> None:
    """Remove the socket that the server is asked at, and its folder: a command that was killed does not."""
    address = getattr(forkserver._forkserver, "_forkserver_address", None)
    if isinstance(address, str) and os.path.isabs(address):
        with suppress(OSError):
            os.unlink(address)
            os.rmdir(os.path.dirname(address))


atexit.register(_remove_socket)
look_seldom()
for _name in ("cgdenoise.cli.app", "cgdenoise.jobs.files", "cgdenoise.jobs.posed"):
    import_module(_name)
gc.freeze()  # none of it is garbage, and what is not looked at stays in memory once for all
