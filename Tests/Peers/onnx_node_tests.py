#!/usr/bin/env python3
"""ONNX's backend node tests, run by `vise run --cases`.

Takes the cases from the `onnx` package, writes them to a temporary folder with their tolerances, and
reports how many pass, which fail and which operators Vise does not run. Cases whose inputs or
outputs are no plain tensors (sequences, optionals, strings) are left out and counted.

Needs the `onnx` package and a build of vise:

    onnx_node_tests.py --vise VISE [--at-least 600] [--list]
"""

import argparse
import collections
import json
import pathlib
import subprocess
import tempfile
import warnings

import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests


def plain(model):
    values = list(model.graph.input) + list(model.graph.output)
    return all(
        value.type.WhichOneof("value") == "tensor_type"
        and value.type.tensor_type.elem_type != onnx.TensorProto.STRING for value in values)


def write(case, folder):
    folder.mkdir()
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    (folder / "data.json").write_text(json.dumps({"rtol": case.rtol, "atol": case.atol}))
    data = folder / "test_data_set_0"
    data.mkdir()
    for kind, tensors, infos in zip(
            ("input", "output"), case.data_sets[0], (case.model.graph.input, case.model.graph.output)):
        for index, tensor in enumerate(tensors):
            if not isinstance(tensor, onnx.TensorProto):
                tensor = numpy_helper.from_array(tensor, infos[index].name)
            (data / f"{kind}_{index}.pb").write_bytes(tensor.SerializeToString())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vise", required=True)
    parser.add_argument("--at-least", type=int, default=600)
    parser.add_argument("--list", action="store_true", help="print every case that does not pass")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        left_out = 0
        for case in load_model_tests(kind="node"):
            if plain(case.model):
                write(case, root / case.name)
            else:
                left_out += 1
        result = subprocess.run(
            [arguments.vise, "run", "--cases", root, "--json"], stdout=subprocess.PIPE, text=True)
    report = json.loads(result.stdout)
    print(f"onnx {onnx.__version__}: {len(report['passed'])} passed, {len(report['failed'])} failed, "
          f"{len(report['unsupported'])} not supported, {left_out} without plain tensors")
    for failure in report["failed"]:
        print(f"failed {failure['name']}: {failure['reason']}")
    reasons = collections.Counter(entry["reason"] for entry in report["unsupported"])
    for reason, count in reasons.most_common(None if arguments.list else 20):
        print(f"{count:4} not supported: {reason}")
    if len(report["passed"]) < arguments.at_least:
        raise SystemExit(f"fewer than {arguments.at_least} cases pass")


if __name__ == "__main__":
    main()
