"""Saved models: what is in the file, and in which order. _archive has the bytes, docs/files.md describes them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np

from densekit import _config as config
from densekit import _core, optimizers
from densekit import _network as network
from densekit import _snapshot as snapshot
from densekit._archive import Array, Entry, Reader, entry_of, parts_of
from densekit._atomic import write_atomically
from densekit._checks import short
from densekit._paths import file_path
from densekit._spec_objects import as_python_says_it, config_of_spec, optimizer_config
from densekit.schedules import Schedule

if TYPE_CHECKING:
    from densekit.model import Sequential

FORMAT, VERSION = "densekit model", 1


def save(model: Sequential, path: str | os.PathLike[str]) -> None:
    """Writes the model: what Sequential.save does."""
    path = file_path("save", "path", path)
    if sys.byteorder != "little":
        raise RuntimeError("save: model files are written on little-endian machines only")
    header: dict[str, Any] = {"format": FORMAT, "version": VERSION, "densekit": _core.__version__, "spec": None}
    names: list[str] = []
    arrays: list[Array] = []
    with model._moment:  # another thread may be training
        header["python"] = model.config()
        if model.built:
            engine = model._ready()
            header["spec"] = model._spec
            copies = snapshot.of(engine)
            names, arrays = _places(model, copies)
        header["numbers"] = config.numbers(model, copies.step if model.built else 0)
    entries = [entry_of(name, array) for name, array in zip(names, arrays, strict=True)]
    if len({entry.name for entry in entries} | {"header"}) != len(entries) + 1:
        raise ValueError("save: two arrays of the model have the same name; give its layers other names")
    header["arrays"] = [{"name": e.name, "dtype": e.dtype, "shape": list(e.shape), "crc32": e.crc} for e in entries]
    text = np.frombuffer(json.dumps(header, allow_nan=False).encode(), np.uint8)
    write_atomically(path, parts_of([entry_of("header", text), *entries], [text, *arrays]))


def _places(model: Sequential, arrays: Any) -> tuple[list[str], list[Array]]:
    """Names and views of parameters, statistics and states of the optimizer, in the order of the file.

    arrays: the model's engine, or a snapshot of it.
    """
    segments = sorted(arrays.segments, key=lambda s: s["kind"] != "parameter")
    names = [f"{s['layer']}/{s['name']}" for s in segments] + [f"optimizer/{i}" for i in range(len(arrays.states))]
    views = network.weight_views(arrays, model.layers)
    return names, [*(views[s["layer"]][s["name"]] for s in segments), *arrays.states]


def load(
    path: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    *,
    engine: Literal["native", "reference"] | None = None,
) -> Sequential:
    """The model that `save` wrote (or C++): weights, optimizer, counters; training goes on as if it had not stopped.

    custom_objects: what the model has of your own Python, by name: {"MyLayer": MyLayer} for layer classes, the name
    of the function for losses and metrics. engine: see Sequential. Nothing in a file is run as code. A file that is
    damaged, or not a model, is a ValueError; one that another program packed anew, too.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.npz"
    >>> densekit.Sequential([densekit.layers.Dense(2, inputs=3)], seed=0).save(path)
    >>> densekit.load(path)
    Sequential([Dense(2, inputs=3)], seed=0)
    """
    path = file_path("load", "path", path)
    custom = custom_objects_of("load", custom_objects)
    if engine is not None:
        network.engine_name(engine)
    with open(path, "rb") as file:
        return read(file, path, custom, engine)


def custom_objects_of(op: str, given: Any) -> dict[str, Any]:
    """A dictionary of classes and functions by name; TypeError otherwise."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise TypeError(
            f"{op}: custom_objects must be a dictionary {{'MyLayer': MyLayer}} of your classes and functions by name, "
            f"got {short(given)}"
        )
    return dict(given)


def read(file: BinaryIO, name: str, custom: dict[str, Any], engine: Any) -> Sequential:
    """What `load` does with an open file; the name is for messages."""
    try:
        return _read(Reader(file), custom, engine)
    except ValueError as error:
        raise ValueError(f"load: {name}: {error}") from error
    except (TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"load: {name}: the header does not describe a model: {error!r}") from error


def _read(reader: Reader, custom: dict[str, Any], engine: Any) -> Sequential:
    from densekit.model import Sequential

    header = _header(reader.header())
    entries = [_entry(one) for one in header["arrays"]]
    reader.expect(entries)
    spec: Any = header["spec"]
    if spec is not None:
        spec = json.loads(_core.normalize_spec(json.dumps(spec)))  # of today's version, whatever it was
        _compare(entries, _core.spec_layout(json.dumps(spec)), spec["dtype"])
    elif entries:
        raise ValueError("there are arrays, but no spec says what they are")
    described = header["python"]
    if described is None and spec is None:
        raise ValueError("the header describes no model")
    model = Sequential.from_config(config_of_spec(spec) if described is None else described, custom, engine=engine)
    if described is None:
        model._compiled.optimizer = optimizers.get(optimizer_config(spec["optimizer"]))
    if spec is not None:
        _same_spec(model, spec, described is None)
        for entry, target in zip(entries, _places(model, model._ready(fresh=False))[1], strict=True):
            reader.into(entry, target)
    reader.finish()
    config.set_numbers(model, header["numbers"])
    return model


def _header(raw: bytes) -> dict[str, Any]:
    header = json.loads(raw.decode(), parse_constant=_no_constant)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError(f"this is no model file: its header does not say {FORMAT!r}")
    if header["version"] != VERSION:
        raise ValueError(
            f"the file has version {header['version']!r}, and this densekit ({_core.__version__}) reads version "
            f"{VERSION}; it was written by densekit {header.get('densekit')}"
        )
    return header


def _no_constant(name: str) -> None:
    raise ValueError(f"the header has the number {name}, which JSON does not have")


def _entry(given: dict[str, Any]) -> Entry:
    name, dtype, shape, crc = given["name"], given["dtype"], given["shape"], given["crc32"]
    whole = all(type(length) is int and 0 <= length < 2**48 for length in shape) and type(crc) is int
    if not isinstance(name, str) or dtype not in ("<f4", "<f8") or not whole or not 0 <= crc < 2**32:
        raise ValueError(f"the header does not describe an array: {given!r}")
    return Entry(name, dtype, tuple(shape), crc)


def _compare(entries: list[Entry], layout: dict[str, Any], dtype: str) -> None:
    """The arrays must be those of the spec: asked before any memory is taken for them."""
    expected = [(f"{s['layer']}/{s['name']}", tuple(s["shape"])) for s in layout["segments"]]
    expected += [(f"optimizer/{i}", (layout["parameters"],)) for i in range(layout["states"])]
    code = np.dtype(dtype).newbyteorder("<").str
    found = [(e.name, e.shape) for e in entries]
    if found != expected or any(e.dtype != code for e in entries):
        wrong = next((f"{f} instead of {e}" for f, e in zip(found, expected, strict=False) if f != e), "their number")
        raise ValueError(f"the arrays are not those of the spec ({dtype}): {wrong}")


def _same_spec(model: Sequential, spec: dict[str, Any], written_elsewhere: bool) -> None:
    """The description for Python and the spec for the engine must say the same."""
    if not model.built:
        raise ValueError("the header has a spec, but the description for Python has no inputs")
    made, _ = network.network_spec(model.layers, model.seed, model.dtype, model._compiled)
    if isinstance(getattr(model.optimizer, "lr", None), Schedule):
        # 0.1.0 wrote where Plateau had come to as the optimizer's first rate. "numbers" has the schedule's state.
        spec = spec | {"optimizer": spec["optimizer"] | {"lr": made["optimizer"]["lr"]}}
    if written_elsewhere:
        spec = as_python_says_it(spec, made)
    if made != spec:
        wrong = next((key for key in made if made[key] != spec.get(key)), "its fields")
        raise ValueError(
            f"the model that Python makes of the file differs from the one that was saved, in {wrong}: "
            f"{made.get(wrong)!r} instead of {spec.get(wrong)!r}; did a class in custom_objects change?"
        )


__all__ = ["load", "save"]
