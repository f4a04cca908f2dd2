"""Losses of classes and of yes-or-no answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import functional as F
from densekit._arrays import _as_array, flag, number, real, whole
from densekit._checks import short
from densekit._refuse import CLASS_WEIGHTS, refuses
from densekit.losses._base import SQUASHING, Loss, LossAndGradient
from densekit.losses._targets import class_labels, class_rows, elements, plus_minus_one


@dataclass(frozen=True)
class _Rows(Loss):
    """A loss of rows: no mean over elements."""

    def _elements(self, shape: tuple[int, ...]) -> int:
        return 1


@dataclass(frozen=True)
class _Ignoring(_Rows):
    """A loss whose rows weigh nothing where the label is ignore_index."""

    def _check_ignored(self) -> None:
        ignored = getattr(self, "ignore_index", None)
        if ignored is not None:
            whole(self.name, "ignore_index", ignored, low=-(2**63))

    def _weighs_nothing(self, target: ArrayLike, sample_weight: ArrayLike | None) -> bool:
        ignored = getattr(self, "ignore_index", None)
        if ignored is None or np.ndim(target) != 1:
            return super()._weighs_nothing(target, sample_weight)
        counts = _as_array(self.name, "target", target) != ignored
        if sample_weight is None:
            return not np.any(counts)
        return not np.any(counts & (_as_array(self.name, "sample_weight", sample_weight) != 0))

    def _rows_that_count(self, target: ArrayLike, rows: int) -> int:
        ignored = getattr(self, "ignore_index", None)
        if ignored is None or np.ndim(target) != 1:
            return rows
        return int(np.count_nonzero(np.asarray(target) != ignored))


@refuses(weight=CLASS_WEIGHTS, class_weight=CLASS_WEIGHTS)
@dataclass(frozen=True)
class CrossEntropy(_Ignoring):
    """Cross entropy of classes in nats: -sum_j q_j log p_j, q the target.

    Targets: labels (n) or probabilities (n, classes). from_logits: pred are logits, p = softmax(pred) (default here, as
    in torch.nn.CrossEntropyLoss); else pred is p, and the last layer must end in softmax, which the engine then takes
    together with the loss. label_smoothing s, 0 to 1: q = (1 - s) target + s / classes.
    ignore_index: rows with this label weigh nothing, and reduction "count" (compat="keras") does not count them.
    compat="keras" divides probabilities by their sum, as Keras does (which clips them at 1e-7, too).

    >>> loss, gradient = densekit.losses.CrossEntropy()(np.zeros((1, 2)), [0])
    >>> round(loss, 6), gradient
    (0.693147, array([[-0.5,  0.5]]))
    """

    from_logits: bool = True
    label_smoothing: float = 0.0
    ignore_index: int | None = None
    kind: ClassVar[str] = "softmax_cross_entropy"
    names: ClassVar[tuple[str, ...]] = ("cross_entropy",)
    _options: ClassVar[tuple[str, ...]] = ("label_smoothing", "ignore_index")

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(self.name, "from_logits", self.from_logits)
        object.__setattr__(
            self, "label_smoothing", number(self.name, "label_smoothing", self.label_smoothing, low=0, high=1)
        )
        self._check_ignored()

    @property
    def link_activation(self) -> str | None:
        return None if self.from_logits else "softmax"

    def _check_activation(self, activation: str | None) -> None:
        if self.from_logits and activation in SQUASHING:
            raise ValueError(
                f"{self.name}: from_logits=True takes logits, but the last layer ends in {activation!r}, so it "
                f"would be squashed twice; leave the activation out, or say from_logits=False"
            )
        if self.from_logits or activation == "softmax":
            return
        if activation in ("sigmoid", "hard_sigmoid"):
            raise ValueError(
                f"{self.name}: the last layer ends in {activation!r}, whose outputs are separate probabilities; "
                f"use softmax for one class of several, or BinaryCrossentropy for several yes-or-no answers"
            )
        ends = "in something unknown" if activation is None else f"in {short(activation)}"
        raise ValueError(
            f"{self.name}: pred must be probabilities, but the last layer ends {ends}; "
            f"end it in 'softmax', or say from_logits=True"
        )

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        return class_rows(self.name, target, outputs, dtype, self.ignore_index)

    def _evaluate(self, pred: Any, target: Any, sample_weight: Any, reduction: str) -> LossAndGradient:
        if self.from_logits:
            return super()._evaluate(pred, target, sample_weight, reduction)
        p = _as_array(self.name, "pred", pred)
        divides = self.compat == "keras"  # by the sum of the row, so that only the shares matter
        if p.ndim != 2 or not ((p >= 0) & (p <= (np.inf if divides else 1)) | np.isnan(p)).all():
            raise ValueError(
                f"{self.name}: pred must be probabilities (n, classes) from 0 to 1, got {p.shape} from "
                f"{p.min(initial=0):g} to {p.max(initial=0):g}; logits need from_logits=True"
            )
        t = _as_array(self.name, "target", target)
        if self.label_smoothing and t.ndim == 1 and t.dtype.kind in "iu":
            kept = np.ones(len(t)) if sample_weight is None else real(self.name, "sample_weight", sample_weight)
            if self.ignore_index is not None:
                kept = kept * (t != self.ignore_index)
                t = np.where(t == self.ignore_index, 0, t)
            sample_weight = kept
            t = np.eye(p.shape[1])[class_labels(self.name, t, p.shape[1], None)]
        if t.ndim == 2:
            t = (1 - self.label_smoothing) * t + self.label_smoothing / p.shape[1]
        total = p.sum(axis=1, keepdims=True) if divides else np.ones((len(p), 1), p.dtype)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_p = np.log(p / total) if divides else np.log(p)
        options: Any = {"sample_weight": sample_weight, "ignore_index": self.ignore_index, "reduction": reduction}
        loss, slope = F.nll(log_p, t, **options)
        with np.errstate(divide="ignore", invalid="ignore"):  # -q / p is infinite where a target has probability 0
            gradient = np.divide(slope, p, out=np.zeros_like(slope), where=slope != 0)
            if divides:  # log(p_j / sum p): every p_k of the row takes its share of the sum
                along = slope.sum(axis=1, keepdims=True)
                gradient = np.where(along == 0, gradient, gradient - along / total)
        return loss, gradient.astype(slope.dtype, copy=False)


@dataclass(frozen=True)
class CategoricalCrossentropy(CrossEntropy):
    """Cross entropy with targets as probabilities or one-hot rows (n, classes), on probabilities by default, as Keras.

    from_logits: False. The other arguments are those of CrossEntropy. Prediction 0.1, target 1 costs 2.302585:

    >>> round(densekit.losses.CategoricalCrossentropy()([[0.1, 0.9]], [[1, 0]])[0], 6)
    2.302585
    """

    from_logits: bool = False
    names: ClassVar[tuple[str, ...]] = ("categorical_crossentropy",)

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        target = _as_array(self.name, "target", target)
        if target.ndim < 2 or target.shape[1] != outputs:
            raise ValueError(
                f"{self.name}: targets are {target.shape}, expected one-hot rows or probabilities (n, {outputs}); "
                f"labels (n,) need SparseCategoricalCrossentropy"
            )
        return super().targets(target, outputs, dtype)


@dataclass(frozen=True)
class SparseCategoricalCrossentropy(CrossEntropy):
    """Cross entropy with targets as labels (n), on probabilities by default, as in Keras.

    from_logits: False. The other arguments are those of CrossEntropy.

    >>> round(densekit.losses.SparseCategoricalCrossentropy()([[0.1, 0.9]], [0])[0], 6)
    2.302585
    """

    from_logits: bool = False
    names: ClassVar[tuple[str, ...]] = ("sparse_categorical_crossentropy",)

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        return class_labels(self.name, target, outputs, self.ignore_index)


@refuses(weight=CLASS_WEIGHTS, class_weight=CLASS_WEIGHTS)
@dataclass(frozen=True)
class NLL(_Ignoring):
    """-sum_j q_j pred_j, pred log-probabilities, as log_softmax gives them. torch.nn.NLLLoss.

    Targets: labels (n) or probabilities (n, classes). ignore_index: rows with this label weigh nothing.

    >>> densekit.losses.NLL()([[-1.0, -2.0]], [1])[0]
    2.0
    """

    ignore_index: int | None = None
    kind: ClassVar[str] = "nll"
    _options: ClassVar[tuple[str, ...]] = ("ignore_index",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_ignored()

    def _check_activation(self, activation: str | None) -> None:
        if activation in SQUASHING:
            raise ValueError(
                f"NLL: pred must be log-probabilities, but the last layer ends in {activation!r}; "
                f"end it in 'log_softmax', or use CategoricalCrossentropy"
            )

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        return class_rows(self.name, target, outputs, dtype, self.ignore_index)


@dataclass(frozen=True)
class BinaryCrossentropy(Loss):
    """Cross entropy of yes-or-no answers, in nats: -t log p - (1 - t) log(1 - p), the mean over the outputs.

    from_logits: pred are logits, p = sigmoid(pred); else (default, as Keras) pred is p, and if the last layer ends in
    sigmoid, the engine takes the two together. label_smoothing s, 0 to 1: t <- (1 - s) t + s / 2. Targets from 0 to 1.

    >>> round(densekit.losses.BinaryCrossentropy()([[0.1]], [[1.0]])[0], 6)
    2.302585
    """

    from_logits: bool = False
    label_smoothing: float = 0.0
    kind: ClassVar[str] = "binary_cross_entropy"
    names: ClassVar[tuple[str, ...]] = ("binary_crossentropy", "bce")
    _options: ClassVar[tuple[str, ...]] = ("from_logits", "label_smoothing")

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(self.name, "from_logits", self.from_logits)
        object.__setattr__(
            self, "label_smoothing", number(self.name, "label_smoothing", self.label_smoothing, low=0, high=1)
        )

    @property
    def link_activation(self) -> str | None:
        return None if self.from_logits else "sigmoid"

    def spec_for(self, activation: str | None, outputs: int = 1) -> dict[str, Any]:
        spec = super().spec_for(activation, outputs)
        return {**spec, "from_logits": self.from_logits or spec["link"]}  # linked, it takes what goes into sigmoid

    def _check_activation(self, activation: str | None) -> None:
        if activation == "softmax":
            raise ValueError(
                "BinaryCrossentropy: the last layer ends in 'softmax', whose outputs are one class of several; "
                "use CategoricalCrossentropy or SparseCategoricalCrossentropy, or end it in 'sigmoid'"
            )
        if self.from_logits and activation in SQUASHING:
            raise ValueError(
                f"BinaryCrossentropy: from_logits=True takes logits, but the last layer ends in {activation!r}, so it "
                f"would be squashed twice; leave the activation out, or say from_logits=False"
            )
        if not self.from_logits and activation not in (None, *SQUASHING):
            raise ValueError(
                f"BinaryCrossentropy: pred must be probabilities, but the last layer ends in {activation!r}; "
                f"end it in 'sigmoid', or say from_logits=True"
            )

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        return elements(self.name, target, outputs, dtype, 0, 1, "a probability from 0 to 1")


@dataclass(frozen=True)
class KLDivergence(_Rows):
    """sum_j t_j (log t_j - log p_j), in nats, pred p or, with log_input, its logarithms. Keras; torch's "batchmean".

    Targets: probabilities (n, classes).

    >>> round(densekit.losses.KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])[0], 6)
    0.130812
    """

    log_input: bool = False
    kind: ClassVar[str] = "kl_divergence"
    names: ClassVar[tuple[str, ...]] = ("kld",)
    _options: ClassVar[tuple[str, ...]] = ("log_input",)

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(self.name, "log_input", self.log_input)

    def _check_activation(self, activation: str | None) -> None:
        if self.log_input and activation in SQUASHING:
            raise ValueError(
                f"KLDivergence: log_input=True takes log-probabilities, but the last layer ends in {activation!r}; "
                f"end it in 'log_softmax', or say log_input=False"
            )
        if not self.log_input and activation not in (None, *SQUASHING):
            raise ValueError(
                f"KLDivergence: pred must be probabilities, but the last layer ends in {activation!r}; "
                f"end it in 'softmax', or in 'log_softmax' with log_input=True"
            )

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        return elements(self.name, target, outputs, dtype, 0, 1, "a probability from 0 to 1")


@dataclass(frozen=True)
class _Margin(Loss):
    margin: float = 1.0
    _options: ClassVar[tuple[str, ...]] = ("margin",)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "margin", number(self.name, "margin", self.margin, low=0))


@dataclass(frozen=True)
class Hinge(_Margin):
    """max(0, margin - t p), the mean over the outputs; targets t are -1 and 1, or 0 and 1, which is read as -1 and 1.

    >>> densekit.losses.Hinge()([[0.5], [-2.0]], [[1], [-1]])[0]
    0.25
    """

    kind: ClassVar[str] = "hinge"

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        return plus_minus_one(self.name, target, outputs, dtype)


@dataclass(frozen=True)
class MulticlassHinge(_Margin):
    """sum over j != y of max(0, s_j - s_y + margin), pred the scores s (n, classes), targets labels y (n).

    Weston and Watkins, ESANN 1999, as CS231n's SVM.

    >>> densekit.losses.MulticlassHinge()([[3.0, 2.5, -1.0]], [0])[0]
    0.5
    """

    kind: ClassVar[str] = "multiclass_hinge"

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        return class_labels(self.name, target, outputs, None)

    def _elements(self, shape: tuple[int, ...]) -> int:
        return 1

    def _evaluate(self, pred: Any, target: Any, sample_weight: Any, reduction: str) -> LossAndGradient:
        options: Any = {"margin": self.margin, "sample_weight": sample_weight, "reduction": reduction}
        return F.hinge(pred, target, **options)


__all__ = [
    "NLL",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CrossEntropy",
    "Hinge",
    "KLDivergence",
    "MulticlassHinge",
    "SparseCategoricalCrossentropy",
]
