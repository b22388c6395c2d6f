"""Train story-lm, a 5.8M-parameter Llama, on the CPU with JAX.

Usage:  python train.py WORKDIR --stop-at HH:MM

WORKDIR holds train.bin and eval.bin from prepare.py and receives checkpoint.npz.
Running it again resumes from the checkpoint. The learning rate is constant after a
short warm-up and falls linearly to zero over the last part of the allotted time, so
that training can be given any length. Matrices are trained with Muon, the embedding
and the norms with AdamW. During the decay the sequences double to the full context.

Requirements: python >= 3.10, numpy, jax==0.10.2
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

BATCH_TOKENS = 8192
STABLE_LENGTH = 256
WARMUP_STEPS = 100
DECAY_SHARE = 0.35
MUON_RATE, MUON_MOMENTUM, MUON_WEIGHT_DECAY = 0.02, 0.95, 0.1
ADAM_RATE, ADAM_BETAS, ADAM_EPS = 0.004, (0.9, 0.95), 1e-10
CHECKPOINT_SECONDS = 150
SEED = 20061


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


def split_heads(x, heads):
    """(batch, time, heads * dim) to (batch, heads, time, dim)."""
    return x.reshape(*x.shape[:2], heads, HEAD_DIM).transpose(0, 2, 1, 3)


def attention(x, layer):
    """Causal grouped-query attention."""
    batch, length, _ = x.shape
    cos, sin = rope_tables(length)
    q = rotate(split_heads(x @ layer["q"], HEADS), cos, sin) * HEAD_DIM ** -0.5
    k = rotate(split_heads(x @ layer["k"], KV_HEADS), cos, sin)
    v = split_heads(x @ layer["v"], KV_HEADS)
    q = q.reshape(batch, KV_HEADS, HEADS // KV_HEADS * length, HEAD_DIM)
    scores = jnp.einsum("bhqd,bhkd->bhqk", q, k).reshape(batch, HEADS, length, length)
    scores = jnp.where(np.tril(np.ones((length, length), bool)), scores, -1e30)
    weights = jax.nn.softmax(scores, -1).reshape(batch, KV_HEADS, -1, length)
    mixed = jnp.einsum("bhqk,bhkd->bhqd", weights, v).reshape(batch, HEADS, length, HEAD_DIM)
    return mixed.transpose(0, 2, 1, 3).reshape(batch, length, HEADS * HEAD_DIM) @ layer["o"]


def feed_forward(x, layer):
    """SwiGLU."""
    return (jax.nn.silu(x @ layer["gate"]) * (x @ layer["up"])) @ layer["down"]


def logits(params, tokens):
    """Next-token logits, (batch, time, vocab)."""
    x = params["embed"][tokens]
    for index in range(LAYERS):
        layer = {name: params[name][index] for name in (*MATRICES, *NORMS)}
        x = x + attention(rms_norm(x, layer["attn_norm"]), layer)
        x = x + feed_forward(rms_norm(x, layer["ffn_norm"]), layer)
    return rms_norm(x, params["out_norm"]) @ params["embed"].T


def token_losses(params, tokens):
    """Cross-entropy of each token after the first of each row."""
    scores = logits(params, tokens[:, :-1])
    chosen = jnp.take_along_axis(scores, tokens[:, 1:, None], -1)[..., 0]
    return jax.nn.logsumexp(scores, -1) - chosen
