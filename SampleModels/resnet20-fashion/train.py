#!/usr/bin/env python3
"""Trains the ResNet-20 of this folder on Fashion-MNIST, on one core in about an hour.

The network is He et al. 2016 (arXiv:1512.03385, section 4.2) with 1×1 convolutions where a stage
halves the image. Images are flipped and moved by up to two pixels; SGD with Nesterov momentum, weight
decay on the kernels alone, one cycle of the learning rate, labels smoothed by 0.05. What is kept is
the running mean of the weights, with statistics of the normalizations that are its own. Every epoch is
saved, and the same command goes on after the last.

Needs tensorflow-cpu and numpy, and the data of the Debian package dataset-fashion-mnist:

    train.py --data /usr/share/datasets/fashion-mnist --out weights.npz

`export.py` makes the ONNX file from it.
"""

import argparse
import gzip
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

MEAN, STD = 0.2860, 0.3530
WIDTHS = (16, 32, 64)
BLOCKS = 3
BATCH = 128
WARMUP = 0.2
SMOOTHING = 0.05
DECAY = 5e-4
AVERAGING = 0.998


def load(folder, kind):
    images = gzip.open(folder / f"{kind}-images-idx3-ubyte.gz").read()[16:]
    labels = gzip.open(folder / f"{kind}-labels-idx1-ubyte.gz").read()[8:]
    return (np.frombuffer(images, np.uint8).reshape(-1, 28, 28, 1),
            np.frombuffer(labels, np.uint8).astype(np.int32))


def convolutions():
    """Name, kernel size, inputs, outputs of each, in order."""
    yield "stem", 3, 1, WIDTHS[0]
    width = WIDTHS[0]
    for stage, outputs in enumerate(WIDTHS):
        for block in range(BLOCKS):
            name = f"stage{stage + 1}.block{block + 1}"
            yield f"{name}.conv1", 3, width, outputs
            yield f"{name}.conv2", 3, outputs, outputs
            if width != outputs:
                yield f"{name}.skip", 1, width, outputs
            width = outputs


def initial(seed):
    random = np.random.default_rng(seed)
    parameters, statistics = {}, {}
    for name, size, inputs, outputs in convolutions():
        scale = np.sqrt(2 / (size * size * inputs))
        parameters[name + ".kernel"] = random.normal(0, scale, (size, size, inputs, outputs))
        # A block begins as the identity.
        parameters[name + ".scale"] = np.full(outputs, 0.0 if name.endswith("conv2") else 1.0)
        parameters[name + ".shift"] = np.zeros(outputs)
        statistics[name + ".mean"] = np.zeros(outputs)
        statistics[name + ".variance"] = np.ones(outputs)
    parameters["head.kernel"] = random.normal(0, 0.05, (WIDTHS[-1], 10))
    parameters["head.shift"] = np.zeros(10)
    variables = lambda tree, trained: {
        name: tf.Variable(x.astype(np.float32), trainable=trained, name=name)
        for name, x in tree.items()}
    return variables(parameters, True), variables(statistics, False)


def forward(parameters, statistics, x, training):
    def convolution(x, name, stride=1):
        # PyTorch's padding, which strides keep symmetric.
        pad = parameters[name + ".kernel"].shape[0] // 2
        x = tf.nn.conv2d(
            x, parameters[name + ".kernel"], stride, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
        scale, shift = parameters[name + ".scale"], parameters[name + ".shift"]
        mean, variance = statistics[name + ".mean"], statistics[name + ".variance"]
        if not training:
            return tf.compat.v1.nn.fused_batch_norm(
                x, scale, shift, mean, variance, epsilon=1e-5, is_training=False)[0]
        x, batch_mean, batch_variance = tf.compat.v1.nn.fused_batch_norm(
            x, scale, shift, epsilon=1e-5, is_training=True)
        mean.assign_add(0.02 * (batch_mean - mean))
        variance.assign_add(0.02 * (batch_variance - variance))
        return x

    x = tf.nn.relu(convolution(x, "stem"))
    width = WIDTHS[0]
    for stage, outputs in enumerate(WIDTHS):
        for block in range(BLOCKS):
            name = f"stage{stage + 1}.block{block + 1}"
            stride = 2 if stage > 0 and block == 0 else 1
            inner = tf.nn.relu(convolution(x, name + ".conv1", stride))
            inner = convolution(inner, name + ".conv2")
            skip = convolution(x, name + ".skip", stride) if width != outputs else x
            x = tf.nn.relu(inner + skip)
            width = outputs
    return tf.reduce_mean(x, (1, 2)) @ parameters["head.kernel"] + parameters["head.shift"]


def trainer(parameters, statistics, momentum, average):
    @tf.function(reduce_retracing=True)
    def step(x, y, rate, size):
        if size != 28:
            x = tf.image.resize(x, (size, size))
        with tf.GradientTape() as tape:
            logits = forward(parameters, statistics, x, True)
            wanted = (1 - SMOOTHING) * tf.one_hot(y, 10) + SMOOTHING / 10
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, logits))
        names = list(parameters)
        slopes = tape.gradient(loss, [parameters[name] for name in names])
        for name, slope in zip(names, slopes):
            if name.endswith("kernel"):
                slope = slope + DECAY * parameters[name]
            momentum[name].assign(0.9 * momentum[name] + slope)
            parameters[name].assign_sub(rate * (slope + 0.9 * momentum[name]))
            average[name].assign_add((1 - AVERAGING) * (parameters[name] - average[name]))
        return loss
    return step


def evaluator(average, statistics):
    @tf.function(reduce_retracing=True)
    def hits(x, y):
        logits = forward(average, statistics, x, False)
        return tf.reduce_sum(tf.cast(tf.argmax(logits, 1, tf.int32) == y, tf.int32))
    return hits


def augmented(images, random):
    """Moved by up to two pixels and flipped, each image by itself."""
    count = len(images)
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    rows = random.integers(0, 5, (count, 1)) + np.arange(28)
    columns = random.integers(0, 5, (count, 1)) + np.arange(28)
    flipped = random.random(count) < 0.5
    columns[flipped] = columns[flipped, ::-1]
    moved = padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return (moved.astype(np.float32) / 255 - MEAN) / STD


def settled(average, statistics, images, random):
    """The means and variances that normalizations see under the mean weights, over 3,072 images.

    Those followed in training are of other weights, and cost several points of accuracy.
    """
    before = {name: x.numpy() for name, x in statistics.items()}
    sums = {name: np.zeros_like(x) for name, x in before.items()}
    for _ in range(12):
        forward(average, statistics, augmented(images[random.choice(len(images), 256)], random), True)
        for name, x in statistics.items():
            # A step of training moves a statistic by a fiftieth of the way to the batch's own.
            sums[name] += (before[name] + (x.numpy() - before[name]) / 0.02) / 12
            x.assign(before[name])
    return sums


def accuracy(hits, images, labels):
    total = 0
    for first in range(0, len(images), 500):
        x = (images[first:first + 500].astype(np.float32) / 255 - MEAN) / STD
        total += int(hits(x, labels[first:first + 500]))
    return total / len(images)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--epochs", type=int, default=18)
    # In the first epochs images are shrunk to 20 × 20, which costs half and does no harm.
    parser.add_argument("--small", type=int, default=6)
    parser.add_argument("--rate", type=float, default=0.15)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    images, labels = load(arguments.data, "train")
    test_images, test_labels = load(arguments.data, "t10k")
    parameters, statistics = initial(arguments.seed)
    momentum = {name: tf.Variable(tf.zeros_like(x)) for name, x in parameters.items()}
    average = {name: tf.Variable(x) for name, x in parameters.items()}
    groups = {"parameter": parameters, "statistic": statistics, "momentum": momentum,
              "average": average}
    state = arguments.out.with_suffix(".state.npz")
    begun = 0
    if state.exists():
        saved = np.load(state)
        begun = int(saved["epoch"])
        for group, tree in groups.items():
            for name, variable in tree.items():
                variable.assign(saved[f"{group}/{name}"])
    step = trainer(parameters, statistics, momentum, average)
    hits = evaluator(average, statistics)
    count = len(images) // BATCH
    start = time.time()
    for epoch in range(begun, arguments.epochs):
        random = np.random.default_rng([arguments.seed, epoch])
        order = random.permutation(len(images))
        size = 20 if epoch < arguments.small else 28
        losses = []
        for batch in range(count):
            chosen = order[batch * BATCH:(batch + 1) * BATCH]
            share = (epoch * count + batch) / (arguments.epochs * count)
            rate = arguments.rate * min(share / WARMUP, (1 - share) / (1 - WARMUP))
            losses.append(step(augmented(images[chosen], random), labels[chosen],
                               tf.constant(rate, tf.float32), size))
            if batch % 100 == 99:
                print(f"  {epoch + 1}.{batch + 1}: {float(losses[-1]):.4f}, "
                      f"{time.time() - start:.0f} s", flush=True)
        values = {f"{group}/{name}": x.numpy() for group, tree in groups.items()
                  for name, x in tree.items()}
        np.savez(state, epoch=epoch + 1, **values)
        kept = {name: x.numpy() for name, x in average.items()}
        own = settled(average, statistics, images, random)
        np.savez(arguments.out, **kept, **own)
        for name, x in statistics.items():
            x.assign(own[name])
        print(f"epoch {epoch + 1}: loss {np.mean([float(x) for x in losses]):.4f}, "
              f"test {accuracy(hits, test_images, test_labels):.4f}, "
              f"{time.time() - start:.0f} s, {time.process_time():.0f} s of processor", flush=True)
        for name, x in statistics.items():
            x.assign(values[f"statistic/{name}"])


if __name__ == "__main__":
    main()
