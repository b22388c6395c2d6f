#!/usr/bin/env python3
"""Makes the ONNX file of this folder from trained weights, and a case of what it computes.

    export.py --weights weights.npz --data /usr/share/datasets/fashion-mnist --out .
"""

import argparse
import pathlib
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fashion-mnist"))
import fashion

HEADS = 4


class Builder:
    """Collects nodes, each named after the value it makes."""

    def __init__(self, weights):
        self.weights, self.nodes, self.initializers = weights, [], []

    def constant(self, name, values, kind=np.float32):
        self.initializers.append(
            numpy_helper.from_array(np.ascontiguousarray(values, kind), name))
        return name

    def add(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def linear(self, x, name, output=None):
        weight = self.constant(name + ".weight", self.weights[name + ".kernel"])
        bias = self.constant(name + ".bias", self.weights[name + ".bias"])
        product = self.add("MatMul", [x, weight], name + ".product")
        return self.add("Add", [product, bias], output or name + ".sum")

    def norm(self, x, name):
        scale = self.constant(name + ".scale", self.weights[name + ".scale"])
        shift = self.constant(name + ".shift", self.weights[name + ".shift"])
        return self.add(
            "LayerNormalization", [x, scale, shift], name + ".out", axis=-1, epsilon=1e-5)

    def gelu(self, x, name):
        half = self.add("Mul", [x, "half"], name + ".half")
        curve = self.add(
            "Erf", [self.add("Mul", [x, "root"], name + ".root")], name + ".erf")
        return self.add(
            "Mul", [half, self.add("Add", [curve, "one"], name + ".gate")], name + ".out")

    def attention(self, x, name, patches, width):
        size = width // HEADS
        qkv = self.linear(x, name + ".qkv")
        parts = [f"{name}.{part}" for part in ("query", "key", "value")]
        self.nodes.append(helper.make_node("Split", [qkv], parts, name + ".split", axis=-1))
        heads = []
        for part, order in zip(parts, ((0, 2, 1, 3), (0, 2, 3, 1), (0, 2, 1, 3))):
            split = self.add("Reshape", [part, "heads"], part + ".heads")
            heads.append(self.add("Transpose", [split], part + ".turned", perm=order))
        scores = self.add("MatMul", heads[:2], name + ".scores")
        scaled = self.add("Mul", [scores, "scale"], name + ".scaled")
        shares = self.add("Softmax", [scaled], name + ".shares", axis=-1)
        mixed = self.add("MatMul", [shares, heads[2]], name + ".mixed")
        turned = self.add("Transpose", [mixed], name + ".turned", perm=(0, 2, 1, 3))
        joined = self.add("Reshape", [turned, "joined"], name + ".joined")
        return self.linear(joined, name + ".proj")


def model(weights):
    pixels, width = weights["patch.kernel"].shape
    patch, (patches, _) = int(pixels ** 0.5), weights["position"].shape
    made = Builder(weights)
    made.constant("half", 0.5)
    made.constant("root", 0.5 ** 0.5)
    made.constant("one", 1.0)
    made.constant("scale", (width // HEADS) ** -0.5)
    made.constant("heads", [0, patches, HEADS, width // HEADS], np.int64)
    made.constant("joined", [0, patches, width], np.int64)
    made.constant("flat", [0, width, patches], np.int64)
    made.constant("patch.weight", weights["patch.kernel"].T.reshape(width, 1, patch, patch))
    made.constant("patch.bias", weights["patch.bias"])
    made.constant("position", weights["position"])
    image = made.add(
        "Conv", ["input", "patch.weight", "patch.bias"], "patch.sum",
        kernel_shape=[patch] * 2, strides=[patch] * 2)
    columns = made.add("Reshape", [image, "flat"], "patch.flat")
    x = made.add(
        "Add", [made.add("Transpose", [columns], "patch.out", perm=(0, 2, 1)), "position"],
        "placed")
    for block in range(1, 1 + sum(name.endswith("fc1.kernel") for name in weights)):
        name = f"block{block}"
        x = made.add(
            "Add", [x, made.attention(made.norm(x, name + ".norm1"), name, patches, width)],
            name + ".seen")
        inner = made.linear(made.norm(x, name + ".norm2"), name + ".fc1")
        x = made.add(
            "Add", [x, made.linear(made.gelu(inner, name + ".gelu"), name + ".fc2")],
            name + ".out")
    pooled = made.add("ReduceMean", [made.norm(x, "norm")], "pooled", axes=[1], keepdims=0)
    made.linear(pooled, "head", "logits")
    graph = helper.make_graph(
        made.nodes, "vit",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])], made.initializers)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="vise")


def main():
    parser = argparse.ArgumentParser()
    for name in ("--weights", "--data", "--out"):
        parser.add_argument(name, type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    fashion.write(
        model(dict(np.load(arguments.weights))), "vit-fashion", arguments.data, arguments.out)


if __name__ == "__main__":
    main()
