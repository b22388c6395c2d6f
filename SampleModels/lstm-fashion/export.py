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
    cells = weights["lstm.state_kernel"].shape[0]
    constants = {
        "lstm.input_weight": weights["lstm.input_kernel"].T[None],
        "lstm.state_weight": weights["lstm.state_kernel"].T[None],
        # ONNX adds a bias to the input's sums and one to the state's.
        "lstm.bias": np.concatenate([weights["lstm.bias"], np.zeros(4 * cells)])[None],
        "head.weight": weights["head.kernel"].T,
        "head.bias": weights["head.bias"],
    }
    initializers = [
        numpy_helper.from_array(np.ascontiguousarray(x, np.float32), name)
        for name, x in constants.items()]
    initializers += [
        numpy_helper.from_array(np.array([1], np.int64), "channel"),
        numpy_helper.from_array(np.array([0], np.int64), "direction")]
    nodes = [
        helper.make_node("Squeeze", ["input", "channel"], ["rows"], "rows"),
        helper.make_node("Transpose", ["rows"], ["steps"], "steps", perm=[1, 0, 2]),
        helper.make_node(
            "LSTM", ["steps", "lstm.input_weight", "lstm.state_weight", "lstm.bias"],
            ["", "lstm.last"], "lstm", hidden_size=cells),
        helper.make_node("Squeeze", ["lstm.last", "direction"], ["features"], "features"),
        helper.make_node(
            "Gemm", ["features", "head.weight", "head.bias"], ["logits"], "head", transB=1),
    ]
    graph = helper.make_graph(
        nodes, "lstm",
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
        model(dict(np.load(arguments.weights))), "lstm-fashion", arguments.data, arguments.out)


if __name__ == "__main__":
    main()
