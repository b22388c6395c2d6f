#!/usr/bin/env python3
"""Makes the ONNX file of this folder from trained weights, and a case of what it computes.

Normalizations are folded into the convolutions before them.

    export.py --weights weights.npz --data /usr/share/datasets/fashion-mnist --out .
"""

import argparse
import pathlib
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fashion-mnist"))
import fashion

WIDTHS = (16, 32, 64)
BLOCKS = 3


def model(weights):
    nodes, initializers = [], []

    def constant(name, values):
        initializers.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))

    def convolution(x, name, output, stride=1):
        kernel = weights[name + ".kernel"].transpose(3, 2, 0, 1)
        factor = weights[name + ".scale"] / np.sqrt(weights[name + ".variance"] + 1e-5)
        constant(name + ".weight", kernel * factor.reshape(-1, 1, 1, 1))
        constant(name + ".bias", weights[name + ".shift"] - weights[name + ".mean"] * factor)
        pad = kernel.shape[2] // 2
        nodes.append(helper.make_node(
            "Conv", [x, name + ".weight", name + ".bias"], [output], name,
            kernel_shape=kernel.shape[2:], strides=[stride] * 2, pads=[pad] * 4))

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))

    convolution("input", "stem", "stem.sum")
    node("Relu", ["stem.sum"], "stem.out")
    x, width = "stem.out", WIDTHS[0]
    for stage, outputs in enumerate(WIDTHS):
        for block in range(BLOCKS):
            name = f"stage{stage + 1}.block{block + 1}"
            stride = 2 if stage > 0 and block == 0 else 1
            convolution(x, name + ".conv1", name + ".inner", stride)
            node("Relu", [name + ".inner"], name + ".active")
            convolution(name + ".active", name + ".conv2", name + ".residual")
            skip = x
            if width != outputs:
                skip = name + ".skipped"
                convolution(x, name + ".skip", skip, stride)
            node("Add", [name + ".residual", skip], name + ".sum")
            node("Relu", [name + ".sum"], name + ".out")
            x, width = name + ".out", outputs
    node("GlobalAveragePool", [x], "pooled")
    node("Flatten", ["pooled"], "features")
    constant("head.weight", weights["head.kernel"].T)
    constant("head.bias", weights["head.shift"])
    node("Gemm", ["features", "head.weight", "head.bias"], "logits", transB=1)
    graph = helper.make_graph(
        nodes, "resnet20",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])], initializers)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="vise")


def main():
    parser = argparse.ArgumentParser()
    for name in ("--weights", "--data", "--out"):
        parser.add_argument(name, type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    fashion.write(
        model(dict(np.load(arguments.weights))), "resnet20-fashion", arguments.data, arguments.out)


if __name__ == "__main__":
    main()
