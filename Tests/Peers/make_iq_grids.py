"""Writes the codebook grids of the GGUF IQ formats as a C header, to standard output.

Needs: pip install gguf. The header is Sources/CViseKernels/iq_grids.h.
"""

import gguf.quants as quants

# name in C, class, bits per element, values of the grid in code order
GRIDS = [
    ("vise_iq2_xxs_grid", quants.IQ2_XXS, 2),
    ("vise_iq2_xs_grid", quants.IQ2_XS, 2),
    ("vise_iq2_s_grid", quants.IQ2_S, 2),
    ("vise_iq3_xxs_grid", quants.IQ3_XXS, 3),
    ("vise_iq3_s_grid", quants.IQ3_S, 3),
    ("vise_iq1_grid", quants.IQ1_S, 2),
]


def packed(kind, bits):
    """Each grid point as one number: element k's code at bit k * bits."""
    kind.init_grid()
    codes = {float(value): code for code, value in enumerate(kind.grid_map)}
    points = kind.grid.reshape(kind.grid_shape)
    return [sum(codes[float(v)] << k * bits for k, v in enumerate(point)) for point in points]


def main():
    print("// Grids of the IQ formats, packed; made by Tests/Peers/make_iq_grids.py.")
    print("//")
    print("// Element k of a point is a code of 2 (iq1, iq2) or 3 (iq3) bits, the first lowest.")
    print("#ifndef VISE_IQ_GRIDS_H\n#define VISE_IQ_GRIDS_H\n\n#include <stdint.h>")
    for name, kind, bits in GRIDS:
        numbers = packed(kind, bits)
        print(f"\nstatic const uint16_t {name}[{len(numbers)}] = {{")
        for start in range(0, len(numbers), 13):
            print("    " + " ".join(f"{n}," for n in numbers[start : start + 13]))
        print("};")
    print("\n#endif")


main()
