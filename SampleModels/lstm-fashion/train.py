#!/usr/bin/env python3
"""Trains the recurrent network of this folder on Fashion-MNIST, which it reads row by row.

One LSTM of 128 cells over 28 rows of 28 pixels; the last state goes through a linear layer.

    train.py --data /usr/share/datasets/fashion-mnist --out weights.npz
"""

import argparse
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fashion-mnist"))
import fashion

PIXELS, CELLS = 28, 128


def initial(seed):
    """Gates in ONNX's order: input, output, forget, cell."""
    random = np.random.default_rng(seed)
    bias = np.zeros(4 * CELLS)
    bias[2 * CELLS:3 * CELLS] = 1
    orthogonal = [np.linalg.qr(random.normal(0, 1, (CELLS, CELLS)))[0] for _ in range(4)]
    return {
        "lstm.input_kernel": random.normal(0, PIXELS ** -0.5, (PIXELS, 4 * CELLS)),
        "lstm.state_kernel": np.concatenate(orthogonal, 1),
        "lstm.bias": bias,
        "head.kernel": random.normal(0, CELLS ** -0.5, (CELLS, 10)),
        "head.bias": np.zeros(10),
    }


def forward(parameters, x):
    import tensorflow as tf

    rows = tf.reshape(x, (-1, 28, PIXELS))
    sums = rows @ parameters["lstm.input_kernel"] + parameters["lstm.bias"]
    state = cell = tf.zeros_like(sums[:, 0, :CELLS])
    for row in range(28):
        gates = sums[:, row] + state @ parameters["lstm.state_kernel"]
        add, show, keep, new = tf.split(gates, 4, 1)
        cell = tf.sigmoid(keep) * cell + tf.sigmoid(add) * tf.tanh(new)
        state = tf.sigmoid(show) * tf.tanh(cell)
    return state @ parameters["head.kernel"] + parameters["head.bias"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    fashion.train(
        initial(1), forward, arguments.data, arguments.out, epochs=6, rate=4e-3, decay=0.02,
        reach=1)


if __name__ == "__main__":
    main()
