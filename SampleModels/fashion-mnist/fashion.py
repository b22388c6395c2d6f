#!/usr/bin/env python3
"""What the samples on Fashion-MNIST share: the data, a training loop, and the files of a model.

Training needs numpy and tensorflow-cpu, exporting numpy, onnx and onnxruntime. Run by itself it makes the
small image sets of this folder: `eval.npz` are the first test images, `calib.npz` the last training
images; both hold `x`, uint8 N × 28 × 28 × 1, and `y`.

    fashion.py --data /usr/share/datasets/fashion-mnist
"""

import argparse
import gzip
import os
import pathlib
import time

import numpy as np

MEAN, STD = 0.2860, 0.3530
EVALUATION = 2000
CALIBRATION = 512
CASE = 8


def load(folder, kind):
    """`kind` is train or t10k: images, uint8 N × 28 × 28 × 1, and their classes."""
    images = gzip.open(folder / f"{kind}-images-idx3-ubyte.gz").read()[16:]
    labels = gzip.open(folder / f"{kind}-labels-idx1-ubyte.gz").read()[8:]
    return (np.frombuffer(images, np.uint8).reshape(-1, 28, 28, 1),
            np.frombuffer(labels, np.uint8).astype(np.int64))


def normalized(images):
    return (images.astype(np.float32) / 255 - MEAN) / STD


def augmented(images, random, reach=2):
    """Moved by up to `reach` pixels and flipped, each image by itself; normalized."""
    count = len(images)
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    rows = random.integers(0, 2 * reach + 1, (count, 1)) + np.arange(28)
    columns = random.integers(0, 2 * reach + 1, (count, 1)) + np.arange(28)
    flipped = random.random(count) < 0.5
    columns[flipped] = columns[flipped, ::-1]
    return normalized(padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]])


def train(initial, forward, data, out, epochs, rate, decay=0.05, reach=2, smoothing=0.05, seed=1,
          batch=128, averaging=0.999):
    """AdamW under one cycle of the learning rate, on one core; what is kept is the running mean.

    `initial` are arrays by name, `forward(parameters, images)` gives logits. Names that end in
    kernel decay.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    images, labels = load(data, "train")
    test_images, test_labels = load(data, "t10k")
    parameters = {name: tf.Variable(x.astype(np.float32)) for name, x in initial.items()}
    first, second = ({name: tf.Variable(tf.zeros_like(x)) for name, x in parameters.items()}
                     for _ in range(2))
    average = {name: tf.Variable(x) for name, x in parameters.items()}

    @tf.function
    def step(x, y, rate, number):
        with tf.GradientTape() as tape:
            wanted = (1 - smoothing) * tf.one_hot(y, 10) + smoothing / 10
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(
                wanted, forward(parameters, x)))
        names = list(parameters)
        slopes = tape.gradient(loss, [parameters[name] for name in names])
        slopes, _ = tf.clip_by_global_norm(slopes, 1.0)
        for name, slope in zip(names, slopes):
            first[name].assign_add(0.1 * (slope - first[name]))
            second[name].assign_add(0.001 * (slope * slope - second[name]))
            change = (first[name] / (1 - 0.9 ** number)
                      / (tf.sqrt(second[name] / (1 - 0.999 ** number)) + 1e-8))
            if name.endswith("kernel"):
                change += decay * parameters[name]
            parameters[name].assign_sub(rate * change)
            average[name].assign_add((1 - averaging) * (parameters[name] - average[name]))
        return loss

    classes = tf.function(lambda x: tf.argmax(forward(average, x), 1))
    count = len(images) // batch
    for epoch in range(epochs):
        random = np.random.default_rng([seed, epoch])
        order = random.permutation(len(images))
        losses = []
        for place in range(count):
            chosen = order[place * batch:(place + 1) * batch]
            share = (epoch * count + place) / (epochs * count)
            now = rate * min(share / 0.15, (1 - share) / 0.85)
            losses.append(step(augmented(images[chosen], random, reach), labels[chosen],
                               tf.constant(now, tf.float32),
                               tf.constant(epoch * count + place + 1, tf.float32)))
        right = sum(int(np.sum(classes(normalized(test_images[i:i + 500])).numpy()
                               == test_labels[i:i + 500])) for i in range(0, 10000, 500))
        print(f"epoch {epoch + 1}: loss {np.mean([float(x) for x in losses]):.4f}, "
              f"test {right / 10000:.4f}, {time.process_time():.0f} s of processor", flush=True)
    np.savez(out, **{name: x.numpy() for name, x in average.items()})


def write(model, name, data, out):
    """Writes the model, and prints its accuracy in ONNX Runtime.

    `case` has the first test images as the model takes them, and what ONNX Runtime makes of them.
    """
    import onnx
    import onnxruntime
    from onnx import numpy_helper

    onnx.checker.check_model(model, full_check=True)
    path = out / f"{name}.onnx"
    path.write_bytes(model.SerializeToString())
    images, labels = load(data, "t10k")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = normalized(images).transpose(0, 3, 1, 2)
    case = out / "case"
    case.mkdir(exist_ok=True)
    logits = session.run(None, {"input": x[:CASE]})[0]
    for file, name, values in (("input_0", "input", x[:CASE]), ("output_0", "logits", logits)):
        (case / f"{file}.pb").write_bytes(
            numpy_helper.from_array(np.ascontiguousarray(values), name).SerializeToString())
    rows = [session.run(None, {"input": x[i:i + 200]})[0] for i in range(0, len(x), 200)]
    hits = np.concatenate(rows).argmax(1) == labels
    print(f"{path.stat().st_size} bytes, {hits.mean():.4f} on {len(hits)} test images, "
          f"{hits[:EVALUATION].mean():.4f} on the first {EVALUATION}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    data, out = parser.parse_args().data, pathlib.Path(__file__).resolve().parent
    images, labels = load(data, "t10k")
    np.savez_compressed(out / "eval.npz", x=images[:EVALUATION], y=labels[:EVALUATION])
    images, labels = load(data, "train")
    np.savez_compressed(out / "calib.npz", x=images[-CALIBRATION:], y=labels[-CALIBRATION:])


if __name__ == "__main__":
    main()
