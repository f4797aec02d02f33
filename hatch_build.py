"""Puts the native library into the wheel, where there is a C compiler.

One wheel serves every Python of its platform, since the library does not know Python.
Without a compiler the wheel holds no library, and NumPy does the work.
"""

import importlib.util
import platform
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeLibrary(BuildHookInterface):
    """Compiles ``src/tidegate/native/*.c`` in place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and mark the wheel as one of this platform; or say why not."""
        path = Path(self.root, "src", "tidegate", "native", "build.py")
        spec = importlib.util.spec_from_file_location("build_native", path)
        native = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(native)
        try:
            native.build()
        except native.BuildError as error:
            native.LIBRARY.unlink(missing_ok=True)
            self.app.display_warning(f"Tidegate goes without its native library: {error}")
            return
        # Python itself may be universal; what was compiled is not.
        target = sysconfig.get_platform().replace("universal2", platform.machine())
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{target.replace('-', '_').replace('.', '_')}"
