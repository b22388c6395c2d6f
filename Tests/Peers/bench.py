"""Decode and prefill speed of `vise bench` against llama-bench on the same GGUF files.

    bench.py --vise .build/release/vise --llama DIR_OF_LLAMA_TOOLS [--threads 2] [--rounds 3] \
        [--type q4_0 ...] MODEL.gguf ...

Each MODEL (F32 or F16) is quantized with `llama-quantize --pure` to each type its rows can hold;
with --as-is it is used as it stands. The two programs run in turn, and the best round of each
counts, since anything else the machine does only slows them down. Exits with 1 where decoding is
slower than llama.cpp's or prefill slower than 0.8 of it.

--cpu compares processor seconds of one thread instead, which a busy machine distorts less.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile


def run(command, llama):
    environment = dict(os.environ, LD_LIBRARY_PATH=llama)
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def llama_speeds(arguments, model):
    output = run(
        [os.path.join(arguments.llama, "llama-bench"), "-m", model, "-t", str(arguments.threads),
         "-p", str(arguments.prompt), "-n", str(arguments.generate), "-r", "2", "-o", "json"],
        arguments.llama)
    speeds = {}
    for test in json.loads(output):
        speeds["prefill" if test["n_prompt"] > 0 else "decode"] = max(test["samples_ts"])
    return speeds


def vise_speeds(arguments, model):
    output = run(
        [arguments.vise, "bench", model, "--threads", str(arguments.threads), "--prompt",
         str(arguments.prompt), "--generate", str(arguments.generate), "--runs", "2", "--json"],
        arguments.llama)
    ranges = json.loads(output)["ranges"]
    return {
        "prefill": ranges["prefill_tokens_per_second"][1],
        "decode": ranges["decode_tokens_per_second"][1],
    }


def processor_seconds(command, llama):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run(command, llama)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def per_token(seconds, few, many, tokens):
    """Tokens a processor second, from two runs that differ by `tokens` tokens."""
    return tokens / max(seconds(many) - seconds(few), 1e-9)


def processor_speeds(arguments, model):
    bench = os.path.join(arguments.llama, "llama-bench")

    def llama(prompt, generate, runs):
        return processor_seconds(
            [bench, "-m", model, "-t", "1", "-p", str(prompt), "-n", str(generate), "-r",
             str(runs)], arguments.llama)

    def vise(prompt, generate, runs):
        return processor_seconds(
            [arguments.vise, "bench", model, "--threads", "1", "--prompt", str(prompt),
             "--generate", str(generate), "--runs", str(runs)], arguments.llama)

    few, many, prompt = arguments.generate, 3 * arguments.generate, arguments.prompt
    return (
        {  # vise runs once more, unmeasured, with the same number of tokens
            "decode": per_token(lambda n: vise(1, n, 1), few, many, 2 * (many - few)),
            "prefill": per_token(lambda n: vise(prompt, 1, n), 1, 3, 2 * prompt),
        },
        {
            "decode": per_token(lambda n: llama(0, n, 1), few, many, many - few),
            "prefill": per_token(lambda n: llama(prompt, 0, n), 1, 3, 2 * prompt),
        },
    )


def best(a, b):
    return {key: max(a.get(key, 0), b[key]) for key in b}


def compare(arguments, model, label):
    vise, llama = {}, {}
    for _ in range(arguments.rounds):
        if arguments.cpu:
            ours, theirs = processor_speeds(arguments, model)
        else:
            theirs, ours = llama_speeds(arguments, model), vise_speeds(arguments, model)
        vise, llama = best(vise, ours), best(llama, theirs)
    ratios = {key: vise[key] / llama[key] for key in vise}
    print(f"{label:32} {llama['decode']:9.1f} {vise['decode']:9.1f} {ratios['decode']:6.2f}"
          f" {llama['prefill']:10.1f} {vise['prefill']:9.1f} {ratios['prefill']:6.2f}", flush=True)
    return ratios["decode"] >= 1 and ratios["prefill"] >= 0.8


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+")
    parser.add_argument("--vise", required=True)
    parser.add_argument("--llama", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--type", action="append", default=[])
    parser.add_argument("--as-is", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    arguments = parser.parse_args()
    unit = "tokens a processor second" if arguments.cpu else "tokens/s"
    print(f"{unit:32} {'decode':>9} {'vise':>9} {'ratio':>6} {'prefill':>10} {'vise':>9} {'ratio':>6}")
    good = True
    for model in arguments.models:
        name = os.path.basename(model).removesuffix(".gguf")
        if arguments.as_is:
            good &= compare(arguments, model, name)
            continue
        for kind in arguments.type or ["q4_0", "q8_0", "q4_k", "q6_k"]:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, f"{kind}.gguf")
                run([os.path.join(arguments.llama, "llama-quantize"), "--pure", model, path, kind],
                    arguments.llama)
                good &= compare(arguments, path, f"{name} {kind}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
