"""Writes goldens for the block decoders: pseudo-random blocks and what gguf-py decodes them to.

Needs: pip install gguf numpy (made with gguf 0.19.0). Usage: make_decode_goldens.py DIRECTORY,
where DIRECTORY is Tests/ViseTensorTests/Goldens. For each type `<type>.golden` holds, little-
endian: u32 type id, u32 block count, u64 FNV-1a of the bits of all values, the blocks, then the values of
the first 1024 weights as float32.
"""

import pathlib
import struct
import sys

import gguf.quants as quants
import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as Type

# type, byte offsets of its half-float scales
TYPES = {
    Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
    Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2],
    Type.Q6_K: [208], Type.IQ4_NL: [0], Type.IQ4_XS: [0], Type.IQ2_XXS: [0], Type.IQ2_XS: [0],
    Type.IQ2_S: [0], Type.IQ3_XXS: [0], Type.IQ3_S: [0], Type.IQ1_S: [0], Type.IQ1_M: [],
    Type.TQ1_0: [52], Type.TQ2_0: [64], Type.MXFP4: [],
}  # fmt: skip


def scales(random, count):
    """Half-float scales: sane ones of both signs, zeros, subnormals, the largest."""
    values = (random.standard_normal(count) * 0.05).astype(np.float16)
    special = [0.0, -0.0, 6e-8, -6e-8, 3e-5, -5e-5, 65504.0, -65504.0, 1.0, -1.0]
    values[1 : 1 + len(special)] = np.array(special, np.float16)
    return values.view(np.uint8).reshape(count, 2)


def set_spread_scale(blocks, halves):
    """IQ1_M keeps its scale in the high nibbles of four words."""
    bits = halves.copy().view(np.uint16).reshape(-1)
    words = blocks[:, 48:56].copy().view(np.uint16)
    for i in range(4):
        words[:, i] = (words[:, i] & 0x0FFF) | ((bits >> (4 * i)) & 15) << 12
    blocks[:, 48:56] = words.view(np.uint8)


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def golden(kind, halves_at, random):
    length, size = GGML_QUANT_SIZES[kind]
    count = 160 if length == 256 else 320
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for offset in halves_at:
        blocks[:, offset : offset + 2] = scales(random, count)
    if kind == Type.IQ1_M:
        set_spread_scale(blocks, scales(random, count))
    blocks[0] = 0
    values = quants.dequantize(blocks, kind).astype("<f4")
    assert not np.isnan(values).any(), kind
    header = struct.pack("<IIQ", kind.value, count, fnv1a(values.tobytes()))
    return header + blocks.tobytes() + values.ravel()[:1024].tobytes()


def main():
    directory = pathlib.Path(sys.argv[1])
    for kind, halves_at in TYPES.items():
        random = np.random.default_rng(20 + kind.value)
        name = kind.name.lower()
        (directory / f"{name}.golden").write_bytes(golden(kind, halves_at, random))


main()
