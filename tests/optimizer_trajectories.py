"""Steps of each optimizer from one start: here, in densekit, and in PyTorch."""

from __future__ import annotations

import numpy as np

START = np.array([1.0, -2.0, 0.5, 3.0])
STEPS = (1, 10, 50)  # where the parameters are looked at


def gradient(w, t):
    """Of a bent bowl, with a term that changes from step to step; the last coordinate is nearly flat."""
    return np.array([1.0, 0.1, 10.0, 0.01]) * np.tanh(w) + 0.3 * np.sin(t * np.array([1.0, 2.0, 3.0, 4.0]))


# name: (settings here, names of the states, whether steps are counted, class in torch.optim, settings there)
RUNS = {
    "sgd": ({"lr": 0.05}, (), False, "SGD", {"lr": 0.05}),
    "momentum": ({"lr": 0.02}, ("v",), False, "SGD", {"lr": 0.02, "momentum": 0.9}),
    "nesterov": ({"lr": 0.02}, ("v",), False, "SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    "rmsprop": ({"lr": 0.01}, ("s",), False, "RMSprop", {"lr": 0.01}),
    "adagrad": ({"lr": 0.1}, ("s",), False, "Adagrad", {"lr": 0.1}),
    "adadelta": ({}, ("s", "u"), False, "Adadelta", {}),
    "adam": ({"lr": 0.01}, ("m", "v"), True, "Adam", {"lr": 0.01}),
    "adamw": ({"lr": 0.01}, ("m", "v"), True, "AdamW", {"lr": 0.01}),
    "adamax": ({"lr": 0.01}, ("m", "u"), True, "Adamax", {"lr": 0.01}),
    "nadam": ({"lr": 0.01}, ("m", "v"), True, "NAdam", {"lr": 0.01}),
    "nadam with decay": (
        {"lr": 0.01, "weight_decay": 0.1, "momentum_decay": 0.5},
        ("m", "v"),
        True,
        "NAdam",
        {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True, "momentum_decay": 0.5},
    ),
    "adam upwards": ({"lr": 0.01, "maximize": True}, ("m", "v"), True, "Adam", {"lr": 0.01, "maximize": True}),
    "rmsprop, centered": ({"lr": 0.01, "centered": True}, ("s", "m"), False, "RMSprop", {"lr": 0.01, "centered": True}),
    "rmsprop with momentum": (
        {"lr": 1e-3, "momentum": 0.9},
        ("s", "b"),
        False,
        "RMSprop",
        {"lr": 1e-3, "momentum": 0.9},
    ),
    "rmsprop, centered, with momentum": (
        {"lr": 1e-3, "momentum": 0.9, "centered": True, "rho": 0.9},
        ("s", "m", "b"),
        False,
        "RMSprop",
        {"lr": 1e-3, "momentum": 0.9, "centered": True, "alpha": 0.9},
    ),
    "adam, amsgrad": ({"lr": 0.01, "amsgrad": True}, ("m", "v", "v_max"), True, "Adam", {"lr": 0.01, "amsgrad": True}),
    "adamw, amsgrad": (
        {"lr": 0.01, "beta2": 0.9, "amsgrad": True},
        ("m", "v", "v_max"),
        True,
        "AdamW",
        {"lr": 0.01, "betas": (0.9, 0.9), "amsgrad": True},
    ),
}


def ours(module, name, dtype=np.float64):
    """The parameters after each of STEPS, by densekit.functional or densekit.reference."""
    settings, states, counted, _, _ = RUNS[name]
    w, arrays = START.astype(dtype), {state: np.zeros(START.shape, dtype) for state in states}
    update = getattr(module, name.split()[0].rstrip(","))
    seen = []
    for t in range(1, max(STEPS) + 1):
        update(w, gradient(w, t).astype(dtype), **arrays, **settings, **({"step": t} if counted else {}))
        if t in STEPS:
            seen.append(w.copy())
    return seen


def torchs(torch, name):
    """The same by torch.optim, all in float64."""
    _, _, _, optimizer, settings = RUNS[name]
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # NAdam's product is kept in the default dtype
    try:
        w = torch.tensor(START, requires_grad=True)
        update = getattr(torch.optim, optimizer)([w], foreach=False, **settings)
        seen = []
        for t in range(1, max(STEPS) + 1):
            w.grad = torch.from_numpy(gradient(w.detach().numpy(), t))
            update.step()
            if t in STEPS:
                seen.append(w.detach().numpy().copy())
        return seen
    finally:
        torch.set_default_dtype(default)


if __name__ == "__main__":  # prints the literals of test_optimizers.py
    import torch

    print(f"# torch {torch.__version__}")
    for name in RUNS:
        print(f'    "{name}": {[seen.tolist() for seen in torchs(torch, name)]},')
