#!/usr/bin/env python3
"""Mean KL of what `vise search` finds at the file sizes of llama-quantize's presets.

For each preset: llama-quantize with an importance matrix, and `vise search` with a calibration of the
same text under the size of that very file, exported. The search measures on `--text`; llama.cpp's own
`--kl-divergence` judges both on `--eval`, which neither has seen.

Needs llama.cpp's binaries, a release build of vise, and the `gguf` package:

    search.py --llama BIN_DIR --vise VISE --calib calib.txt --text a.txt --eval b.txt MODEL.gguf
"""

import argparse
import json
import math
import pathlib
import subprocess
import tempfile

import gguf

from quantize import Judge, run

PRESETS = ["IQ2_M", "Q2_K_S", "Q2_K", "IQ3_XXS", "IQ3_XS", "IQ3_S", "IQ3_M", "Q3_K_S", "Q3_K_M",
           "Q3_K_L", "IQ4_XS", "IQ4_NL", "Q4_0", "Q4_K_S", "Q4_K_M", "Q4_1", "Q5_0", "Q5_K_S",
           "Q5_K_M"]


def bits_per_weight(path):
    """Of all matrices of a file, scales included."""
    tensors = [tensor for tensor in gguf.GGUFReader(path).tensors if len(tensor.shape) == 2]
    return 8 * sum(int(t.n_bytes) for t in tensors) / sum(int(t.n_elements) for t in tensors)


def search(options, judge, preset, size, text):
    """Mean KL of the plan found under `size` bytes, its file's bytes, and the search's own figures."""
    plan, out = judge.folder / f"{preset}.toml", judge.folder / f"{preset}-vise.gguf"
    command = [options.vise, "search", options.model, "--size", f"{size}B", "--text", text,
               "--calibration", judge.calibration, "--seconds", options.seconds,
               "--seed", options.seed, "--out", plan, "--overwrite", "--fresh", "--json"]
    found = json.loads(run(*command))
    run(options.vise, "export", options.model, "--plan", plan, "--calibration", judge.calibration,
        "--out", out)
    return judge.divergence(out), out.stat().st_size, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("presets", nargs="*", default=PRESETS)
    parser.add_argument("--llama", type=pathlib.Path, required=True)
    parser.add_argument("--vise", type=pathlib.Path, required=True)
    parser.add_argument("--calib", type=pathlib.Path, required=True)
    parser.add_argument("--text", type=pathlib.Path, required=True, help="the search measures on it")
    parser.add_argument("--eval", type=pathlib.Path, required=True, help="judges both")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chunks", type=int, default=60)
    parser.add_argument("--calib-chunks", type=int, default=120)
    parser.add_argument("--most-bits", type=float, default=5.5)
    parser.add_argument("--no-repack", action="store_true", help="judge without repacked weights")
    options = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(options, pathlib.Path(folder))
        for preset in options.presets:
            theirs = judge.folder / f"{preset}-llama.gguf"
            command = [options.llama / "llama-quantize", "--allow-requantize", "--imatrix",
                       judge.matrix, options.model, theirs, preset]
            if subprocess.run([str(part) for part in command], capture_output=True).returncode:
                print(f"{preset}: llama-quantize refuses", flush=True)
                continue
            bits = bits_per_weight(theirs)
            if not 2.5 <= bits <= options.most_bits:
                print(f"{preset}: {bits:.2f} bits a weight, passed over", flush=True)
                continue
            size = theirs.stat().st_size
            kl, own, found = search(options, judge, preset, size, options.text)
            reference = judge.divergence(theirs)
            ratios.append(kl / reference)
            print(f"{preset}: {bits:.2f} bits, llama-quantize {reference:.6f} at {size} bytes, vise "
                  f"{kl:.6f} at {own} bytes ({found['trials']} plans, own figure "
                  f"{found['kl_mean']:.6f}), ratio {ratios[-1]:.3f}", flush=True)
            theirs.unlink()
            (judge.folder / f"{preset}-vise.gguf").unlink()
    if ratios:
        print(f"geometric mean {math.exp(sum(map(math.log, ratios)) / len(ratios)):.3f}, "
              f"largest {max(ratios):.3f}")


if __name__ == "__main__":
    main()
