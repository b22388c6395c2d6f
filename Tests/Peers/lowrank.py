"""Makes the golden numbers of Vise's low-rank methods with NumPy, in double precision.

Needs: pip install numpy.
Usage: lowrank.py > Tests/ViseCompressionTests/LowRank/LowRankGoldens.swift

Matrices come from SplitMix64, which the tests run too, so that only results are stored.
"""

import numpy as np

MASK = (1 << 64) - 1


class SplitMix:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def matrix(self, rows, columns):
        """Uniform in -1..1, rounded to float32 as the tests hold them."""
        values = [2 * ((self.next() >> 11) * 2.0**-53) - 1 for _ in range(rows * columns)]
        return np.array(values).astype(np.float32).astype(np.float64).reshape(rows, columns)


def correlated(source, rows, columns):
    """Inputs of unequal size, each channel half the one before it added."""
    x = source.matrix(rows, columns) * (1 + np.arange(columns) % 5)
    for column in range(1, columns):
        x[:, column] += 0.5 * x[:, column - 1]
    return x


def truncated(a, rank):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ vt[:rank]


def error(a, b, moment=None):
    d = a - b
    return float(np.sum(d * d) if moment is None else np.trace(d @ moment @ d.T))


def whitened(w, root, rank):
    return truncated(w @ root, rank) @ np.linalg.inv(root)


def kronecker(w, m1, n1, terms):
    m2, n2 = w.shape[0] // m1, w.shape[1] // n1
    r = w.reshape(m1, m2, n1, n2).transpose(0, 2, 1, 3).reshape(m1 * n1, m2 * n2)
    return truncated(r, terms).reshape(m1, n1, m2, n2).transpose(0, 2, 1, 3).reshape(w.shape)


def toeplitz(w):
    result = np.empty_like(w)
    for k in range(-w.shape[0] + 1, w.shape[1]):
        i = np.arange(max(0, -k), min(w.shape[0], w.shape[1] - k))
        result[i, i + k] = np.diagonal(w, k).mean()
    return result


def shift(n, corner):
    z = np.eye(n, k=-1)
    z[0, n - 1] = corner
    return z


def displaced(w, rank):
    n = w.shape[0]
    z1, z2 = shift(n, 1), shift(n, -1)
    d = truncated(z1 @ w - w @ z2, rank)
    # vec(Z1 W - W Z2) = (I x Z1 - Z2' x I) vec(W), solved as it stands.
    system = np.kron(np.eye(n), z1) - np.kron(z2.T, np.eye(n))
    return np.linalg.solve(system, d.T.reshape(-1)).reshape(n, n).T


def refitted_blocks(w, moment, count):
    result = np.zeros_like(w)
    m, n = w.shape[0] // count, w.shape[1] // count
    for g in range(count):
        rows, columns = slice(g * m, (g + 1) * m), slice(g * n, (g + 1) * n)
        result[rows, columns] = w[rows] @ moment[:, columns] @ np.linalg.inv(
            moment[columns, columns])
    return result


def main():
    source = SplitMix(2024)
    w = source.matrix(24, 16)
    x = correlated(source, 60, 16)
    moment = (x.T @ x / 60).astype(np.float32).astype(np.float64)
    root = np.linalg.cholesky(moment)
    scale = np.diag(moment) ** 0.25
    s = np.linalg.svd(w, compute_uv=False)
    p = s / s.sum()
    square = source.matrix(12, 12)
    numbers = [
        ("effectiveRank", float(np.exp(-np.sum(p * np.log(p))))),
        ("largestValue", float(s[0])),
        ("plainError", error(w, truncated(w, 5))),
        ("plainWeightedError", error(w, truncated(w, 5), moment)),
        ("choleskyWeightedError", error(w, whitened(w, root, 5), moment)),
        ("diagonalWeightedError", error(w, whitened(w, np.diag(scale), 5), moment)),
        ("kroneckerError", error(w, kronecker(w, 4, 2, 2))),
        ("blockWeightedError", error(w, refitted_blocks(w, moment, 4), moment)),
        ("toeplitzError", error(w, toeplitz(w))),
        ("hankelError", error(w, toeplitz(w[:, ::-1])[:, ::-1])),
        ("displacementError", error(square, displaced(square, 4))),
    ]
    print("/// Made by Tests/Peers/lowrank.py with NumPy " + np.__version__ + ".")
    print("enum LowRankGoldens {")
    for name, value in numbers:
        print(f"  static let {name} = {value:.10g}")
    print("}")


main()
