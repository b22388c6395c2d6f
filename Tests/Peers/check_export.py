"""Decodes every tensor of GGUF files with the gguf package and prints what it got.

Usage: python check_export.py FILE...
One line a tensor: the CRC-32 of its values as little-endian float32, its type, its name. The test
`ExportPeerTests` compares these with what Vise decodes; needs numpy and gguf.
"""

import sys
import zlib

import gguf
import numpy


def main(paths):
    for path in paths:
        reader = gguf.GGUFReader(path)
        for tensor in reader.tensors:
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            values = numpy.ascontiguousarray(values, dtype="<f4")
            assert values.size == tensor.n_elements, tensor.name
            print(f"{zlib.crc32(values.tobytes()):08x} {tensor.tensor_type.name} {tensor.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
