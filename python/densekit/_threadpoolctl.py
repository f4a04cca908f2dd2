"""threadpoolctl sees and limits our threads, whichever of the two is imported first.

densekit does not import it: that would set KMP_DUPLICATE_LIB_OK in the environment. Where it is imported later, a
finder on sys.meta_path, which knows only this one name and leaves when it is done, notices.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from densekit import _core

_NAME = "threadpoolctl"


def register(threadpoolctl: Any) -> None:
    """Tells threadpoolctl of our library; versions before 3.2 cannot be told."""
    if not hasattr(threadpoolctl, "register"):
        return

    class DensekitController(threadpoolctl.LibController):  # type: ignore[misc]
        user_api = "densekit"
        internal_api = "densekit"
        filename_prefixes = (os.path.basename(_core.__file__).split(".")[0],)
        check_symbols = ("densekit_get_num_threads", "densekit_set_num_threads")

        def get_num_threads(self) -> int:
            return int(self.dynlib.densekit_get_num_threads())

        def set_num_threads(self, num_threads: int) -> None:
            self.dynlib.densekit_set_num_threads(num_threads)

        def get_version(self) -> str:
            return _core.__version__

        def set_additional_attributes(self) -> None:
            self.threading_layer = _core.thread_backend()

    threadpoolctl.register(DensekitController)


class _Registering(Loader):
    """The loader of threadpoolctl, which registers afterwards; the module itself keeps its own."""

    def __init__(self, loader: Loader, waiting: MetaPathFinder) -> None:
        self._loader, self._waiting = loader, waiting

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        if self._waiting in sys.meta_path:
            sys.meta_path.remove(self._waiting)
            register(module)


class _Waiting(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _NAME:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Registering(spec.loader, self)
                return spec
        return None


def register_now_or_later() -> None:
    """Once, at import."""
    loaded = sys.modules.get(_NAME)
    if loaded is not None:
        register(loaded)
    elif _NAME not in sys.modules:  # None there means that it must not be imported
        sys.meta_path.insert(0, _Waiting())
