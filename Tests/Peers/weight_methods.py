#!/usr/bin/env python3
"""Perplexity of Vise's GPTQ, AWQ, Wanda and SparseGPT against the published algorithms in NumPy.

Each algorithm below is written from its paper and its authors' description, in plain NumPy and
float64, and knows nothing of Vise but where a calibration file keeps its sums. It makes all linear
weights of the blocks; they are put into a copy of the model in F32, and `vise measure` gives that
copy's perplexity. Vise's own is measured by a plan on the model itself (for AWQ on the file `vise
rewrite` wrote). The evaluation text is cut into parts and both sides are measured on each, so that
what makes a part hard drops out of the difference: a line a method gives the mean difference of the
logarithms with its 95 % interval (Student's t over the parts). Ends with 1 where Vise's perplexity
is the worse by all of an interval.

The model is a GGUF file of llama's tensor names stored in F16 or F32. Needs numpy, the `gguf`
package and a release build of vise:

    weight_methods.py --vise VISE --calib calib.txt --eval eval.txt MODEL.gguf [--group 128]

Both sides take rows in groups of `--group` columns, the last of which may be shorter (SmolLM2's rows
of 576 columns with groups of 128). AWQ's magnitudes are root mean squares, which is what the sums
hold, in place of mean |x|.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import gguf
import numpy

SHARED = {"attn_k": "attn_q", "attn_v": "attn_q", "ffn_up": "ffn_gate"}
# Two-sided 95 % quantiles of Student's t for so many parts.
STUDENT = {4: 3.182, 6: 2.571, 8: 2.365, 12: 2.201, 16: 2.131}
LINEAR = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


class Moments:
    """E[x xᵀ] of each input, from a calibration file of Vise."""

    def __init__(self, path):
        data = numpy.memmap(path, dtype="u1", mode="r")
        length = int.from_bytes(data[:8].tobytes(), "little")
        self.header = json.loads(data[8 : 8 + length].tobytes())
        notes = self.header.pop("__metadata__")
        self.tokens = int(notes["vise.window"]) * int(notes["vise.windows"])
        self.data, self.start = data, 8 + length
        self.cache = (None, None)

    def of(self, name):
        """The moment of `name`'s input: the upper triangle is stored, row by row."""
        block, role = name.removesuffix(".weight").rsplit(".", 1)
        key = f"{block}.{SHARED.get(role, role)}.weight"
        if self.cache[0] != key:
            first, last = self.header[key + ".gram"]["data_offsets"]
            triangle = self.data[self.start + first : self.start + last].view("<f4")
            size = int(((8 * len(triangle) + 1) ** 0.5 - 1) / 2)
            moment = numpy.zeros((size, size))
            moment[numpy.triu_indices(size)] = triangle
            moment = (moment + numpy.triu(moment, 1).T) / self.tokens
            self.cache = (key, moment)
        return self.cache[1]


class Grid:
    """Uniform 4-bit levels of each row, from its extremes."""

    def __init__(self, values, symmetric, limit=None):
        low = numpy.minimum(values.min(axis=1), 0)
        high = numpy.maximum(values.max(axis=1), 0)
        if limit is not None:
            low, high = numpy.maximum(low, -limit), numpy.minimum(high, limit)
        if symmetric:
            high = numpy.maximum(-low, high)
            low = -high
        flat = high == low
        low, high = numpy.where(flat, -1.0, low), numpy.where(flat, 1.0, high)
        self.scale = (high - low) / 15
        self.zero = numpy.full_like(low, 8.0) if symmetric else numpy.round(-low / self.scale)

    def nearest(self, values):
        """Values as the grid stores them; rows by any number of columns."""
        scale, zero = self.scale[:, None], self.zero[:, None]
        return scale * (numpy.clip(numpy.round(values / scale) + zero, 0, 15) - zero)


def round_groups(weight, options):
    parts = range(0, weight.shape[1], options.group)
    return numpy.hstack(
        [Grid(weight[:, i : i + options.group], options.symmetric)
         .nearest(weight[:, i : i + options.group]) for i in parts])


def inverse_factor(moment):
    """Upper U with (H + λI)⁻¹ = UᵀU, λ 1 % of the mean diagonal."""
    damped = moment + 0.01 * numpy.trace(moment) / len(moment) * numpy.eye(len(moment))
    return numpy.linalg.cholesky(numpy.linalg.inv(damped)).T


def gptq(weight, moment, options, act_order=False):
    """Frantar et al., arXiv:2210.17323, algorithm 1; groups from the weights as corrected."""
    work, columns = weight.copy(), weight.shape[1]
    dead = numpy.diag(moment) == 0
    moment = moment + numpy.diag(dead.astype(float))
    work[:, dead] = 0
    order = numpy.argsort(-numpy.diag(moment), kind="stable") if act_order else range(columns)
    order = numpy.array(order)
    # With act order the groups stay where they are and are fitted beforehand.
    grids = {}
    if act_order:
        for start in range(0, columns, options.group):
            grids[start // options.group] = Grid(
                work[:, start : start + options.group], options.symmetric)
    work = work[:, order]
    factor = inverse_factor(moment[numpy.ix_(order, order)])
    result = numpy.zeros_like(work)
    for first in range(0, columns, 128):
        last = min(first + 128, columns)
        errors = numpy.zeros((len(work), last - first))
        for j in range(first, last):
            group = order[j] // options.group
            if not act_order and j % options.group == 0:
                # Corrections of this block lie within it, those of earlier ones are all taken.
                present = work[:, j : j + options.group].copy()
                if j + options.group > last:
                    present[:, last - j :] -= errors[:, : j - first] @ factor[
                        first:j, last : j + options.group]
                grids[group] = Grid(present, options.symmetric)
            result[:, j] = grids[group].nearest(work[:, j : j + 1])[:, 0]
            error = (work[:, j] - result[:, j]) / factor[j, j]
            work[:, j:last] -= numpy.outer(error, factor[j, j:last])
            errors[:, j - first] = error
        work[:, last:] -= errors @ factor[first:last, last:]
    restored = numpy.zeros_like(result)
    restored[:, order] = result
    return restored


def output_error(changed, weight, moment):
    difference = changed - weight
    return numpy.sum((difference @ moment) * difference)


def clipped(weight, moment, options):
    """Limits of each group that give the least output error within it, 10 steps down to half."""
    result = numpy.zeros_like(weight)
    for start in range(0, weight.shape[1], options.group):
        part = weight[:, start : start + options.group]
        corner = moment[start : start + options.group, start : start + options.group]
        reach = numpy.abs(part).max(axis=1)
        best = numpy.full(len(part), numpy.inf)
        for step in range(10):
            limit = reach * (1 - step / 20)
            grid = Grid(part, options.symmetric, limit)
            stored = grid.nearest(numpy.clip(part, -limit[:, None], limit[:, None]))
            error = numpy.sum(((stored - part) @ corner) * (stored - part), axis=1)
            better = error < best
            best = numpy.where(better, error, best)
            result[better, start : start + options.group] = stored[better]
    return result


def awq(names, weights, moments, heads, options, clip):
    """Lin et al., 2023, eq. 4 and 5: one scale a channel for all weights that share an input.

    The scaled weights' columns are divided again, which is what folding the inverse into the
    operation before does. Where query heads share values, so do the scales.
    """
    result = {}
    for shared in groups_of_inputs(names):
        moment = moments.of(shared[0])
        squares = numpy.diag(moment).copy()
        if shared[0].endswith("attn_output.weight") and heads[0] != heads[1]:
            by_head = squares.reshape(heads[1], heads[0] // heads[1], -1)
            squares = numpy.broadcast_to(by_head.mean(axis=1, keepdims=True), by_head.shape)
            squares = squares.reshape(-1)
        magnitude = numpy.sqrt(squares)
        best = (numpy.inf, None)
        for step in range(20):
            scales = numpy.maximum(magnitude ** (step / 20), 1e-4)
            scales /= numpy.sqrt(scales.max() * scales.min())
            stored = [round_groups(weights[name] * scales, options) / scales for name in shared]
            error = sum(
                output_error(part, weights[name], moment) for part, name in zip(stored, shared))
            if error < best[0]:
                best = (error, scales)
        scales = best[1]
        inner = moment / numpy.outer(scales, scales)
        for name in shared:
            # The released code clips all but queries and keys, whose products clipping disturbs.
            skips = not clip or name.split(".")[-2] in ("attn_q", "attn_k")
            scaled = weights[name] * scales
            stored = round_groups(scaled, options) if skips else clipped(scaled, inner, options)
            result[name] = stored / scales
    return result


def groups_of_inputs(names):
    groups = {}
    for name in names:
        block, role = name.removesuffix(".weight").rsplit(".", 1)
        groups.setdefault(f"{block}.{SHARED.get(role, role)}", []).append(name)
    return groups.values()


def smallest(scores, count):
    """Marks the `count` smallest scores of each row."""
    mask = numpy.zeros(scores.shape, dtype=bool)
    numpy.put_along_axis(
        mask, numpy.argsort(scores, axis=1, kind="stable")[:, :count], True, axis=1)
    return mask


def wanda(weight, moment, pattern):
    """Sun et al., arXiv:2306.11695, eq. 1: |W|·‖X‖, compared within an output."""
    scores = numpy.abs(weight) * numpy.sqrt(numpy.diag(moment))
    if pattern == "2:4":
        mask = smallest(scores.reshape(-1, 4), 2).reshape(weight.shape)
    else:
        mask = smallest(scores, weight.shape[1] // 2)
    return numpy.where(mask, 0, weight)


def sparsegpt(weight, moment, pattern):
    """Frantar and Alistarh, arXiv:2301.00774, algorithm 1, masks of 128 columns at a time."""
    work, columns = weight.copy(), weight.shape[1]
    dead = numpy.diag(moment) == 0
    work[:, dead] = 0
    factor = inverse_factor(moment + numpy.diag(dead.astype(float)))
    diagonal = numpy.diag(factor)
    for first in range(0, columns, 128):
        last = min(first + 128, columns)
        errors = numpy.zeros((len(work), last - first))
        if pattern != "2:4":
            scores = (work[:, first:last] / diagonal[first:last]) ** 2
            limit = numpy.sort(scores, axis=None)[scores.size // 2]
            mask = scores <= limit
        else:
            mask = numpy.zeros((len(work), last - first), dtype=bool)
        for j in range(first, last):
            if pattern == "2:4" and (j - first) % 4 == 0:
                scores = (work[:, j : j + 4] / diagonal[j : j + 4]) ** 2
                mask[:, j - first : j - first + 4] = smallest(scores, 2)
            kept = numpy.where(mask[:, j - first], 0, work[:, j])
            error = (work[:, j] - kept) / diagonal[j]
            work[:, j:last] -= numpy.outer(error, factor[j, j:last])
            work[:, j] = kept
            errors[:, j - first] = error
        work[:, last:] -= errors @ factor[first:last, last:]
    return work


class Bench:
    """One model with its calibration, and what both sides make of it, in a folder."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.calibration = folder / "calibration.safetensors"
        self.vise("calibrate", options.model, "--text", options.calib, "--out", self.calibration,
                  "--against", options.eval, "--limit", options.calib_tokens)
        self.base = folder / "base.gguf"
        self.write_floats()
        self.texts = self.parts()
        reader = gguf.GGUFReader(self.base)
        self.weights = {
            t.name: numpy.array(t.data, dtype=numpy.float64) for t in reader.tensors
            if t.name.startswith("blk.") and t.name.split(".")[-2] in LINEAR
            and (options.blocks is None or int(t.name.split(".")[1]) < options.blocks)}
        self.moments = Moments(self.calibration)
        number = lambda key: int(reader.get_field(f"llama.attention.{key}").contents())
        self.heads = (number("head_count"), number("head_count_kv"))

    def parts(self):
        """The evaluation text in parts of equal length, cut at ends of lines."""
        lines = self.options.eval.read_text().splitlines(keepends=True)
        count, paths = self.options.parts, []
        total, done = sum(map(len, lines)), 0
        texts = [[] for _ in range(count)]
        for line in lines:
            texts[done * count // total].append(line)
            done += len(line)
        for index, text in enumerate(texts):
            paths.append(self.folder / f"part-{index}.txt")
            paths[-1].write_text("".join(text))
        return paths

    def write_floats(self):
        """A copy of the model with its matrices in F32."""
        source = gguf.GGUFReader(self.options.model)
        if all(tensor.tensor_type.name == "F32" for tensor in source.tensors):
            shutil.copy(self.options.model, self.base)
            return
        name = source.get_field("general.architecture").contents()
        writer = gguf.GGUFWriter(self.base, name)
        for key, field in source.fields.items():
            if not key.startswith("GGUF.") and key != "general.architecture":
                kind = field.types[0]
                inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
                writer.add_key_value(key, field.contents(), kind, inner)
        for tensor in source.tensors:
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            writer.add_tensor(tensor.name, numpy.ascontiguousarray(values, dtype="<f4"))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def vise(self, *command):
        result = subprocess.run(
            [str(part) for part in (self.options.vise, *command)], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env={"VISE_LEVELS": str(self.folder / "levels"), "PATH": "/usr/bin:/bin"})
        if result.returncode:
            raise SystemExit(f"vise {command[0]} failed: {result.stderr[-1000:]}")
        return result.stdout

    def losses(self, model, *more):
        """The logarithm of the perplexity on each part of the text."""
        limit = ("--limit", self.options.limit) if self.options.limit else ()
        return numpy.log([
            json.loads(self.vise("measure", model, "--text", text, "--json", *limit, *more))[
                "perplexity"] for text in self.texts])

    def theirs(self, changed):
        """The losses of the model with `changed` weights, in F32."""
        path = self.folder / "theirs.gguf"
        shutil.copy(self.base, path)
        for tensor in gguf.GGUFReader(path, "r+").tensors:
            if tensor.name in changed:
                tensor.data[:] = changed[tensor.name]
        return self.losses(path)

    def ours(self, treatment, model=None, calibrated=True, calibration=None):
        """The losses with the linear weights under a plan's `treatment`."""
        plan = self.folder / "plan.toml"
        sites = "".join(f'"{name}" = {treatment}\n' for name in self.weights)
        plan.write_text(f"version = 1\n[sites]\n{sites}")
        more = ("--calibration", calibration or self.calibration) if calibrated else ()
        return self.losses(model or self.options.model, "--plan", plan, *more)

    def each(self, method):
        return {name: method(weight, self.moments.of(name))
                for name, weight in self.weights.items()}

    def format(self, method):
        """A treatment, with ranges as Vise chooses them."""
        if method == "rtn":
            return f'{{ format = "{self.format_name()}", method = "rtn" }}'
        tail = "" if self.options.symmetric else ", symmetric = false"
        return f'{{ format = "int4", group = {self.options.group}{tail}, method = "{method}" }}'

    def format_name(self):
        tail = "" if self.options.symmetric else ":asym"
        return f"int4:g{self.options.group}{tail}"

    def ours_awq(self, method):
        """Vise's scales, then its ranges: by the weights' error, or the outputs'."""
        path = self.folder / "scaled.gguf"
        self.vise("rewrite", self.base, "--scale", "awq", "--format", self.format_name(),
                  "--calibration",
                  self.base_calibration(), "--out", path, "--floats", "f32", "--overwrite")
        if method == "rtn":
            return self.ours(self.format("rtn"), model=path, calibrated=False)
        scaled = self.folder / "scaled.safetensors"
        self.vise("calibrate", path, "--text", self.options.calib, "--out", scaled, "--overwrite",
                  "--limit", self.options.calib_tokens)
        return self.ours(self.format(method), model=path, calibration=scaled)

    def base_calibration(self):
        path = self.folder / "base.safetensors"
        if not path.exists():
            self.vise("calibrate", self.base, "--text", self.options.calib, "--out", path,
                      "--limit", self.options.calib_tokens)
        return path

    def cases(self):
        """A name, Vise's losses and the reference's, each computed when asked for."""
        o = self.options
        yield ("rtn", lambda: self.ours(self.format("rtn"), calibrated=False),
               lambda: self.theirs(self.each(lambda w, _: round_groups(w, o))))
        yield ("gptq", lambda: self.ours(self.format("gptq")),
               lambda: self.theirs(self.each(lambda w, h: gptq(w, h, o))))
        yield ("gptq_act_order", lambda: self.ours(self.format("gptq_act_order")),
               lambda: self.theirs(self.each(lambda w, h: gptq(w, h, o, act_order=True))))
        for name, method, clip in (("awq", "rtn", False), ("awq clipped", "output_mse", True)):
            yield (name, lambda method=method: self.ours_awq(method),
                   lambda clip=clip: self.theirs(
                       awq(list(self.weights), self.weights, self.moments, self.heads, o, clip)))
        for method, peer in (("wanda", wanda), ("sparsegpt", sparsegpt)):
            for pattern in ("unstructured", "2:4"):
                plan = f'{{ prune = 0.5, pattern = "{pattern}", method = "{method}" }}'
                yield (f"{method} {pattern}", lambda plan=plan: self.ours(plan),
                       lambda peer=peer, pattern=pattern: self.theirs(
                           self.each(lambda w, h: peer(w, h, pattern))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--vise", type=pathlib.Path, required=True)
    parser.add_argument("--calib", type=pathlib.Path, required=True)
    parser.add_argument("--eval", type=pathlib.Path, required=True)
    parser.add_argument("--group", type=int, default=128)
    parser.add_argument("--asymmetric", dest="symmetric", action="store_false")
    parser.add_argument("--limit", type=int, help="tokens of each part of the evaluation text")
    parser.add_argument("--parts", type=int, choices=STUDENT, default=8)
    parser.add_argument("--blocks", type=int, help="treat the first blocks only")
    parser.add_argument("--calib-tokens", type=int, default=65536)
    parser.add_argument("--only", nargs="*", help="names of methods")
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, pathlib.Path(folder))
        print(f"reference {numpy.exp(bench.losses(options.model).mean()):.4f}", flush=True)
        for name, ours, theirs in bench.cases():
            if options.only and name not in options.only and name.split()[0] not in options.only:
                continue
            mine, other = ours(), theirs()
            change = mine - other
            reach = STUDENT[len(change)] * change.std(ddof=1) / len(change) ** 0.5
            worse = change.mean() - reach > 0
            failed |= bool(worse)
            verdict = "WORSE" if worse else "better" if change.mean() + reach < 0 else "equal"
            print(f"{name:24s} vise {numpy.exp(mine.mean()):9.4f}  "
                  f"numpy {numpy.exp(other.mean()):9.4f}  "
                  f"{100 * change.mean():+7.3f} % ± {100 * reach:.3f}  {verdict}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
