#!/usr/bin/env python3
"""Small ONNX models with random weights and what ONNX Runtime makes of random inputs.

Writes one folder a model (model.onnx, input_*.pb, output_*.pb) into Tests/ViseGraphsTests/Fixtures, and
the reader's fixtures into Tests/ViseFormatsTests/Fixtures/ONNX and a classifier into
Tests/ViseCommandTests/Fixtures. Everything is seeded.

Needs the `onnx`, `onnxruntime` and `numpy` packages (made with 1.23.2, 1.32.0 and 2.4.6).
"""

import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

TESTS = pathlib.Path(__file__).resolve().parent.parent
RANDOM = np.random.default_rng(7)
FLOAT = TensorProto.FLOAT


def weights(**shapes):
    return [
        numpy_helper.from_array(
            (RANDOM.standard_normal(shape) * 0.4).astype(np.float32), name)
        for name, shape in shapes.items()]


def constant(name, values):
    return numpy_helper.from_array(np.asarray(values), name)


def node(kind, inputs, outputs, **attributes):
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def model(nodes, inputs, outputs, initializers, opset=17, domains=()):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(name, kind, [None] * rank)
                     for name, kind, rank in outputs], initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)]
        + [helper.make_opsetid(domain, 1) for domain in domains], ir_version=8)
    onnx.checker.check_model(made)
    return made


def write(name, made, feeds):
    folder = TESTS / "ViseGraphsTests/Fixtures" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(made.SerializeToString(), options)
    for index, (key, value) in enumerate(feeds.items()):
        (folder / f"input_{index}.pb").write_bytes(
            numpy_helper.from_array(value, key).SerializeToString())
    for index, value in enumerate(session.run(None, feeds)):
        (folder / f"output_{index}.pb").write_bytes(
            numpy_helper.from_array(value, f"o{index}").SerializeToString())


def convolutions():
    return model(
        [
            node("Conv", "x w1 b1", "c1", pads=[1, 1, 1, 1]),
            node("BatchNormalization", "c1 s m mean var", "n1"),
            node("Relu", "n1", "r1"),
            node("Conv", "r1 w2", "c2", group=4, pads=[2, 2, 2, 2], dilations=[2, 2]),
            node("Conv", "c2 w3", "c3", group=2, strides=[2, 1], auto_pad="SAME_UPPER"),
            node("Add", "c3 shift", "a"),
            node("MaxPool", "a", "p", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
            node("ConvTranspose", "p w4 b4", "t", strides=[2, 2], output_padding=[1, 0]),
            node("AveragePool", "t", "v", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            node("GlobalAveragePool", "v", "g"),
            node("Flatten", "g", "f"),
            node("Gemm", "f w5 b5", "y", transB=1),
        ],
        [("x", FLOAT, ["n", 3, 9, 10])], [("y", FLOAT, 2)],
        weights(
            w1=(4, 3, 3, 3), b1=(4,), s=(4,), m=(4,), mean=(4,), w2=(4, 1, 3, 3),
            w3=(6, 2, 3, 3), shift=(1, 6, 1, 1), w4=(6, 3, 2, 3), b4=(3,), w5=(5, 3), b5=(5,))
        + [constant("var", np.array([0.5, 1.5, 0.9, 2.0], np.float32))])


def recurrent():
    return model(
        [
            node("LSTM", "x w r b", "h", hidden_size=5, direction="bidirectional"),
            node("Transpose", "h", "t", perm=[0, 2, 1, 3]),
            node("Reshape", "t shape", "f"),
            node("GRU", "f gw gr gb", "g last", hidden_size=4, linear_before_reset=1),
            node("Squeeze", "g axis", "s"),
            node("MatMul", "s head", "y"),
        ],
        [("x", FLOAT, ["t", "b", 3])], [("y", FLOAT, 3), ("last", FLOAT, 3)],
        weights(
            w=(2, 20, 3), r=(2, 20, 5), b=(2, 40), gw=(1, 12, 10), gr=(1, 12, 4), gb=(1, 24),
            head=(4, 7))
        + [constant("shape", np.array([0, 0, -1], np.int64)), constant("axis", np.array([1], np.int64))])


def transformer():
    return model(
        [
            node("Gather", "table ids", "e"),
            node("Add", "e positions", "x"),
            node("LayerNormalization", "x g1 h1", "n"),
            node("MatMul", "n wqkv", "qkv"),
            node("Split", "qkv parts", "q k v", axis=-1),
            node("Reshape", "q heads", "q4"), node("Reshape", "k heads", "k4"),
            node("Reshape", "v heads", "v4"),
            node("Transpose", "q4", "qt", perm=[0, 2, 1, 3]),
            node("Transpose", "k4", "kt", perm=[0, 2, 3, 1]),
            node("Transpose", "v4", "vt", perm=[0, 2, 1, 3]),
            node("MatMul", "qt kt", "scores"), node("Div", "scores scale", "scaled"),
            node("Softmax", "scaled", "p", axis=-1), node("MatMul", "p vt", "o4"),
            node("Transpose", "o4", "ot", perm=[0, 2, 1, 3]), node("Reshape", "ot flat", "o"),
            node("MatMul", "o wo", "proj"), node("Add", "x proj", "x2"),
            node("MatMul", "x2 w1", "u"), node("Div", "u root", "ur"), node("Erf", "ur", "er"),
            node("Add", "er one", "e1"), node("Mul", "u e1", "ue"), node("Mul", "ue half", "gelu"),
            node("MatMul", "gelu w2", "d"), node("Add", "x2 d", "x3"),
            node("ReduceMean", "x3", "y", axes=[1], keepdims=0),
        ],
        [("ids", TensorProto.INT64, ["b", 5])], [("y", FLOAT, 2)],
        weights(
            table=(11, 8), positions=(5, 8), g1=(8,), h1=(8,), wqkv=(8, 24), wo=(8, 8),
            w1=(8, 16), w2=(16, 8))
        + [constant("heads", np.array([0, 0, 2, 4], np.int64)),
           constant("flat", np.array([0, 0, 8], np.int64)),
           constant("parts", np.array([8, 8, 8], np.int64)),
           constant("scale", np.float32(2)), constant("root", np.float32(np.sqrt(2))),
           constant("one", np.float32(1)), constant("half", np.float32(0.5))])


def quantized():
    codes = RANDOM.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8)
    return model(
        [
            node("QuantizeLinear", "x sx zx", "xq"),
            node("DequantizeLinear", "xq sx zx", "xd"),
            node("DequantizeLinear", "wq sw zw", "wd", axis=0),
            node("Conv", "xd wd", "c", pads=[1, 1, 1, 1]),
            node("GlobalMaxPool", "c", "p"), node("Flatten", "p", "f"),
            node("DynamicQuantizeLinear", "f", "fq fs fz"),
            node("MatMulInteger", "fq head fz", "i"),
            node("Cast", "i", "y", to=FLOAT),
        ],
        [("x", FLOAT, ["n", 3, 6, 6])], [("y", FLOAT, 2)],
        [constant("sx", np.float32(0.02)), constant("zx", np.uint8(117)), constant("wq", codes),
         constant("sw", np.array([0.01, 0.02, 0.005, 0.03], np.float32)),
         constant("zw", np.zeros(4, np.int8)),
         constant("head", RANDOM.integers(-127, 128, (4, 5)).astype(np.int8))])


def branching():
    def branch(kind, name):
        return helper.make_graph(
            [helper.make_node(kind, ["x", "w"], [name])], name, [],
            [helper.make_tensor_value_info(name, FLOAT, [4])])

    return model(
        [
            node("ReduceSum", "x", "total", keepdims=0), node("Greater", "total zero", "c"),
            node("If", "c", "y", then_branch=branch("Mul", "yes"), else_branch=branch("Sub", "no")),
        ],
        [("x", FLOAT, [4])], [("y", FLOAT, 1)],
        weights(w=(4,)) + [constant("zero", np.float32(0))])


def reader_fixtures():
    folder = TESTS / "ViseFormatsTests/Fixtures/ONNX"
    folder.mkdir(parents=True, exist_ok=True)
    made = model(
        [node("Gemm", "x w b", "y", transB=1)], [("x", FLOAT, ["n", 4])], [("y", FLOAT, 2)],
        [constant("w", np.arange(12, dtype=np.float32).reshape(3, 4)),
         constant("b", np.array([1, 2, 3], np.float32))])
    (folder / "gemm.onnx").write_bytes(made.SerializeToString())
    (folder / "external.bin").unlink(missing_ok=True)
    onnx.save(
        made, folder / "external.onnx", save_as_external_data=True, location="external.bin",
        size_threshold=16)
    odd = model(
        [helper.make_node("Gemm", ["x", "w"], ["h"]),
         helper.make_node("Frobnicate", ["h"], ["y"], domain="example.org")],
        [("x", FLOAT, ["n", 4])], [("y", FLOAT, 2)], weights(w=(4, 2)),
        domains=["example.org"])
    (folder / "unknown-operator.onnx").write_bytes(odd.SerializeToString())
    np.savez(folder / "stored.npz", x=np.arange(6, dtype=np.uint8).reshape(2, 3),
             y=np.array([-1, 2], np.int64))
    np.savez_compressed(folder / "deflated.npz", x=np.zeros((50, 40), np.float32),
                        y=np.arange(300, dtype=np.int64))


def small_classifier():
    """A residual block on 8 × 8 images and two classes, for the commands' tests."""
    random = np.random.default_rng(8)

    def filters(name, *shape):
        scale = np.sqrt(2 / np.prod(shape[1:]))
        return numpy_helper.from_array(
            (random.standard_normal(shape) * scale).astype(np.float32), name)

    made = model(
        [node("Conv", "x stem", "a", pads=[1] * 4), node("Relu", "a", "b"),
         node("Conv", "b inner", "c", pads=[1] * 4), node("Relu", "c", "d"),
         node("Conv", "d outer", "e", pads=[1] * 4), node("Add", "e b", "f"),
         node("Relu", "f", "g"), node("GlobalMaxPool", "g", "h"), node("Flatten", "h", "i"),
         node("Gemm", "i head", "y", transB=1)],
        [("x", FLOAT, ["n", 1, 8, 8])], [("y", FLOAT, 2)],
        [filters("stem", 4, 1, 3, 3), filters("inner", 8, 4, 3, 3), filters("outer", 4, 8, 3, 3),
         filters("head", 2, 4)])
    folder = TESTS / "ViseCommandTests/Fixtures"
    folder.mkdir(exist_ok=True)
    (folder / "lines.onnx").write_bytes(made.SerializeToString())


def main():
    image = RANDOM.standard_normal((2, 3, 9, 10)).astype(np.float32)
    write("convolutions", convolutions(), {"x": image})
    write("recurrent", recurrent(), {"x": RANDOM.standard_normal((6, 2, 3)).astype(np.float32)})
    write("transformer", transformer(), {"ids": RANDOM.integers(0, 11, (3, 5))})
    write("quantized", quantized(), {"x": image[:, :, :6, :6]})
    write("branch-yes", branching(), {"x": np.array([1, 2, 3, 4], np.float32)})
    write("branch-no", branching(), {"x": np.array([1, -2, -3, -4], np.float32)})
    reader_fixtures()
    small_classifier()


if __name__ == "__main__":
    main()
