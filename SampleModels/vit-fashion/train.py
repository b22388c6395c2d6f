#!/usr/bin/env python3
"""Trains the vision transformer of this folder on Fashion-MNIST.

49 patches of 4 × 4 pixels, width 64, 4 blocks of 4 heads that normalize first, a feed-forward of 192
with GELU, the mean over patches before the head (Dosovitskiy et al. 2021, arXiv:2010.11929, but for
the class token).

    train.py --data /usr/share/datasets/fashion-mnist --out weights.npz
"""

import argparse
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fashion-mnist"))
import fashion

PATCH, WIDTH, DEPTH, HEADS, INNER = 4, 64, 4, 4, 192
PATCHES = (28 // PATCH) ** 2


def initial(seed):
    random = np.random.default_rng(seed)
    result = {}

    def linear(name, inputs, outputs, gain=1.0):
        result[name + ".kernel"] = random.normal(0, gain * inputs ** -0.5, (inputs, outputs))
        result[name + ".bias"] = np.zeros(outputs)

    def norm(name):
        result[name + ".scale"] = np.ones(WIDTH)
        result[name + ".shift"] = np.zeros(WIDTH)

    linear("patch", PATCH * PATCH, WIDTH)
    result["position"] = random.normal(0, 0.02, (PATCHES, WIDTH))
    for block in range(1, DEPTH + 1):
        name = f"block{block}"
        norm(name + ".norm1")
        linear(name + ".qkv", WIDTH, 3 * WIDTH)
        linear(name + ".proj", WIDTH, WIDTH, 0.3)
        norm(name + ".norm2")
        linear(name + ".fc1", WIDTH, INNER)
        linear(name + ".fc2", INNER, WIDTH, 0.3)
    norm("norm")
    linear("head", WIDTH, 10)
    return result


def forward(parameters, x):
    import tensorflow as tf

    def linear(x, name):
        return x @ parameters[name + ".kernel"] + parameters[name + ".bias"]

    def norm(x, name):
        mean, variance = tf.nn.moments(x, -1, keepdims=True)
        x = (x - mean) * tf.math.rsqrt(variance + 1e-5)
        return x * parameters[name + ".scale"] + parameters[name + ".shift"]

    side = 28 // PATCH
    x = tf.reshape(x, (-1, side, PATCH, side, PATCH))
    x = tf.reshape(tf.transpose(x, (0, 1, 3, 2, 4)), (-1, PATCHES, PATCH * PATCH))
    x = linear(x, "patch") + parameters["position"]
    for block in range(1, DEPTH + 1):
        name = f"block{block}"
        qkv = tf.reshape(
            linear(norm(x, name + ".norm1"), name + ".qkv"),
            (-1, PATCHES, 3, HEADS, WIDTH // HEADS))
        q, k, v = tf.unstack(tf.transpose(qkv, (2, 0, 3, 1, 4)))
        scores = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * (WIDTH // HEADS) ** -0.5)
        mixed = tf.reshape(tf.transpose(scores @ v, (0, 2, 1, 3)), (-1, PATCHES, WIDTH))
        x += linear(mixed, name + ".proj")
        inner = tf.nn.gelu(linear(norm(x, name + ".norm2"), name + ".fc1"), approximate=False)
        x += linear(inner, name + ".fc2")
    return linear(tf.reduce_mean(norm(x, "norm"), 1), "head")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    fashion.train(
        initial(1), forward, arguments.data, arguments.out, epochs=arguments.epochs, rate=2e-3,
        reach=1)


if __name__ == "__main__":
    main()
