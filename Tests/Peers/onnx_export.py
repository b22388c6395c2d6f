#!/usr/bin/env python3
"""What ONNX's checker and ONNX Runtime say of a model that `vise export --to onnx` wrote.

Measures the same plan with `vise measure` and compares top-1 on the same images.

Needs the `onnx` and `onnxruntime` packages and a build of vise:

    onnx_export.py --vise VISE MODEL.onnx --plan PLAN --data IMAGES.npz \
        [--calibration C] [--mean 0.5,… --std 0.5,…]
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import onnx
import onnxruntime


def numbers(text):
    return np.array([float(part) for part in text.split(",")], np.float32)


def images(arguments, channels):
    data = np.load(arguments.data)
    x, y = data["x"], data["y"]
    if x.dtype == np.uint8:
        x = x.astype(np.float32) / 255
    if x.shape[1] != channels:
        x = x.transpose(0, 3, 1, 2)
    if arguments.mean:
        shape = (1, -1, 1, 1)
        x = (x - numbers(arguments.mean).reshape(shape)) / numbers(arguments.std).reshape(shape)
    return np.ascontiguousarray(x, np.float32), y


def run(model, x, batch=32):
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    start = time.time()
    rows = [session.run(None, {name: x[i:i + batch]})[0] for i in range(0, len(x), batch)]
    return np.concatenate(rows), time.time() - start


def macs(path):
    """Multiplications of the convolutions and linear layers for one image."""
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    model = onnx.shape_inference.infer_shapes(model)
    shapes = {t.name: list(t.dims) for t in model.graph.initializer}
    for value in list(model.graph.value_info) + list(model.graph.output):
        shapes[value.name] = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
    total = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            total += int(np.prod(shapes[node.output[0]]) * np.prod(shapes[node.input[1]][1:]))
        elif node.op_type in ("Gemm", "MatMul"):
            total += int(np.prod(shapes[node.input[1]]))
    return total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    for name in ("--vise", "--plan", "--data"):
        parser.add_argument(name, required=True)
    for name in ("--calibration", "--mean", "--std"):
        parser.add_argument(name)
    arguments = parser.parse_args()
    more = ["--calibration", arguments.calibration] if arguments.calibration else []
    preparation = []
    if arguments.mean:
        preparation = ["--mean", arguments.mean, "--std", arguments.std]
    measured = json.loads(subprocess.run(
        [arguments.vise, "measure", arguments.model, "--plan", arguments.plan, "--data",
         arguments.data, "--json"] + more + preparation, stdout=subprocess.PIPE, check=True).stdout)
    with tempfile.TemporaryDirectory() as temporary:
        out = pathlib.Path(temporary) / "out.onnx"
        exported = json.loads(subprocess.run(
            [arguments.vise, "export", arguments.model, "--plan", arguments.plan, "--to", "onnx",
             "--out", out, "--json"] + more, stdout=subprocess.PIPE, check=True).stdout)
        onnx.checker.check_model(str(out), full_check=True)
        channels = onnx.load(arguments.model).graph.input[0].type.tensor_type.shape.dim[1].dim_value
        x, y = images(arguments, channels)
        logits, seconds = run(out, x)
        reference, reference_seconds = run(arguments.model, x)
        products, reference_products = macs(out), macs(arguments.model)
    top1 = float((logits.argmax(1) == y).mean())
    print(f"bytes {exported['bytes']} (file {pathlib.Path(arguments.model).stat().st_size}), "
          f"{len(exported['substitutions'])} substitutions")
    print(f"top-1: ONNX Runtime {top1:.4f}, vise {measured['top1']:.4f}, "
          f"reference {measured['reference_top1']:.4f}, gained {measured['gained']}, lost {measured['lost']}")
    print(f"seconds in ONNX Runtime: {seconds:.3f}, reference {reference_seconds:.3f}, "
          f"ratio {seconds / reference_seconds:.3f}")
    print(f"multiplications: {products} of {reference_products}, "
          f"{1 - products / reference_products:.3f} fewer")
    print(f"largest difference from the reference's logits {abs(logits - reference).max():.3f}")
    if abs(top1 - measured["top1"]) > 0.001:
        raise SystemExit("top-1 differs by more than 0.1 points")


if __name__ == "__main__":
    main()
