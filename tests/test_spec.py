"""The spec of a network as text: what docs/network.md says is read and written; the rest is refused, by its path."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densekit._core import normalize_spec

PENALTY = {"l1": 0.0, "l2": 0.5, "proximal": True}
GLOROT = {"kind": "variance_scaling", "scale": 1.0, "mode": "fan_avg", "distribution": "uniform"}


def dense(name, units=4, **changed):
    return {
        "kind": "dense", "name": name, "trainable": True, "units": units, "bias": True, "activation": "relu",
        "parameter": 0.0, "kernel_initializer": GLOROT, "bias_initializer": {"kind": "zeros"},
        "kernel_penalty": PENALTY, "bias_penalty": PENALTY,
    } | changed  # fmt: skip


def layer(kind, name, **fields):
    return {"kind": kind, "name": name, "trainable": True} | fields


def spec(**changed):
    return {
        "version": 2, "dtype": "float64", "seed": 2**64 - 1, "inputs": 4, "layers": [], "loss": None, "heads": [],
        "optimizer": None, "clip_norm": None, "clip_value": None, "penalty_per_weight": False, "fuse": True,
        "precision": "highest",
    } | changed  # fmt: skip


LAYERS = [
    dense("d"),
    layer("activation", "a", activation="softmax", parameter=0.5),
    layer("batch_norm", "b", eps=1e-3, stats_decay=0.99, unbiased=True, scale=True, center=False, initial_variance=1.0,
          gamma_penalty=PENALTY, beta_penalty=PENALTY),
    layer("layer_norm", "l", eps=1e-5, scale=False, center=True, gamma_penalty=PENALTY, beta_penalty=PENALTY),
    layer("dropout", "drop", rate=0.1, mode="classic"),
    layer("gaussian_noise", "n", std=0.1),
    layer("residual", "r", layers=[dense("inner"), layer("residual", "r2", layers=[])]),
    layer("host", "h", index=0, outputs=3, parameters=[{"name": "w", "shape": [4, 3]}, {"name": "s", "shape": []}]),
    layer("rms_norm", "rms", eps=1e-6, scale=True, gamma_penalty=PENALTY),
    layer("scale", "s", scale_penalty=PENALTY),
    layer("prelu", "p", shared=True, init=-0.5, alpha_penalty=PENALTY),
    layer("rescaling", "re", scale=-2.0, offset=0.5),
    layer("flatten", "f"),
    layer("reshape", "resh", shape=[3, 1]),
    layer("block", "bl", layers=[dense("in_block")]),
    layer("columns", "c", columns=[3, 0]),
    layer("parallel", "par", layers=[layer("block", "left", layers=[dense("in")]), layer("block", "right", layers=[])]),
    layer("normalization", "norm", eps=0.25),
]  # fmt: skip
INITIALIZERS = [
    {"kind": "zeros"}, {"kind": "ones"}, {"kind": "given"}, {"kind": "constant", "value": 2.5},
    {"kind": "uniform", "low": -2.0, "high": 1.5}, {"kind": "normal", "mean": 0.0, "std": 0.25},
    {"kind": "truncated_normal", "mean": 0.0, "std": 0.25}, GLOROT, {"kind": "orthogonal", "gain": 1.5},
]  # fmt: skip
LOSS = {"reduction": "mean", "factor": 1.5, "link": False, "missing": "none"}
LOSSES = [
    {"kind": "softmax_cross_entropy", "label_smoothing": 0.1, "ignore_index": -100},
    {"kind": "nll", "ignore_index": None},
    {"kind": "binary_cross_entropy", "from_logits": True, "label_smoothing": 0.0},
    {"kind": "mse"}, {"kind": "mae"}, {"kind": "log_cosh"}, {"kind": "rmse"}, {"kind": "huber", "delta": 1.5},
    {"kind": "pinball", "quantile": 0.25}, {"kind": "poisson_nll", "log_input": True, "full": False},
    {"kind": "gamma_nll", "full": True}, {"kind": "gaussian_nll", "full": True}, {"kind": "laplace_nll", "full": True},
    {"kind": "hinge", "margin": 1.5}, {"kind": "multiclass_hinge", "margin": 1.5},
    {"kind": "kl_divergence", "log_input": True}, {"kind": "host", "index": 2},
]  # fmt: skip
OPTIMIZER = {"lr": 0.001, "weight_decay": 0.0, "maximize": False, "compat": "torch", "decay_biases": True}
BETAS = {"beta1": 0.9, "beta2": 0.999}
OPTIMIZERS = [
    {"kind": "sgd"}, {"kind": "momentum", "momentum": 0.9, "dampening": 0.5}, {"kind": "nesterov", "momentum": 0.9},
    {"kind": "rmsprop", "rho": 0.99, "eps": 1e-8, "centered": True, "momentum": 0.5},
    {"kind": "adagrad", "eps": 1e-10, "initial": 0.1},
    {"kind": "adadelta", "rho": 0.9, "eps": 1e-6}, {"kind": "adam", "eps": 1e-8} | BETAS | {"amsgrad": False},
    {"kind": "adamax", "eps": 1e-8} | BETAS, {"kind": "nadam", "eps": 1e-8, "momentum_decay": 0.004} | BETAS,
    {"kind": "lion"} | BETAS, {"kind": "yogi", "eps": 1e-3, "initial": 1e-6} | BETAS,
]  # fmt: skip

SPECS = [spec(), spec(layers=LAYERS, clip_norm=1.5, clip_value=0.25, penalty_per_weight=True, fuse=False)]
SPECS += [spec(layers=[dense("d", kernel_initializer=i)]) for i in INITIALIZERS]
SPECS += [spec(loss=LOSS | loss) for loss in LOSSES]
SPECS += [spec(optimizer=OPTIMIZER | o) for o in OPTIMIZERS]


def places(value, path=""):
    """(path, container, key) of everything below an object or array."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        here = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".lstrip(".")
        yield here, value, key
        yield from places(inner, here)


def refusal(text):
    """The message of the error, or None."""
    try:
        normalize_spec(text)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("given", SPECS)
def test_round_trip(given):
    text = normalize_spec(json.dumps(given))
    assert json.loads(text) == given
    assert [type(v) for v in json.loads(text).values()] == [type(v) for v in given.values()]
    assert normalize_spec(text) == text


@pytest.mark.parametrize("given", SPECS)
def test_missing_unknown_and_mistyped_fields_name_their_path(given):
    for path, _, _ in places(given):
        broken = json.loads(json.dumps(given))
        _, container, key = next(p for p in places(broken) if p[0] == path)
        before = container[key]
        for wrong in ({"a": 1}, [["x"]], "?", True, -1.5, 2**70):
            container[key] = wrong
            message = refusal(json.dumps(broken))
            if message is None:  # a number is a number, and a name may be any
                assert isinstance(wrong, type(before) | float | int), (path, wrong)
            else:
                assert message.startswith(f"spec: {path}"), (path, wrong, message)
        if isinstance(container, dict):
            del container[key]
            with pytest.raises(ValueError, match=f"^spec: {re.escape(path)} is missing"):
                normalize_spec(json.dumps(broken))
            container[key] = before
            container["mystery"] = 1
            prefix = path[: -len(key)]
            with pytest.raises(ValueError, match=f"^spec: {re.escape(prefix)}mystery is not a field that belongs here"):
                normalize_spec(json.dumps(broken))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"version": 3}, "version is 3; this densekit reads version 2"),
        ({"dtype": "float16"}, 'dtype is "float16", which is none of float32, float64'),
        ({"seed": -1}, "seed is -1, which is too small"),
        ({"seed": 2**64}, "seed must be a whole number, got the number"),
        ({"seed": 1.0}, "seed must be a whole number, got the number 1.0"),
        ({"inputs": 0}, "inputs must be a whole number from 1 to 2^48, got 0"),
        ({"clip_norm": 0.0}, "clip_norm must be a finite number above 0, got 0.0"),
        ({"layers": [LAYERS[4] | {"rate": 1.5}]}, "layers[0].rate must be in [0, 1], got 1.5"),
        ({"layers": [LAYERS[4] | {"rate": "half"}]}, 'layers[0].rate must be a number, got the string "half"'),
        ({"layers": [dense("d"), dense("d")]}, 'layers[1].name is "d", as another layer\'s: names must differ'),
        ({"layers": [dense("")]}, "layers[0].name must not be empty"),
        (
            {"layers": [dense("d", activation="rely")]},
            'layers[0].activation is "rely", which is none of identity, relu',
        ),
        ({"layers": [dense("d", units=2**46)]}, "layers[0] has more parameters, with the layers before it, than"),
        ({"layers": [dense(str(i), units=2**23) for i in range(6)]}, "layers[4] has more parameters"),
        (
            {"layers": [layer("residual", "r", layers=[dense("d", units=5)])]},
            "layers[0] is a residual block that makes 5 outputs of 4 inputs; it must keep the width",
        ),
        (
            {"layers": [dense("d", bias_initializer=INITIALIZERS[-1])]},
            'layers[0].bias_initializer.kind is "orthogonal", which needs a matrix',
        ),
        (
            {"layers": [dense("d", kernel_initializer={"kind": "uniform", "low": 2, "high": 1})]},
            "layers[0].kernel_initializer.low is 2.0, above high, which is 1.0",
        ),
        (
            {"layers": [LAYERS[7] | {"parameters": [{"name": "w", "shape": [2**40, 2**40]}]}]},
            "layers[0] has more parameters",
        ),
        (
            {"layers": [LAYERS[7] | {"parameters": [{"name": "w", "shape": [-1]}]}]},
            "layers[0].parameters[0].shape has a negative length, -1",
        ),
        ({"optimizer": OPTIMIZER | {"kind": "lion", "beta1": 1.0, "beta2": 0.9}}, "optimizer.beta1 must be in [0, 1)"),
        ({"loss": LOSS | {"kind": "pinball", "quantile": 1.0}}, "loss.quantile must be in (0, 1), got 1.0"),
    ],
)
def test_ranges(changed, message):
    with pytest.raises(ValueError, match="^spec: " + re.escape(message)):
        normalize_spec(json.dumps(spec(**changed)))


def test_blocks_nested_too_deep():
    def nested(depth):
        block = layer("residual", "r0", layers=[])
        for i in range(1, depth):
            block = layer("residual", f"r{i}", layers=[block])
        return json.dumps(spec(layers=[block]))

    assert normalize_spec(nested(24)) == nested(24)
    with pytest.raises(ValueError, match="inside more than 24 blocks"):
        normalize_spec(nested(25))


@pytest.mark.parametrize("text", ["null", "[]", "3", '"spec"'])
def test_a_spec_is_an_object(text):
    with pytest.raises(ValueError, match="the spec must be an object, got"):
        normalize_spec(text)


def test_every_double_survives():
    for pattern in np.random.default_rng(5).integers(2**63 - 2**52, size=3000):
        value = float(np.int64(pattern).view(np.float64))
        given = spec(layers=[dense("d", parameter=value)])
        assert json.loads(normalize_spec(json.dumps(given)))["layers"][0]["parameter"] == value
    for value in (5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -0.0, 1e22, 1e23, 0.1, 1 / 3):
        got = json.loads(normalize_spec(json.dumps(spec(layers=[dense("d", parameter=value)]))))
        assert repr(got["layers"][0]["parameter"]) == repr(value)


def named(name):
    """The text of a spec whose one layer has a name given as JSON."""
    return json.dumps(spec(layers=[layer("residual", "@", layers=[])])).replace('"@"', name)


@pytest.mark.parametrize("name", ["é", "层", "𝒩", 'a"b\\c/d\b\f\n\r\t\x01', "\x7f", "\ud7ff\ue000￿"])
def test_strings(name):
    for ascii_only in (True, False):
        text = named(json.dumps(name, ensure_ascii=ascii_only))
        assert json.loads(normalize_spec(text))["layers"][0]["name"] == name
    assert json.loads(normalize_spec(named('"' + r"\/\u00e9" + '"')))["layers"][0]["name"] == "/é"


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "line 1, column 1", "the text ends where a value is expected"),
        (' {"a":\n  }', "line 2, column 3", "a value expected"),
        ('{"a" 1}', "line 1, column 6", "':' expected after the key \"a\""),
        ("{a: 1}", "line 1, column 2", "a key in quotes expected"),
        ('{"a": 1,}', "line 1, column 9", "a key in quotes expected"),
        ('{"a": 1 "b": 2}', "line 1, column 9", "',' or '}' expected"),
        ("[1, 2", "line 1, column 6", "',' or ']' expected"),
        ("[1,]", "line 1, column 4", "a value expected"),
        ('{"a": 1, "a": 2}', "line 1, column 1", 'the key "a" occurs twice in the object that begins here'),
        ("{} x", "line 1, column 4", "the end of the text expected"),
        ("01", "line 1, column 2", "the end of the text expected"),
        ("-", "line 1, column 2", "a digit expected"),
        ("1.", "line 1, column 3", "a digit expected"),
        (".5", "line 1, column 1", "a value expected"),
        ("+1", "line 1, column 1", "a value expected"),
        ("1e", "line 1, column 3", "a digit expected"),
        ("1e999", "line 1, column 1", "out of the range of double"),
        ("NaN", "line 1, column 1", "a value expected"),
        ("-Infinity", "line 1, column 2", "a digit expected"),
        ("nul", "line 1, column 1", "a value expected"),
        ('"abc', "line 1, column 1", "the string that begins here has no end"),
        ('"a\nb"', "line 1, column 3", "a control character in a string must be escaped"),
        (r'"\x"', "line 1, column 2", "this escape is not one of"),
        (r'"\u12g4"', "line 1, column 6", "four hexadecimal digits expected"),
        (r'"\ud834"', "line 1, column 2", "the first half of a surrogate pair without the second"),
        (r'"\udd1e"', "line 1, column 2", "the second half of a surrogate pair without the first"),
        ("[" * 65 + "]" * 65, "line 1, column 65", "more than 64 deep"),
        ('{"a":' * 100_000, "line 1, column 321", "more than 64 deep"),
    ],
)
def test_bad_json_is_refused_with_its_place(text, where, what):
    with pytest.raises(ValueError, match=re.escape(f"JSON, {where}: ") + ".*" + re.escape(what)):
        normalize_spec(text)


@pytest.mark.parametrize(
    "raw",
    [b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80",
     b"\xf5\x80\x80\x80", b"\xc3", b"\xe2\x82", b"\xc3("],
)  # fmt: skip
def test_bytes_that_are_no_utf8(raw):
    with pytest.raises(ValueError, match="JSON, line 1, column 2: these bytes are no UTF-8"):
        normalize_spec(b'"' + raw + b'"')


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner)
                    | st.dictionaries(st.text(), inner), max_leaves=20))  # fmt: skip
def test_json_as_python_reads_it(value):
    """What Python's strict reader accepts is accepted (and then is no spec); what it refuses is refused."""
    text = json.dumps(spec(version=value), ensure_ascii=False)
    if re.search(r"[\ud800-\udfff]", text):
        return
    strict = not re.search(r"\b(NaN|Infinity)\b", re.sub(r'"(\\.|[^"\\])*"', "", text))
    expected = "spec: version" if strict else "JSON, line"
    if value == 1 and isinstance(value, int) and not isinstance(value, bool):
        assert json.loads(normalize_spec(text)) == spec()
        return
    with pytest.raises(ValueError, match=expected):
        normalize_spec(text)


@given(st.binary(max_size=60) | st.text('{}[]":,0123456789.eE+-truefalsn \\u', max_size=40).map(str.encode))
def test_noise_is_refused(raw):
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=lambda name: 1 / 0, object_pairs_hook=_without_twins)
    except (ValueError, ZeroDivisionError, RecursionError):
        value = None
    with pytest.raises(
        ValueError, match="spec: " if value is not None or raw.strip() == b"null" else "JSON, line|spec"
    ):
        normalize_spec(raw)


def _without_twins(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("twins")
    return dict(pairs)


@pytest.mark.parametrize("flip", range(8))
def test_flipped_bits(flip):
    """Any byte of a spec changed: refused, or another spec; never a crash."""
    text = json.dumps(SPECS[1]).encode()
    for at in range(len(text)):
        broken = text[:at] + bytes([text[at] ^ (1 << flip)]) + text[at + 1 :]
        assert refusal(broken) != ""
