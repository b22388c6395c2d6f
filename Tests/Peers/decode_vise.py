"""Decodes treated sites of a file in Vise's own safetensors layout, from the layout's documentation.

Usage: python decode_vise.py FILE OUT
Writes the values of each site of `vise.sites`, in the header's order, as little-endian float32 to OUT
and prints the name of each. Formats this decoder does not know are left out. The test
`ViseLayoutPeerTests` compares them bit for bit with what Vise evaluated; needs numpy only.
"""

import json
import sys

import numpy

TYPES = {
    "U8": "u1", "I8": "i1", "I32": "<i4", "I64": "<i8", "F16": "<f2", "F32": "<f4", "BF16": "<u2",
    "F8_E4M3": "u1", "F8_E5M2": "u1",
}
NF4 = [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1,
]
F32 = numpy.float32


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")
    assert metadata["format"] == "vise" and metadata["vise.version"] == "1"
    tensors, end = {}, 0
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        assert first == end, "tensors follow one another"
        end = last
        bytes_ = data[8 + length + first : 8 + length + last]
        tensors[name] = numpy.frombuffer(bytes_, TYPES[entry["dtype"]]).reshape(entry["shape"])
    assert 8 + length + end == len(data), "nothing follows the last tensor"
    return json.loads(metadata["vise.sites"]), tensors


def unpack(codes, columns, bits):
    """Codes of `bits` bits, low bits first, each row beginning at a byte."""
    stream = numpy.unpackbits(codes, axis=1, bitorder="little")[:, : columns * bits]
    weights = 1 << numpy.arange(bits)
    return (stream.reshape(len(codes), columns, bits) * weights).sum(axis=2)


def spread(parameters, rows, columns, option):
    """One parameter an element, from one a tensor, a channel or a group."""
    if option.startswith("g") and option[1:].isdigit():
        return numpy.repeat(parameters, int(option[1:]), axis=1)[:, :columns]
    return numpy.broadcast_to(parameters, (rows, columns))


def small_float(codes, exponent_bits, mantissa_bits):
    mask = (1 << mantissa_bits) - 1
    bias = (1 << (exponent_bits - 1)) - 1
    codes = codes.astype(numpy.int64)
    exponent = (codes >> mantissa_bits) & ((1 << exponent_bits) - 1)
    fraction = codes & mask
    significand = numpy.where(exponent == 0, fraction, fraction + mask + 1)
    value = numpy.ldexp(
        significand.astype(F32), numpy.maximum(exponent, 1) - bias - mantissa_bits)
    sign = codes >> (exponent_bits + mantissa_bits)
    return numpy.where(sign == 1, -value, value).astype(F32)


def integer(part, rows, columns, bits, options):
    symmetric = "asym" not in options
    low = -(1 << (bits - 1)) if symmetric else 0
    codes = unpack(part["codes"], columns, bits) + low
    if not symmetric:
        codes = codes - spread(part["zeros"].astype(int), rows, columns, options[0])
    scales = spread(part["scales"].astype(F32), rows, columns, options[0])
    return (codes.astype(F32) * scales).astype("<f2").astype(F32)


def table(levels, part, rows, columns, option):
    values = levels * spread(part["scales"].astype(F32), rows, columns, option)
    if "centres" in part:
        values = values + spread(part["centres"].astype(F32), rows, columns, option)
    return values.astype(F32)


def offset(part, rows, columns, bits, option):
    levels = unpack(part["codes"], columns, bits).astype(F32) - F32(((1 << bits) - 1) / 2)
    return table(levels, part, rows, columns, option)


def palette(part, rows, columns, bits, option):
    palettes = part["palettes"].astype(F32)
    codes = unpack(part["codes"], columns, bits)
    if option.startswith("g"):
        scales = spread(part["scales"].astype(F32), rows, columns, option)
        return (palettes[0][codes] * scales).astype(F32)
    length = int(option[1:]) if option[1:].isdigit() else {"tensor": rows, "channel": 1}[option]
    return numpy.stack([palettes[row // length][codes[row]] for row in range(rows)])


def decode(format_, part, rows, columns):
    """The values of one weight; None where the format is not known here."""
    base, *options = format_.split(":")
    if base == "f16":
        return part[""].astype(F32)
    if base == "bf16":
        return (part[""].astype("<u4") << 16).view(F32)
    if base.startswith("int"):
        return integer(part, rows, columns, int(base[3:]), options)
    if base.startswith("rex"):
        terms, bits = map(int, base[3:].split("x"))
        sums = numpy.zeros((rows, columns), F32)
        for term in range(terms):
            own = {key[:-1]: value for key, value in part.items() if key[-1] == str(term)}
            places = own.pop("rows", numpy.arange(rows))
            sums[places] += integer(own, len(places), columns, bits, options)
        return sums
    if base.startswith("split"):
        high, widths = int(options[0][1:]), [int(base[5]), int(base[6])]
        halves = [
            integer({key[:-1]: value for key, value in part.items() if key[-1] == str(index)},
                    rows, count, bits, options[1:])
            for index, (count, bits) in enumerate(zip((high, columns - high), widths))
        ]
        return numpy.hstack(halves)
    if base.startswith("lq"):
        sums = numpy.zeros((rows, columns), F32)
        for left, right in zip(part["left"].astype(F32).T, part["right"].astype(F32)):
            sums = sums + left[:, None] * right[None, :]
        return integer(part, rows, columns, int(base[2:]), options[1:]) + sums
    if base.startswith("saq"):
        length = int(options[0][1:])
        values, byte = numpy.zeros((rows, columns), F32), 0
        for segment, bits in enumerate(part["bits"].astype(int)):
            size = length * bits // 8
            codes = unpack(part["codes"][:, byte : byte + size], length, bits).astype(F32)
            byte += size
            places = part["order"][segment * length : (segment + 1) * length]
            scales = part["scales"][:, segment : segment + 1].astype(F32)
            if bits:
                values[:, places] = scales * (codes - F32(((1 << bits) - 1) / 2))
        return values
    if base.startswith("aff"):
        return offset(part, rows, columns, int(base[3:]), options[0])
    if base == "nf4":
        levels = numpy.array(NF4, F32)[unpack(part["codes"], columns, 4)]
        return table(levels, part, rows, columns, options[0])
    if base in ("fp8", "fp8_e5m2", "fp6", "fp6_e3m2", "fp4"):
        exponent, mantissa = {
            "fp8": (4, 3), "fp8_e5m2": (5, 2), "fp6": (2, 3), "fp6_e3m2": (3, 2), "fp4": (2, 1),
        }[base]
        bits = 1 + exponent + mantissa
        codes = part["codes"] if bits == 8 else unpack(part["codes"], columns, bits)
        levels = small_float(codes, exponent, mantissa)
        if options[0] == "mx":
            part = {"scales": numpy.ldexp(F32(1), part["scales"].astype(int) - 127)}
            return table(levels, part, rows, columns, "g32")
        return table(levels, part, rows, columns, options[0])
    if base.startswith("kmeans"):
        return palette(part, rows, columns, int(base[6:]), options[0])
    return None


def weight(name, note, tensors, side, rows, columns):
    prefix = name + side
    part = {
        key[len(prefix) + 1 :]: value for key, value in tensors.items()
        if key == prefix or key.startswith(prefix + ".") and "." not in key[len(prefix) + 1 :]
    }
    return decode(note["format"], part, rows, columns)


def structured(name, note, tensors):
    rows, columns = note["rows"], note["columns"]
    kind, *options = note["structure"].split(":")

    def part(side, height, width):
        return weight(name, note, tensors, "." + side, height, width)

    if kind == "shared":
        rank = int(options[1])
        basis = weight(note.get("basis", name), note, tensors, ".basis", rank, columns)
        coefficients = part("coefficients", rows, rank)
        return None if basis is None or coefficients is None else coefficients @ basis
    if kind == "kronecker":
        (r, c), terms = map(int, options[0].split("x")), int(options[1])
        outer = part("outer", terms * r, c).reshape(terms, r, c)
        inner = part("inner", terms * (rows // r), columns // c).reshape(terms, rows // r, -1)
        return sum(numpy.kron(a, b) for a, b in zip(outer, inner))
    if kind == "blocks":
        count = int(options[0])
        height, width = rows // count, columns // count
        values = numpy.zeros((rows, columns), F32)
        for index in range(count):
            values[index * height : (index + 1) * height, index * width : (index + 1) * width] = (
                part(f"block{index}", height, width))
        return values
    if kind in ("toeplitz", "hankel"):
        diagonals = part("diagonals", 1, rows + columns - 1)[0]
        i, j = numpy.indices((rows, columns))
        return diagonals[j - i + rows - 1 if kind == "toeplitz" else i + j]
    rank, n = int(options[0]), rows
    residue = part("left", n, rank).astype(float) @ part("right", rank, n).astype(float)
    shift = numpy.eye(n, k=-1)
    up, down = shift.copy(), shift.copy()
    up[0, -1], down[0, -1] = 1, -1
    # Z1 W - W Z-1 = residue as one linear system.
    system = numpy.kron(up, numpy.eye(n)) - numpy.kron(numpy.eye(n), down.T)
    return numpy.linalg.solve(system, residue.ravel()).reshape(n, n).astype(F32)


def main(path, out):
    sites, tensors = read(path)
    with open(out, "wb") as file:
        for name, note in sites.items():
            rows, columns = note["rows"], note["columns"]
            if "structure" in note:
                values = structured(name, note, tensors)
            elif "rank" in note:
                left = weight(name, note, tensors, ".left", rows, note["rank"])
                right = weight(name, note, tensors, ".right", note["rank"], columns)
                values = None if left is None or right is None else left @ right
            else:
                values = weight(name, note, tensors, "", rows, columns)
            if values is None:
                continue
            assert values.shape == (rows, columns), name
            file.write(numpy.ascontiguousarray(values, dtype="<f4").tobytes())
            print(name)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
