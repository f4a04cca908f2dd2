"""PyTorch, as it is called by users, and with out= or fused=True where there is such a way."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from training.torch_peer import set_threads as set_threads
from training.torch_peer import version as version

from kernel_peers.cases import DECAY, EPS, FIRST, LR, MOMENTUM, RATE, SHRINK, Array, Case
from kernel_peers.server import Call, KernelServer, Make


def tensors(a: dict[str, Array]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in a.items()}


def dense(c: Case, a: dict[str, Array]) -> Call:
    t = tensors(a)
    w = t["w"].T.contiguous()  # PyTorch's layout
    return lambda: (nn.functional.linear(t["x"], w, t["b"]),)


def dense_out(c: Case, a: dict[str, Array]) -> Call:
    t = tensors(a)
    w, y = t["w"].T.contiguous(), torch.empty_like(t["dy"])
    return lambda: (torch.addmm(t["b"], t["x"], w.T, out=y),)


def dense_backward(c: Case, a: dict[str, Array]) -> Call:
    t = tensors(a)
    w = t["w"].T.contiguous()
    return lambda: (t["dy"] @ w, (t["dy"].T @ t["x"]).T, t["dy"].sum(0))


def dense_backward_out(c: Case, a: dict[str, Array]) -> Call:
    t = tensors(a)
    w = t["w"].T.contiguous()
    dx, dw, db = torch.empty_like(t["x"]), torch.empty_like(w), torch.empty_like(t["b"])

    def call() -> tuple[Any, ...]:
        torch.mm(t["dy"], w, out=dx)
        torch.mm(t["dy"].T, t["x"], out=dw)
        torch.sum(t["dy"], 0, out=db)
        return dx, dw.T, db

    return call


def softmax_cross_entropy(c: Case, a: dict[str, Array]) -> Call:
    t = tensors(a)
    z = t["z"].requires_grad_()

    def call() -> tuple[Any, ...]:
        z.grad = None
        loss = nn.functional.cross_entropy(z, t["labels"])
        loss.backward()
        return loss.detach(), z.grad

    return call


def batch_norm(c: Case, a: dict[str, Array]) -> Call:
    t = tensors(a)
    mean, var = torch.zeros(c.shape[1]), torch.ones(c.shape[1])
    return lambda: (nn.functional.batch_norm(t["x"], mean, var, t["gamma"], t["beta"], training=True, eps=EPS),)


def batch_norm_backward(c: Case, a: dict[str, Array]) -> Call:
    t = tensors(a)
    _, mean, scale = torch.native_batch_norm(t["x"], t["gamma"], t["beta"], None, None, True, 0.1, EPS)
    rest = (t["gamma"], None, None, mean, scale, True, EPS, [True, True, True])
    return lambda: torch.ops.aten.native_batch_norm_backward(t["dy"], t["x"], *rest)


def dropout(c: Case, a: dict[str, Array]) -> Call:
    t = tensors(a)
    return lambda: (nn.functional.dropout(t["x"], RATE, training=True),)


def optimizer(c: Case, a: dict[str, Array], fused: bool) -> Call:
    t = tensors(a)
    t["p"].grad = t["g"]
    kind: dict[str, Any] = {"fused": True} if fused else {}
    if c.kind == "momentum":
        rule: Any = torch.optim.SGD([t["p"]], lr=LR, momentum=MOMENTUM, weight_decay=DECAY, **kind)
    elif c.kind == "adamw":
        rule = torch.optim.AdamW([t["p"]], lr=LR, weight_decay=DECAY, **kind)
    else:
        rule = torch.optim.Adam([t["p"]], lr=LR, **kind)

    def call() -> tuple[Any, ...]:
        rule.step()
        return (t["p"],)

    return call


def plain_optimizer(c: Case, a: dict[str, Array]) -> Call:
    return optimizer(c, a, fused=False)


def fused_optimizer(c: Case, a: dict[str, Array]) -> Call:
    return optimizer(c, a, fused=True)


def clip(c: Case, a: dict[str, Array]) -> Call:
    g = torch.from_numpy(a["g"])
    p = torch.zeros_like(g)
    p.grad, limit = g, [FIRST * float(torch.linalg.vector_norm(g.double()))]

    def call() -> tuple[Any, ...]:
        limit[0] *= SHRINK
        nn.utils.clip_grad_norm_([p], limit[0])
        return (g,)

    return call


MAKE: dict[str, dict[str, Make]] = {
    "dense": {"torch": dense, "torch out=": dense_out},
    "dense_backward": {"torch": dense_backward, "torch out=": dense_backward_out},
    "softmax_cross_entropy": {"torch": softmax_cross_entropy},
    "batch_norm": {"torch": batch_norm},
    "batch_norm_backward": {"torch": batch_norm_backward},
    "dropout": {"torch": dropout},
    "clip": {"torch": clip},
} | {kind: {"torch": plain_optimizer, "torch fused": fused_optimizer} for kind in ("adam", "adamw", "momentum")}


def contenders(c: Case) -> dict[str, Make]:
    return MAKE[c.kind]


def Server() -> KernelServer:
    return KernelServer(contenders)
