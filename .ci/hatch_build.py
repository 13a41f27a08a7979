"""Builds carpscope._native where there is a C compiler; goes on without where there is none.

One command of the compiler: what Python says of its own build is not needed for an extension of
the limited API, and no further package is. CC and CFLAGS are heeded. CARPSCOPE_PURE=1 builds none.
"""

import atexit
import contextlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "_native.abi3.so"
_FLAGS = ("-std=c11", "-O2", "-g0", "-fPIC", "-fvisibility=hidden", "-fstack-protector-strong")
_LINKED = {"darwin": ("-bundle", "-undefined", "dynamic_lookup")}
_ABI = "cp311"
"""The oldest version that may load it: Py_LIMITED_API in carpscope/native/types.h."""


class NativeReader(BuildHookInterface[Any]):
    """Adds the extension to a wheel, or lays it into the tree of an editable installation."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before files are gathered."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        if version == "editable":
            place = root / "carpscope"
        else:
            place = Path(tempfile.mkdtemp())
            atexit.register(shutil.rmtree, place)
        problem = built(root, place / NAME)
        if problem:
            self.app.display_warning(f"carpscope is built in pure Python: {problem}")
        elif version != "editable":
            build_data["force_include"][str(place / NAME)] = f"carpscope/{NAME}"
            build_data["pure_python"] = False
            build_data["tag"] = f"{_ABI}-abi3-{_platform()}"


def built(root: Path, target: Path) -> str:
    """Build the extension; return why it could not be built, empty where it was."""
    with contextlib.suppress(OSError):
        target.unlink()
    if os.environ.get("CARPSCOPE_PURE"):
        return "CARPSCOPE_PURE is set"
    if platform.python_implementation() != "CPython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "this Python does not load extensions of the limited API"
    compiler = shlex.split(os.environ.get("CC", "")) or ["cc"]
    if shutil.which(compiler[0]) is None:
        return f"no C compiler ({compiler[0]})"
    include = sysconfig.get_path("include")
    if not Path(include, "Python.h").is_file():
        return f"no {include}/Python.h"
    made = target.with_suffix(".part")
    command = [
        *compiler,
        *_FLAGS,
        *shlex.split(os.environ.get("CFLAGS", "")),
        *_LINKED.get(sys.platform, ("-shared",)),
        f"-I{include}",
        *(
            f"carpscope/native/{path.name}"
            for path in sorted((root / "carpscope" / "native").glob("*.c"))
        ),
        *("-o", str(made)),
    ]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            wrong = next((line for line in said if "error" in line), said[0] if said else "")
            return f"{compiler[0]} failed: {wrong or f'exit status {done.returncode}'}"
        made.replace(target)
    except OSError as problem:
        return str(problem)
    return ""


def _platform() -> str:
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
