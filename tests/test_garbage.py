"""Python's collector of garbage is left as it was found."""

import subprocess
import sys


def test_looking_seldom_ends():
    code = (
        "import gc; usual = gc.get_threshold(); from cgdenoise.garbage import *; "
        "look_seldom(); assert gc.get_threshold()[0] > 100 * usual[0]; "
        "look_as_usual(); assert gc.get_threshold() == usual and gc.get_freeze_count()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_host_program_is_left_alone():
    code = "import gc; before = gc.get_threshold(); import cgdenoise; cgdenoise.denoise; assert gc.get_threshold() == before"
    subprocess.run([sys.executable, "-c", code], check=True)
