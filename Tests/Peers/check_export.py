"""Decodes every tensor of a GGUF file with the gguf package.

Usage: python check_export.py FILE OUT
Writes the values of all tensors, in the file's order, as little-endian float32 to OUT and prints
the name of each. The test `ExportPeerTests` compares them bit for bit with what Vise decodes; needs
numpy and gguf.
"""

import sys

import gguf
import numpy


def main(path, out):
    with open(out, "wb") as file:
        for tensor in gguf.GGUFReader(path).tensors:
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            assert values.size == tensor.n_elements, tensor.name
            file.write(numpy.ascontiguousarray(values, dtype="<f4").tobytes())
            print(tensor.name)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
