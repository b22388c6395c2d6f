"""Train story-lm, a 5.8M-parameter Llama, on the CPU with JAX.

Usage:  python train.py WORKDIR --stop-at HH:MM

WORKDIR holds train.bin and eval.bin from prepare.py and receives checkpoint.npz and
log.txt. Running it again resumes from the checkpoint. The learning rate is constant
after a short warm-up and falls linearly to zero over the last part of the allotted
time, so that training can be given any length. Matrices are trained with Muon, the
embedding and the norms with Adam. Rows are 256 tokens long, and 512 during the decay.

Requirements: python >= 3.10, numpy==2.4.6, jax==0.10.2
"""

import argparse
import functools
import os
import time
from datetime import datetime
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

VOCAB, WIDTH, LAYERS, HEADS, KV_HEADS, HEAD_DIM, FFN = 4096, 256, 6, 4, 2, 64, 768
CONTEXT, NORM_EPS, ROPE_BASE = 512, 1e-5, 10000.0
MATRICES = {
    "q": (WIDTH, HEADS * HEAD_DIM), "k": (WIDTH, KV_HEADS * HEAD_DIM), "v": (WIDTH, KV_HEADS * HEAD_DIM),
    "o": (HEADS * HEAD_DIM, WIDTH), "gate": (WIDTH, FFN), "up": (WIDTH, FFN), "down": (FFN, WIDTH),
}
NORMS = ("attn_norm", "ffn_norm")

BATCH_BLOCKS = 8  # blocks of CONTEXT tokens per step
STABLE_LENGTH = 256
WARMUP_STEPS = 100
DECAY_SHARE = 0.4
MUON_RATE, MUON_MOMENTUM, MUON_WEIGHT_DECAY = 0.02, 0.95, 0.1
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
ADAM_RATE, ADAM_BETA1, ADAM_BETA2, ADAM_EPS = 0.003, 0.9, 0.95, 1e-10
LOSS_CHUNKS = 8
ATTENTION_BLOCKS = 4  # query blocks per row, to skip masked products
EVAL_ROWS = 32
CHECKPOINT_SECONDS = 150
SEED = 20061


# Model

def init_params(seed):
    """Matrices are stacked over layers and stored (layer, in, out)."""
    rng = np.random.default_rng(seed)
    params = {"embed": rng.normal(0, 0.02, (VOCAB, WIDTH)), "out_norm": np.ones(WIDTH)}
    for name, (rows, cols) in MATRICES.items():
        scale = 0.0 if name in ("o", "down") else rows ** -0.5
        params[name] = rng.normal(0, 1, (LAYERS, rows, cols)) * scale
    for name in NORMS:
        params[name] = np.ones((LAYERS, WIDTH))
    return {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}


def bf16_dot(a, b, a_axis, b_axis):
    """Matrix product of bfloat16 operands accumulated in float32."""
    dims = (((a_axis,), (b_axis,)), ((), ()))
    return jax.lax.dot_general(a, b, dims, preferred_element_type=jnp.float32)


@jax.custom_vjp
def dense(x, weight):
    """x @ weight, (rows, in) @ (in, out), with operands rounded to bfloat16 both ways."""
    return dense_forward(x, weight)[0]


def dense_forward(x, weight):
    """Product, and what its gradient needs."""
    x, weight = x.astype(jnp.bfloat16), weight.astype(jnp.bfloat16)
    return bf16_dot(x, weight, 1, 0), (x, weight)


def dense_backward(saved, grad):
    """Gradients of dense; the barrier keeps the transpose out of the slow product path."""
    x, weight = saved
    grad = grad.astype(jnp.bfloat16)
    return bf16_dot(grad, weight, 1, 1), bf16_dot(jax.lax.optimization_barrier(x.T), grad, 1, 0)


dense.defvjp(dense_forward, dense_backward)


def rms_norm(x, weight):
    """x / rms(x) * weight over the last axis."""
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + NORM_EPS) * weight


def rope_tables(length):
    """Cosines and sines, (length, HEAD_DIM / 2)."""
    frequency = ROPE_BASE ** (-np.arange(0, HEAD_DIM, 2) / HEAD_DIM)
    angle = np.arange(length)[:, None] * frequency
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def rotate(x, cos, sin):
    """Rotary embedding on interleaved pairs (2i, 2i+1); x is (batch, head, time, dim)."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)


def attend(pattern, a, b):
    """Batched product in bfloat16 accumulated in float32."""
    return jnp.einsum(pattern, a.astype(jnp.bfloat16), b.astype(jnp.bfloat16),
                      preferred_element_type=jnp.float32)


@jax.custom_vjp
def softmax(scores):
    """Softmax over the last axis, kept in bfloat16 for the product and the gradient."""
    powers = jnp.exp(scores - scores.max(-1, keepdims=True))
    return (powers / powers.sum(-1, keepdims=True)).astype(jnp.bfloat16)


def softmax_forward(scores):
    """Softmax, and the same again as what its gradient needs."""
    weights = softmax(scores)
    return weights, weights


def softmax_backward(weights, grad):
    """Gradient of softmax."""
    weights, grad = weights.astype(jnp.float32), grad.astype(jnp.float32)
    return (weights * (grad - (weights * grad).sum(-1, keepdims=True)),)


softmax.defvjp(softmax_forward, softmax_backward)


def attend_block(q, k, v, start):
    """Causal attention of the queries from `start` on to all keys up to their own."""
    batch, _, block, _ = q.shape
    q = q.reshape(batch, KV_HEADS, -1, HEAD_DIM)
    k, v = k[:, :, :start + block], v[:, :, :start + block]
    mask = np.tile(np.tril(np.ones((block, start + block), bool), start), (HEADS // KV_HEADS, 1))
    scores = jnp.where(mask, attend("bhqd,bhkd->bhqk", q, k), -1e30)
    return attend("bhqk,bhkd->bhqd", softmax(scores), v).reshape(batch, HEADS, block, HEAD_DIM)


def attention(x, layer, length):
    """Causal grouped-query attention; x is (batch * length, WIDTH)."""
    batch, block = x.shape[0] // length, length // ATTENTION_BLOCKS
    cos, sin = rope_tables(length)
    weight = jnp.concatenate([layer["q"], layer["k"], layer["v"]], 1)
    heads = dense(x, weight).reshape(batch, length, -1, HEAD_DIM).transpose(0, 2, 1, 3)
    q, k, v = jnp.split(heads, [HEADS, HEADS + KV_HEADS], 1)
    q = rotate(q, cos, sin) * HEAD_DIM ** -0.5
    k = rotate(k, cos, sin).astype(jnp.bfloat16)
    mixed = [attend_block(q[:, :, start:start + block], k, v, start) for start in range(0, length, block)]
    return dense(jnp.concatenate(mixed, 2).transpose(0, 2, 1, 3).reshape(batch * length, -1), layer["o"])


def feed_forward(x, layer):
    """SwiGLU."""
    return dense(jax.nn.silu(dense(x, layer["gate"])) * dense(x, layer["up"]), layer["down"])


def hidden_states(params, tokens):
    """Normed final states, (batch * time, WIDTH); times params["embed"].T they are logits."""
    x = params["embed"][tokens].reshape(-1, WIDTH)
    names = (*MATRICES, *NORMS)
    for tensors in zip(*(jnp.unstack(params[name]) for name in names)):
        layer = dict(zip(names, tensors))
        x = x + attention(rms_norm(x, layer["attn_norm"]), layer, tokens.shape[1])
        x = x + feed_forward(rms_norm(x, layer["ffn_norm"]), layer)
    return rms_norm(x, params["out_norm"])


def token_losses(params, rows):
    """Cross-entropy of every token after the first of each row, (batch, time)."""
    @jax.checkpoint
    def chunk_losses(states, targets):
        scores = dense(states, params["embed"].T)
        chosen = jnp.take_along_axis(scores, targets[:, None], -1)[:, 0]
        return jax.nn.logsumexp(scores, -1) - chosen

    targets = rows[:, 1:]
    states = hidden_states(params, rows[:, :-1]).reshape(LOSS_CHUNKS, -1, WIDTH)
    losses = jax.lax.map(lambda pair: chunk_losses(*pair), (states, targets.reshape(LOSS_CHUNKS, -1)))
    return losses.reshape(targets.shape)


# Optimizer

def orthogonalize(update):
    """Newton-Schulz iteration that drives all singular values of each matrix towards 1."""
    wide = update.shape[-2] <= update.shape[-1]
    x = update if wide else update.swapaxes(-1, -2)
    x = x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
    a, b, c = NEWTON_SCHULZ
    for _ in range(5):
        gram = attend("lij,lkj->lik", x, x)
        x = a * x + attend("lij,ljk->lik", b * gram + c * attend("lij,ljk->lik", gram, gram), x)
    return x if wide else x.swapaxes(-1, -2)


def muon(param, grad, momentum, rate):
    """One Muon step with Nesterov momentum and decoupled weight decay."""
    momentum = MUON_MOMENTUM * momentum + (1 - MUON_MOMENTUM) * grad
    direction = orthogonalize((1 - MUON_MOMENTUM) * grad + MUON_MOMENTUM * momentum)
    direction = direction * max(1.0, param.shape[-1] / param.shape[-2]) ** 0.5
    return param - rate * (direction + MUON_WEIGHT_DECAY * param), momentum


def adam(param, grad, first, second, step, rate):
    """One bias-corrected Adam step."""
    first = ADAM_BETA1 * first + (1 - ADAM_BETA1) * grad
    second = ADAM_BETA2 * second + (1 - ADAM_BETA2) * grad * grad
    scale = jnp.sqrt(1 - ADAM_BETA2 ** step) / (1 - ADAM_BETA1 ** step)
    return param - rate * scale * first / (jnp.sqrt(second) + ADAM_EPS), first, second


def init_state(seed):
    """Parameters and optimizer moments in one flat dictionary."""
    state = {}
    for name, value in init_params(seed).items():
        state[f"param/{name}"] = value
        state[f"first/{name}"] = jnp.zeros_like(value)
        if name not in MATRICES:
            state[f"second/{name}"] = jnp.zeros_like(value)
    return state


def params_of(state):
    """The model parameters in a training state."""
    return {key[6:]: value for key, value in state.items() if key.startswith("param/")}


@functools.partial(jax.jit, donate_argnums=0)
def train_step(state, rows, step, multiplier):
    """Returns the next state and the mean loss of this batch."""
    params = params_of(state)
    loss, grads = jax.value_and_grad(lambda p: token_losses(p, rows).mean())(params)
    new = {}
    for name, grad in grads.items():
        param, first = params[name], state[f"first/{name}"]
        if name in MATRICES:
            updated = muon(param, grad, first, MUON_RATE * multiplier)
        else:
            updated = adam(param, grad, first, state[f"second/{name}"], step, ADAM_RATE * multiplier)
        new.update(zip((f"param/{name}", f"first/{name}", f"second/{name}"), updated))
    return new, loss


# Data

def training_rows(tokens, step, length):
    """Rows of length + 1 tokens for a 0-based step: shuffled blocks, freshly cut each epoch."""
    steps_per_epoch = (len(tokens) - CONTEXT - 1) // (CONTEXT * BATCH_BLOCKS)
    epoch, position = divmod(step, steps_per_epoch)
    rng = np.random.default_rng((SEED, epoch))
    offset = rng.integers(CONTEXT)
    order = rng.permutation(steps_per_epoch * BATCH_BLOCKS)
    blocks = order[position * BATCH_BLOCKS:(position + 1) * BATCH_BLOCKS]
    starts = (offset + blocks * CONTEXT)[:, None] + np.arange(0, CONTEXT, length)
    return tokens[starts.reshape(-1, 1) + np.arange(length + 1)].astype(np.int32)


@jax.jit
def second_half_losses(params, rows):
    """Losses of the later half of each row, as llama-perplexity counts them."""
    return token_losses(params, rows)[:, rows.shape[1] // 2:]


def perplexity(params, tokens, length, limit=None):
    """Held-out perplexity over consecutive rows (all complete groups of 8, or `limit` rows)."""
    count = (len(tokens) - 1) // length // 8 * 8
    rows = tokens[np.arange(count)[:, None] * length + np.arange(length + 1)].astype(np.int32)
    if limit:
        rows = rows[::count // limit][:limit // 8 * 8]
    losses = [second_half_losses(params, rows[i:i + 8]) for i in range(0, len(rows), 8)]
    return float(np.exp(np.mean(losses)))


# Run

def save_checkpoint(path, state, counters):
    """Write atomically."""
    temporary = path.with_suffix(".tmp.npz")
    np.savez(temporary, **{k: np.asarray(v) for k, v in state.items()}, **counters)
    os.replace(temporary, path)


def load_checkpoint(path):
    """State and counters of a saved run, or those of a fresh one."""
    if not path.exists():
        return init_state(SEED), {"steps": 0, "tokens": 0, "seconds": 0.0}
    saved = dict(np.load(path))
    counters = {key: saved.pop(key).item() for key in ("steps", "tokens", "seconds")}
    return {key: jnp.asarray(value) for key, value in saved.items()}, counters


def seconds_until(clock):
    """Seconds from now to HH:MM today."""
    hour, minute = map(int, clock.split(":"))
    now = datetime.now()
    return (now.replace(hour=hour, minute=minute, second=0, microsecond=0) - now).total_seconds()


class Log:
    """Prints to the terminal and appends to a file."""

    def __init__(self, path):
        self.path = path

    def __call__(self, text):
        line = f"{datetime.now():%H:%M:%S} {text}"
        print(line, flush=True)
        with self.path.open("a") as file:
            file.write(line + "\n")


def train(work, stop_at):
    """Train until the clock reads `stop_at`, saving a checkpoint every couple of minutes."""
    log = Log(work / "log.txt")
    tokens = np.fromfile(work / "train.bin", np.uint16)
    held_out = np.fromfile(work / "eval.bin", np.uint16)
    state, counters = load_checkpoint(work / "checkpoint.npz")
    earlier, start = counters["seconds"], time.time()
    total = earlier + seconds_until(stop_at)
    last_save, recent = start, []
    while True:
        counters["seconds"] = earlier + time.time() - start
        progress = counters["seconds"] / total
        finished = progress >= 1
        length = STABLE_LENGTH if progress < 1 - DECAY_SHARE else CONTEXT
        if finished or time.time() - last_save > CHECKPOINT_SECONDS:
            value = perplexity(params_of(state), held_out, length, None if finished else EVAL_ROWS)
            log(f"step {counters['steps']} tokens {counters['tokens']} progress {progress:.3f} "
                f"train {np.mean(recent):.4f} held-out ppl@{length} {value:.3f}")
            save_checkpoint(work / "checkpoint.npz", state, counters)
            last_save, recent = time.time(), []
        if finished:
            return
        multiplier = min(1, (counters["steps"] + 1) / WARMUP_STEPS, (1 - progress) / DECAY_SHARE)
        rows = training_rows(tokens, counters["steps"], length)
        state, loss = train_step(state, rows, counters["steps"] + 1.0, multiplier)
        recent.append(float(loss))
        counters["steps"] += 1
        counters["tokens"] += rows.shape[0] * length


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--stop-at", required=True, metavar="HH:MM")
    arguments = parser.parse_args()
    train(arguments.work, arguments.stop_at)
