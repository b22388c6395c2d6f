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


def model(weights):
    count = len(weights) // 2
    nodes = [helper.make_node("Flatten", ["input"], ["flat"], "flatten")]
    initializers, x = [], "flat"
    for layer in range(1, count + 1):
        name = f"fc{layer}"
        for part, values in (("weight", weights[name + ".kernel"].T), ("bias", weights[name + ".bias"])):
            initializers.append(numpy_helper.from_array(
                np.ascontiguousarray(values, np.float32), f"{name}.{part}"))
        output = "logits" if layer == count else name + ".sum"
        nodes.append(helper.make_node(
            "Gemm", [x, name + ".weight", name + ".bias"], [output], name, transB=1))
        x = output
        if layer < count:
            x = name + ".out"
            nodes.append(helper.make_node("Relu", [output], [x], name + ".relu"))
    graph = helper.make_graph(
        nodes, "mlp",
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
        model(dict(np.load(arguments.weights))), "mlp-fashion", arguments.data, arguments.out)


if __name__ == "__main__":
    main()
