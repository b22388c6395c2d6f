#!/usr/bin/env python3
"""Mean KL of exported files against llama-quantize's, judged by llama-perplexity.

For each ggml type: llama-quantize with an importance matrix (`--pure`), and `vise export` with a
calibration of the same text and the same type for every tensor; both files are compared with the
unquantized model's logits by llama.cpp's own `--kl-divergence`.

Needs llama.cpp's binaries, a release build of vise, and the `gguf` package:

    quantize.py --llama BIN_DIR --vise VISE --calib calib.txt --eval eval.txt MODEL.gguf q2_k q4_0
"""

import argparse
import math
import pathlib
import re
import subprocess
import tempfile

import gguf


def run(*command):
    result = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if result.returncode:
        raise SystemExit(f"{command[0]} failed: {result.stderr[-1000:]}")
    return result.stdout


class Judge:
    """Runs both tools on one model in a folder of its own."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        llama, model = options.llama, options.model
        self.matrix, self.logits = folder / "imatrix.gguf", folder / "logits"
        self.calibration = folder / "calibration.safetensors"
        run(llama / "llama-imatrix", "-m", model, "-f", options.calib, "-o", self.matrix,
            "--chunks", options.calib_chunks, "-c", 512)
        run(llama / "llama-perplexity", "-m", model, "-f", options.eval, "-c", 512,
            "--chunks", options.chunks, "--save-all-logits", self.logits)
        run(options.vise, "calibrate", model, "--text", options.calib, "--out", self.calibration,
            "--limit", options.calib_chunks * 512)

    def divergence(self, path):
        """Mean KL of the file at `path` from the model's logits."""
        # Some processors announce AMX and cannot run llama.cpp's kernels for it.
        plain = ["--no-repack"] if self.options.no_repack else []
        for _ in range(3):
            output = run(
                self.options.llama / "llama-perplexity", "-m", path, "-f", self.options.eval,
                "--kl-divergence-base", self.logits, "--kl-divergence", *plain)
            found = re.search(r"Mean\s+KLD:\s+([0-9.eE+-]+)", output)
            if found:
                return float(found.group(1))
            # It sometimes ends before its last lines are out.
        raise SystemExit(f"llama-perplexity gave no mean KL for {path}")

    def compare(self, name):
        """Mean KL of llama-quantize's file and of vise's, with equal types tensor by tensor."""
        theirs, ours = self.folder / f"{name}-llama.gguf", self.folder / f"{name}-vise.gguf"
        # It has no importance of the embedding, without which it refuses these types there.
        table = ("--token-embedding-type", "q8_0") if name[:3] in ("iq1", "iq2") else ()
        run(self.options.llama / "llama-quantize", "--pure", *table, "--imatrix", self.matrix,
            self.options.model, theirs, name)
        plan = self.folder / f"{name}.toml"
        lines = ["version = 1", "[sites]"]
        for tensor in gguf.GGUFReader(theirs).tensors:
            if len(tensor.shape) == 2 and tensor.tensor_type.name != "F32":
                lines.append(f'"{tensor.name}" = "{tensor.tensor_type.name}"')
        plan.write_text("\n".join(lines) + "\n")
        run(self.options.vise, "export", self.options.model, "--plan", plan, "--calibration",
            self.calibration, "--out", ours)
        return self.divergence(theirs), self.divergence(ours)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("types", nargs="+")
    parser.add_argument("--llama", type=pathlib.Path, required=True)
    parser.add_argument("--vise", type=pathlib.Path, required=True)
    parser.add_argument("--calib", type=pathlib.Path, required=True)
    parser.add_argument("--eval", type=pathlib.Path, required=True)
    parser.add_argument("--chunks", type=int, default=60)
    parser.add_argument("--calib-chunks", type=int, default=120)
    parser.add_argument("--no-repack", action="store_true", help="judge without repacked weights")
    options = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(options, pathlib.Path(folder))
        for name in options.types:
            theirs, ours = judge.compare(name)
            ratios.append(ours / theirs)
            print(f"{name}: llama-quantize {theirs:.6f}, vise {ours:.6f}, ratio {ratios[-1]:.3f}",
                  flush=True)
    print(f"geometric mean {math.exp(sum(map(math.log, ratios)) / len(ratios)):.3f}")


if __name__ == "__main__":
    main()
