#!/usr/bin/env python3
"""Trains the multilayer perceptron of this folder on Fashion-MNIST: 784, 256, 128, 10.

    train.py --data /usr/share/datasets/fashion-mnist --out weights.npz
"""

import argparse
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fashion-mnist"))
import fashion

WIDTHS = (784, 256, 128, 10)


def initial(seed):
    random = np.random.default_rng(seed)
    result = {}
    for layer, (inputs, outputs) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        result[f"fc{layer + 1}.kernel"] = random.normal(0, np.sqrt(2 / inputs), (inputs, outputs))
        result[f"fc{layer + 1}.bias"] = np.zeros(outputs)
    return result


def forward(parameters, x):
    import tensorflow as tf

    x = tf.reshape(x, (-1, WIDTHS[0]))
    for layer in range(1, len(WIDTHS)):
        x = x @ parameters[f"fc{layer}.kernel"] + parameters[f"fc{layer}.bias"]
        if layer < len(WIDTHS) - 1:
            x = tf.nn.relu(x)
    return x


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    fashion.train(initial(1), forward, arguments.data, arguments.out, epochs=30, rate=2e-3, reach=1)


if __name__ == "__main__":
    main()
