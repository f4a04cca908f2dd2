"""The base class, and the list that a model calls."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from densekit._checks import items, mapping, short

if TYPE_CHECKING:
    from densekit.callbacks._history import History

Logs: TypeAlias = dict[str, float]


class Callback:
    """Something that watches a training; override what you need.

    A callback finds the model in self.model and uses of it: get_weights(), set_weights(list), save(path), optimizer,
    set_lr(lr), and stop_training, which is looked at after each epoch (and batch, where batches are seen). self.params
    has "epochs", "steps" (of an epoch), "initial_epoch", "verbose".

    The engine runs a whole epoch in one call. A callback that overrides on_train_batch_begin or on_train_batch_end
    makes fit run the same updates one by one: the same bits, but slower. A method that begins with on_ and is none of
    those below would never be called, so that fit refuses it.

    >>> class Shout(densekit.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, "!")
    >>> Shout().wants_batches
    False
    """

    model: Any = None
    params: Mapping[str, Any] = {}
    # Said by a callback that knows: the epoch with the best metric, and the one whose weights it put back at the end.
    best_epoch: int | None = None
    restored_epoch: int | None = None

    def set_model(self, model: Any) -> None:
        """Told the model before the training."""
        self.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Told the numbers of epochs and steps before the training."""
        self.params = params

    @property
    def wants_batches(self) -> bool:
        """Whether it must be called between batches."""
        mine = type(self)
        return (
            mine.on_train_batch_begin is not Callback.on_train_batch_begin
            or mine.on_train_batch_end is not Callback.on_train_batch_end
        )

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, also when the training ends by an exception."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before epoch number `epoch`, from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch. logs: loss (the objective), data_loss, penalty, lr, metrics, and val_… of the same."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before batch number `batch` of the epoch, from 0. Overriding it makes fit run step by step."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch. logs: its loss, data_loss, penalty, lr. Overriding it makes fit run step by step."""


class CallbackList:
    """The callbacks of one fit, a History among them: what the model calls.

    callbacks: None, one, or several. Unless there is one, a Progress is added as params["verbose"] says (0: none, 1: a
    bar, 2: lines, "auto").
    """

    def __init__(self, callbacks: Any, *, model: Any, params: Mapping[str, Any]) -> None:
        from densekit.callbacks._history import History
        from densekit.callbacks._showing import Progress

        given = _several(callbacks)
        histories = [c for c in given if isinstance(c, History)]
        self.history: History = histories[0] if histories else History()
        mapping("CallbackList", "params", params, "such as {'epochs': 2}")
        self.callbacks: list[Callback] = [*([] if histories else [self.history]), *given]
        if not any(isinstance(c, Progress) for c in given):
            progress = Progress.for_verbose(params.get("verbose", "auto"))
            self.callbacks += [progress] if progress is not None else []
        for callback in self.callbacks:
            _require_hooks(callback)
        for callback in self.callbacks:
            callback.set_params(params)
            callback.set_model(model)

    @property
    def wants_batches(self) -> bool:
        """Whether any of them must be called between batches."""
        return any(c.wants_batches for c in self.callbacks)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_train_begin(dict(logs or {}))

    def on_train_end(self, logs: Logs | None = None) -> None:
        from densekit.callbacks._showing import Progress

        for callback in self.callbacks:
            callback.on_train_end(dict(logs or {}))
        watching = [c for c in self.callbacks if c is not self.history]
        self.history.best_epoch = _first(c.best_epoch for c in watching)
        self.history.restored_epoch = _first(c.restored_epoch for c in watching)
        for callback in self.callbacks:
            if isinstance(callback, Progress):
                callback.show_restored(self.history)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, dict(logs or {}))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, dict(logs or {}))

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            if callback.wants_batches:
                callback.on_train_batch_begin(batch, dict(logs or {}))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            if callback.wants_batches:
                callback.on_train_batch_end(batch, dict(logs or {}))


def _first(epochs: Iterable[int | None]) -> int | None:
    return next((epoch for epoch in epochs if epoch is not None), None)


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


def _require_hooks(callback: Callback) -> None:
    """TypeError if it has a method that looks like a hook, but is none: it would never be called."""
    for name in dir(callback):
        if not name.startswith("on_") or name in HOOKS:
            continue
        value = inspect.getattr_static(callback, name)
        if callable(value) or isinstance(value, classmethod | staticmethod):
            nearest = difflib.get_close_matches(name, HOOKS, n=1, cutoff=0)[0]
            raise TypeError(
                f"callbacks: {type(callback).__name__} has a method {name}, which fit never calls; did you mean "
                f"{nearest}? There are {', '.join(HOOKS)}; give a method of your own another name, without on_"
            )


def _several(callbacks: Any) -> list[Callback]:
    given = [] if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else callbacks
    found = items("fit", "callbacks", given, "objects of densekit.callbacks")
    for one in found:
        if isinstance(one, type) and issubclass(one, Callback):
            raise TypeError(f"callbacks: got the class {one.__name__}, expected an object: {one.__name__}()")
        if not isinstance(one, Callback):
            raise TypeError(
                f"callbacks: expected objects of densekit.callbacks, got {short(one)}; "
                f"a function goes into LambdaCallback(on_epoch_end=…)"
            )
    return found


class LambdaCallback(Callback):
    """Functions as a callback: on_epoch_end(epoch, logs), on_train_begin(logs), on_train_batch_end(batch, logs), …

    Those of batches make fit run step by step.

    >>> seen = []
    >>> callback = densekit.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["loss"]))
    >>> callback.on_epoch_end(0, {"loss": 0.5})
    >>> seen
    [0.5]
    """

    def __init__(
        self,
        on_epoch_begin: Callable[[int, Logs], Any] | None = None,
        on_epoch_end: Callable[[int, Logs], Any] | None = None,
        on_train_begin: Callable[[Logs], Any] | None = None,
        on_train_end: Callable[[Logs], Any] | None = None,
        on_train_batch_begin: Callable[[int, Logs], Any] | None = None,
        on_train_batch_end: Callable[[int, Logs], Any] | None = None,
    ) -> None:
        self._functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, function in self._functions.items():
            if function is not None and not callable(function):
                raise TypeError(f"LambdaCallback: {name} must be a function, got {short(function)}")

    @property
    def wants_batches(self) -> bool:
        return any(self._functions[name] is not None for name in ("on_train_batch_begin", "on_train_batch_end"))

    def _call(self, name: str, *arguments: Any) -> None:
        function: Callable[..., Any] | None = self._functions[name]
        if function is not None:
            function(*arguments)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._call("on_train_begin", logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._call("on_train_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._call("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._call("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._call("on_train_batch_end", batch, logs)
