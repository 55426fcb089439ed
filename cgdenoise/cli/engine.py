"""All that a process of `--jobs` needs: importing this loads it, in the server of which the processes are copies.

Nothing may start a thread of OpenMP or touch a GPU meanwhile, for neither survives being copied.
"""

import gc
from importlib import import_module

from cgdenoise.garbage import look_seldom

look_seldom()
for _name in ("cgdenoise.cli.app", "cgdenoise.jobs.files", "cgdenoise.jobs.posed"):
    import_module(_name)
gc.freeze()  # none of it is garbage, and what is not looked at stays in memory once for all
