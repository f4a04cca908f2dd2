"""Made by `make docs`, of densekit.reference.activations."""

from typing import Any, Literal

from numpy.typing import ArrayLike, NDArray

from densekit._arrays import Out

def identity(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """y = z.

    z: floats of any shape.

    >>> densekit.functional.identity(np.float32([-1.0, 2.0])).round(4)
    array([-1.,  2.], dtype=float32)
    """

def identity_backward(dy: ArrayLike, y: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of identity with respect to z: dy times the slope, from the output y; shapes agree."""

def relu(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Rectified linear unit: y = max(0, z).

    z: floats of any shape. The slope at 0 is 0, as in PyTorch; NaN stays NaN.
    Nair and Hinton, ICML 2010.

    >>> densekit.functional.relu(np.float32([-1.0, 2.0])).round(4)
    array([0., 2.], dtype=float32)
    """

def relu_backward(dy: ArrayLike, y: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of relu with respect to z: dy times the slope, from the output y; shapes agree."""

def leaky_relu(z: ArrayLike, *, slope: float = 0.01, out: Out = None) -> NDArray[Any]:
    """Leaky rectifier: y = z for z > 0, slope * z below.

    z: floats of any shape. slope: slope on the left, a finite number (PyTorch and ONNX 0.01, Keras 3 0.3).
    Maas et al., ICML workshop 2013.

    >>> densekit.functional.leaky_relu(np.float32([-1.0, 2.0])).round(4)
    array([-0.01,  2.  ], dtype=float32)
    """

def leaky_relu_backward(dy: ArrayLike, z: ArrayLike, *, slope: float = 0.01, out: Out = None) -> NDArray[Any]:
    """The gradient of leaky_relu with respect to z: dy times the slope, from the input z; shapes agree."""

def elu(z: ArrayLike, *, alpha: float = 1.0, out: Out = None) -> NDArray[Any]:
    """Exponential linear unit: y = z for z > 0, alpha (e^z - 1) below.

    z: floats of any shape. alpha: what -y tends to far to the left, a finite number.
    Clevert et al., arXiv 1511.07289.

    >>> densekit.functional.elu(np.float32([-1.0, 2.0])).round(4)
    array([-0.6321,  2.    ], dtype=float32)
    """

def elu_backward(dy: ArrayLike, z: ArrayLike, *, alpha: float = 1.0, out: Out = None) -> NDArray[Any]:
    """The gradient of elu with respect to z: dy times the slope, from the input z; shapes agree."""

def selu(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Self-normalising ELU: y = 1.0507 elu(z, alpha=1.67326).

    z: floats of any shape. The constants are the paper's, to all digits: mean 0 and variance 1 are a fixed point.
    Klambauer et al., arXiv 1706.02515.

    >>> densekit.functional.selu(np.float32([-1.0, 2.0])).round(4)
    array([-1.1113,  2.1014], dtype=float32)
    """

def selu_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of selu with respect to z: dy times the slope, from the input z; shapes agree."""

def gelu(z: ArrayLike, *, approximate: Literal["none", "tanh"] = "none", out: Out = None) -> NDArray[Any]:
    """Gaussian error linear unit: y = z Phi(z), Phi the normal distribution function.

    z: floats of any shape. approximate: "none" for the exact form, "tanh" for z sigmoid(1.59577 (z + 0.044715 z^3)).
    Both are in Hendrycks and Gimpel, arXiv 1606.08415. The left tail keeps its digits: it comes from erfc.

    >>> densekit.functional.gelu(np.float32([-1.0, 2.0])).round(4)
    array([-0.1587,  1.9545], dtype=float32)
    """

def gelu_backward(
    dy: ArrayLike, z: ArrayLike, *, approximate: Literal["none", "tanh"] = "none", out: Out = None
) -> NDArray[Any]:
    """The gradient of gelu with respect to z: dy (Phi(z) + z phi(z)), from the input z; shapes agree."""

def silu(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Sigmoid-weighted linear unit (swish): y = z / (1 + e^-z).

    z: floats of any shape.
    Elfwing et al., arXiv 1702.03118.

    >>> densekit.functional.silu(np.float32([-1.0, 2.0])).round(4)
    array([-0.2689,  1.7616], dtype=float32)
    """

def silu_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of silu with respect to z: dy times the slope, from the input z; shapes agree."""

def mish(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Mish: y = z tanh(log(1 + e^z)).

    z: floats of any shape.
    Misra, arXiv 1908.08681.

    >>> densekit.functional.mish(np.float32([-1.0, 2.0])).round(4)
    array([-0.3034,  1.944 ], dtype=float32)
    """

def mish_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of mish with respect to z: dy times the slope, from the input z; shapes agree."""

def sigmoid(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Logistic function: y = 1 / (1 + e^-z).

    z: floats of any shape. Computed from e^-abs(z), so it cannot overflow. Its slope is y (1 - y), at most 1/4.

    >>> densekit.functional.sigmoid(np.float32([-1.0, 2.0])).round(4)
    array([0.2689, 0.8808], dtype=float32)
    """

def sigmoid_backward(dy: ArrayLike, y: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of sigmoid with respect to z: dy times the slope, from the output y; shapes agree."""

def hard_sigmoid(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Piecewise linear sigmoid: y = min(1, max(0, z / 6 + 1/2)).

    z: floats of any shape. As in PyTorch and Keras 3 (older Keras: 0.2 z + 0.5).

    >>> densekit.functional.hard_sigmoid(np.float32([-1.0, 2.0])).round(4)
    array([0.3333, 0.8333], dtype=float32)
    """

def hard_sigmoid_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of hard_sigmoid with respect to z: dy times the slope, from the input z; shapes agree."""

def tanh(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Hyperbolic tangent.

    z: floats of any shape. Its slope is 1 - y^2.

    >>> densekit.functional.tanh(np.float32([-1.0, 2.0])).round(4)
    array([-0.7616,  0.964 ], dtype=float32)
    """

def tanh_backward(dy: ArrayLike, y: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of tanh with respect to z: dy times the slope, from the output y; shapes agree."""

def softplus(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Smooth rectifier: y = log(1 + e^z).

    z: floats of any shape. Computed as max(z, 0) + log(1 + e^-abs(z)), so it cannot overflow.
    Dugas et al., NIPS 2000.

    >>> densekit.functional.softplus(np.float32([-1.0, 2.0])).round(4)
    array([0.3133, 2.1269], dtype=float32)
    """

def softplus_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of softplus with respect to z: dy times the slope, from the input z; shapes agree."""

def softsign(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """y = z / (1 + abs(z)).

    z: floats of any shape.
    Bergstra et al. 2009.

    >>> densekit.functional.softsign(np.float32([-1.0, 2.0])).round(4)
    array([-0.5   ,  0.6667], dtype=float32)
    """

def softsign_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of softsign with respect to z: dy times the slope, from the input z; shapes agree."""

def hard_swish(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Piecewise approximation of silu: y = z min(1, max(0, z / 6 + 1/2)).

    z: floats of any shape.
    Howard et al., arXiv 1905.02244.

    >>> densekit.functional.hard_swish(np.float32([-1.0, 2.0])).round(4)
    array([-0.3333,  1.6667], dtype=float32)
    """

def hard_swish_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of hard_swish with respect to z: dy times the slope, from the input z; shapes agree."""

def relu6(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Rectifier that ends at 6: y = min(max(0, z), 6).

    z: floats of any shape. The slope at 0 and at 6 is 0, as in PyTorch.
    Krizhevsky 2010.

    >>> densekit.functional.relu6(np.float32([-1.0, 2.0])).round(4)
    array([0., 2.], dtype=float32)
    """

def relu6_backward(dy: ArrayLike, y: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of relu6 with respect to z: dy times the slope, from the output y; shapes agree."""

def hard_tanh(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Piecewise linear tanh: y = min(max(-1, z), 1).

    z: floats of any shape. The slope at -1 and at 1 is 0, as in PyTorch's Hardtanh.
    Collobert, thesis, Paris 2004.

    >>> densekit.functional.hard_tanh(np.float32([-1.0, 2.0])).round(4)
    array([-1.,  1.], dtype=float32)
    """

def hard_tanh_backward(dy: ArrayLike, y: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of hard_tanh with respect to z: dy times the slope, from the output y; shapes agree."""

def softshrink(z: ArrayLike, *, threshold: float = 0.5, out: Out = None) -> NDArray[Any]:
    """Soft shrinkage: y = z - threshold above it, z + threshold below -threshold, 0 between.

    z: floats of any shape. threshold: 0 or more (PyTorch's lambd, 0.5). The slope at the thresholds is 0.
    Donoho, IEEE Trans. Inf. Theory 41 (1995).

    >>> densekit.functional.softshrink(np.float32([-1.0, 2.0])).round(4)
    array([-0.5,  1.5], dtype=float32)
    """

def softshrink_backward(dy: ArrayLike, z: ArrayLike, *, threshold: float = 0.5, out: Out = None) -> NDArray[Any]:
    """The gradient of softshrink with respect to z: dy times the slope, from the input z; shapes agree."""

__all__ = [
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "hard_sigmoid",
    "hard_sigmoid_backward",
    "hard_swish",
    "hard_swish_backward",
    "hard_tanh",
    "hard_tanh_backward",
    "identity",
    "identity_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "mish",
    "mish_backward",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "selu",
    "selu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softplus",
    "softplus_backward",
    "softshrink",
    "softshrink_backward",
    "softsign",
    "softsign_backward",
    "tanh",
    "tanh_backward",
]
