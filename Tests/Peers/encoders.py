"""Compares Vise's encoders with ggml's own, on the same rows of a GGUF model, in one run.

Needs: pip install gguf numpy, a built `vise`, and llama.cpp's libggml-base.so.
Usage: encoders.py MODEL.gguf --vise .build/release/vise --ggml path/to/libggml-base.so

`vise study encoders MODEL --json` names the tensors and the number of first rows of each that it
encoded, with the mean squared error and weights per second of each format. This script encodes the
same rows with `ggml_quantize_chunk`, one thread, and prints for each format the ratio of squared
errors (below 1: Vise is closer) and of speeds (above 1: Vise is faster), both by processor time.

With --importance both get the same uneven importance of columns and errors are weighed by it;
without, ggml gets none, but for the types it refuses then: those get equal importance.
"""

import argparse
import collections
import ctypes
import json
import subprocess
import time

import gguf
import gguf.quants as quants
import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType


class InitParameters(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]


def load_ggml(path):
    library = ctypes.CDLL(path)
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
        ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p,
    ]  # fmt: skip
    library.ggml_init.argtypes = [InitParameters]
    library.ggml_init.restype = ctypes.c_void_p
    library.ggml_init(InitParameters(1 << 20, None, False))  # fills the half-float tables
    library.ggml_quantize_requires_imatrix.restype = ctypes.c_bool
    return library


def uneven_importance(columns):
    """The importance that `vise study encoders --importance` gives to columns."""
    return (1 / (1 + (np.arange(columns) * 7919 % columns) / 16)).astype(np.float32)


def ggml_figures(library, kind, values, importance, repetitions=3):
    """Weighed mean squared error and fastest seconds of processor time of ggml's encoder."""
    block, size = GGML_QUANT_SIZES[kind]
    rows, columns = values.shape
    weights = uneven_importance(columns) if importance else np.ones(columns, np.float32)
    given = importance or library.ggml_quantize_requires_imatrix(kind.value)
    matrix = weights.ctypes.data if given else None
    library.ggml_quantize_init(kind.value)
    encoded = np.zeros((rows, columns // block * size), np.uint8)
    fastest = float("inf")
    for _ in range(repetitions):
        start = time.thread_time()
        library.ggml_quantize_chunk(
            kind.value, values.ctypes.data, encoded.ctypes.data, 0, rows, columns, matrix
        )
        fastest = min(fastest, time.thread_time() - start)
    decoded = quants.dequantize(encoded, kind).astype(np.float64)
    return float(((decoded - values) ** 2 * weights).sum() / (weights.sum() * rows)), fastest


def first_rows(reader, name, rows):
    tensor = next(t for t in reader.tensors if t.name == name)
    columns = int(tensor.shape[0])
    stored = tensor.data.reshape(-1, tensor.data.shape[-1])[:rows]
    values = quants.dequantize(stored, tensor.tensor_type)
    return np.ascontiguousarray(values, np.float32).reshape(rows, columns)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--vise", required=True)
    parser.add_argument("--ggml", required=True)
    parser.add_argument("--tensors", type=int, help="compare this many, evenly spaced")
    parser.add_argument("--importance", action="store_true", help="let a few columns matter most")
    arguments = parser.parse_args()
    command = [arguments.vise, "study", "encoders", arguments.model, "--json"]
    command += ["--importance"] if arguments.importance else []
    study = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    library, reader = load_ggml(arguments.ggml), gguf.GGUFReader(arguments.model)
    totals = collections.defaultdict(lambda: np.zeros(5))
    cache = {}
    names = list(dict.fromkeys(figure["tensor"] for figure in study["results"]))
    step = len(names) / min(arguments.tensors or len(names), len(names))
    chosen = {names[int(k * step)] for k in range(round(len(names) / step))}
    for figure in study["results"]:
        if figure["tensor"] not in chosen:
            continue
        name, rows = figure["tensor"], figure["rows"]
        if name not in cache:
            cache = {name: first_rows(reader, name, rows)}
        values = cache[name]
        kind = GGMLQuantizationType[figure["format"].upper()]
        error, seconds = ggml_figures(library, kind, values, arguments.importance)
        totals[figure["format"]] += [
            figure["mse"] * values.size, error * values.size,
            values.size / figure["weights_per_second"], seconds, values.size,
        ]  # fmt: skip
    print(f"{'format':8} {'Vise MSE':>10} {'ggml MSE':>10} {'ratio':>7} {'Mw/s':>8} {'speed':>7}")
    for name, (error, peer_error, seconds, peer_seconds, count) in totals.items():
        exact = "inf" if error else "0/0"
        ratio = f"{error / peer_error:7.4f}" if peer_error else f"{exact:>7}"
        print(
            f"{name:8} {error / count:10.3e} {peer_error / count:10.3e} {ratio} "
            f"{count / seconds / 1e6:8.0f} {peer_seconds / seconds:7.2f}"
        )


main()
