"""The last net under public functions: an error of the wrong kind becomes one that names the arguments.

Checks that know what an argument means come first and speak for themselves; what they do not foresee, a string where an
array is meant, say, would come out as "'str' object has no attribute 'ndim'".
"""

from __future__ import annotations

import dis
import functools
import inspect
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, TracebackType
from typing import Any

import numpy as np

_RAISE = dis.opmap["RAISE_VARARGS"]
_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LIBRARIES = ("numpy", "scipy", "sklearn", "matplotlib", "mpl_toolkits", "torch", "densekit")
_STANDARD = sysconfig.get_paths()["stdlib"] + os.sep
# Left as they are: errors that programs are written for.
_SPEAKING = (OSError, RuntimeError, ImportError, MemoryError, ArithmeticError, Warning)
# Texts of NumPy and Python that do not say what to do about an argument.
_NUMPY_SAYS = ("truth value", "Python integer", "setting an array element", "invalid literal", "could not convert")
_RUNTIME_BUGS = (RecursionError, OverflowError, ZeroDivisionError, FloatingPointError)


def guard(module: str) -> None:
    """Guards all public functions and methods of a module or package, which calls it with __name__ at its end."""
    namespace = vars(sys.modules[module])
    for name in namespace["__all__"]:
        value = namespace.get(name)
        home = str(getattr(value, "__module__", None))
        if home != module and not home.startswith(module + "."):
            continue
        if isinstance(value, FunctionType):
            better = guarded(value, name)
            for place in (namespace, vars(sys.modules[home])):  # where pickle looks for it, too
                if place.get(name) is value:
                    place[name] = better
        elif isinstance(value, type):
            guard_class(value)


def guard_class(cls: type, leave: Iterable[str] = ()) -> None:
    """Guards the constructor, the call and the public methods that the class itself defines, but for those to leave."""
    if issubclass(cls, BaseException):
        return
    for name, value in list(vars(cls).items()):
        if name in leave:
            continue
        called = cls.__name__ if name in ("__init__", "__post_init__", "__call__") else f"{cls.__name__}.{name}"
        if name.startswith("_") and called != cls.__name__:
            continue
        if isinstance(value, FunctionType) and not getattr(value, "guarded", False):
            setattr(cls, name, guarded(value, called))
        elif isinstance(value, classmethod | staticmethod):
            setattr(cls, name, type(value)(guarded(value.__func__, called)))


def guarded(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The function with its errors of the wrong kind made into TypeError and ValueError."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            better = _explained(error, function, name, args, kwargs)
            if better is None:
                raise
            raise better from error

    call.guarded = True  # type: ignore[attr-defined]
    return call


def _explained(
    error: Exception, function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Exception | None:
    """The error that says what was given; None if it is fine as it is."""
    if isinstance(error, _SPEAKING) and not isinstance(error, _RUNTIME_BUGS):
        return None
    if _from_the_outside(error.__traceback__):
        return None
    if type(error) in (TypeError, ValueError) and _deliberate(error.__traceback__):
        return None
    if isinstance(error, AttributeError) and isinstance(error, ValueError):  # scikit-learn's NotFittedError
        return None
    wrong_value = isinstance(error, (ValueError, AssertionError, *_RUNTIME_BUGS))
    kind: type[Exception] = ValueError if wrong_value else TypeError
    try:
        bound = inspect.signature(function).bind(*args, **kwargs).arguments
    except TypeError:  # the call itself does not fit the signature, and Python says so
        return None if isinstance(error, TypeError) else kind(f"{name}: {error}")
    bound.pop("self", None)
    bound.pop("cls", None)
    parameters = inspect.signature(function).parameters
    given = ", ".join(f"{_expected(parameters, key)} = {_short(value)}" for key, value in bound.items())
    said = str(error).split("\n")[0]
    telling = said and isinstance(error, ValueError) and not any(text in said for text in _NUMPY_SAYS)
    reason = f" ({said})" if telling else ""
    return kind(f"{name}: these arguments do not fit: {given or 'none'}{reason}")


def _expected(parameters: Mapping[str, inspect.Parameter], key: str) -> str:
    """The parameter, with its type where that says something."""
    annotation = parameters[key].annotation
    known = isinstance(annotation, str) and annotation != "Any"
    return f"{key}: {annotation}" if known else key


def _frames(at: TracebackType | None) -> Iterable[TracebackType]:
    while at is not None:
        yield at
        at = at.tb_next


def _from_the_outside(trace: TracebackType | None) -> bool:
    """Whether code that densekit does not know, a function that was passed in, had a part in it."""
    return any(not _known(at.tb_frame.f_code.co_filename) for at in _frames(trace))


def _known(file: str) -> bool:
    if file.startswith((_OURS, "<frozen", "<string>", "<__array_function__", "numpy")) or file.endswith(".pyx"):
        return True
    parts = file.split(f"site-packages{os.sep}")
    if len(parts) > 1:
        return parts[-1].split(os.sep)[0] in _LIBRARIES
    return file.startswith(_STANDARD) or f"{os.sep}numpy{os.sep}" in file


def _deliberate(trace: TracebackType | None) -> bool:
    """Whether densekit raised it: its text was written for people."""
    frames = list(_frames(trace))
    if not frames:
        return False
    last = frames[-1]
    code = last.tb_frame.f_code
    raised = last.tb_lasti >= 0 and code.co_code[last.tb_lasti] == _RAISE
    return raised and (code.co_filename.startswith(_OURS) or f"{os.sep}sklearn{os.sep}" in code.co_filename)


def _short(value: Any) -> str:
    """What was given, in few words."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array {value.shape}"
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    text = text if len(text) <= 60 else text[:59] + "…"
    return text if type(value).__name__ in text else f"{text} ({type(value).__name__})"


__all__ = ["guard", "guard_class", "guarded"]
