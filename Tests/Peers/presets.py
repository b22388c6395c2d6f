#!/usr/bin/env python3
"""Compares `vise plan preset` with the types llama-quantize gives the tensors of a model.

    presets.py --llama BIN_DIR --vise VISE --calib calib.txt MODEL.gguf ...

Needs llama.cpp's binaries, a release build of vise, and the `gguf` package. Exits with 1 where any
tensor of any preset differs.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import tomllib

import gguf

PRESETS = ["IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "Q2_K_S", "Q2_K", "IQ3_XXS", "IQ3_XS", "IQ3_S",
           "IQ3_M", "Q3_K_S", "Q3_K_M", "Q3_K_L", "IQ4_XS", "IQ4_NL", "Q4_0", "Q4_1", "Q4_K_S",
           "Q4_K_M", "Q5_0", "Q5_1", "Q5_K_S", "Q5_K_M", "Q6_K", "Q8_0"]


def types(path):
    """The type of every matrix of a file, by name."""
    return {tensor.name: tensor.tensor_type.name.lower() for tensor in gguf.GGUFReader(path).tensors
            if len(tensor.shape) == 2 and tensor.tensor_type.name != "F32"}


def differences(options, model, preset, matrix, folder):
    """(name, theirs, ours) of each tensor that differs; None where llama-quantize refuses."""
    out = folder / "out.gguf"
    result = subprocess.run(
        [options.llama / "llama-quantize", "--allow-requantize", "--imatrix", matrix, model, out,
         preset], capture_output=True, text=True)
    if result.returncode:
        return None
    plan = subprocess.run(
        [options.vise, "plan", "preset", preset, model], capture_output=True, text=True, check=True)
    ours = tomllib.loads(plan.stdout)["sites"]
    source = types(model)
    return [(name, theirs, ours.get(name, source[name]).lower())
            for name, theirs in types(out).items()
            if ours.get(name, source[name]).lower() != theirs]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--llama", type=pathlib.Path, required=True)
    parser.add_argument("--vise", type=pathlib.Path, required=True)
    parser.add_argument("--calib", type=pathlib.Path, required=True)
    options = parser.parse_args()
    failed = False
    for model in options.models:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            matrix = folder / "imatrix.gguf"
            subprocess.run(
                [options.llama / "llama-imatrix", "-m", model, "-f", options.calib, "-o", matrix,
                 "--chunks", "4", "-c", "512"], capture_output=True, check=True)
            for preset in PRESETS:
                found = differences(options, model, preset, matrix, folder)
                if found is None:
                    print(f"{model.name} {preset}: llama-quantize refuses")
                    continue
                failed = failed or bool(found)
                print(f"{model.name} {preset}: {len(found)} differ {found[:3]}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
