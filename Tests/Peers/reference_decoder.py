"""Gemma 3 and GPT-2 in float64, to tell what llama.cpp's GELU table adds.

llama.cpp looks GELU up by a half float argument in a table of half floats. With the same table
these functions must give llama.cpp's logits to float32 rounding, and without it they are the golden.
"""

import numpy


def gelu(x):
    return 0.5 * x * (1 + numpy.tanh(numpy.sqrt(2 / numpy.pi) * (x + 0.044715 * x**3)))


def table_gelu(x):
    """ggml's lookup: half in, half out; the tails are 0 and x itself."""
    halves = x.astype(numpy.float16)
    values = gelu(halves.astype(numpy.float32)).astype(numpy.float16).astype(numpy.float64)
    return numpy.where(x <= -10, 0, numpy.where(x >= 10, x, values))


def rms_norm(x, weight, eps):
    return x / numpy.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight


def layer_norm(x, weight, bias, eps):
    x = x - x.mean(-1, keepdims=True)
    return x / numpy.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight + bias


def rotate(x, base, scale):
    """Halves (i, i + n/2) of each head; x is tokens × heads × n."""
    half = x.shape[-1] // 2
    angle = numpy.arange(len(x))[:, None] / scale * base ** (-numpy.arange(half) / half)
    cos, sin = numpy.cos(angle)[:, None], numpy.sin(angle)[:, None]
    a, b = x[..., :half], x[..., half:]
    return numpy.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def attend(q, k, v, window=None):
    """Causal attention, tokens × heads × n; key heads are shared by runs of query heads."""
    count = len(q)
    k, v = (numpy.repeat(x, q.shape[1] // x.shape[1], 1) for x in (k, v))
    scores = numpy.einsum("qhn,khn->hqk", q, k) / numpy.sqrt(q.shape[-1])
    distance = numpy.arange(count)[:, None] - numpy.arange(count)
    hidden = (distance < 0) | (distance >= (window or count))
    scores = numpy.where(hidden, -numpy.inf, scores)
    p = numpy.exp(scores - scores.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return numpy.einsum("hqk,khn->qhn", p, v).reshape(count, -1)


def gemma3(w, c, tokens, gelu):
    x = w["token_embd.weight"][tokens] * numpy.sqrt(c["width"])
    for b in range(c["blocks"]):
        def norm(y, name):
            return rms_norm(y, w[f"blk.{b}.{name}.weight"], c["eps"])

        def linear(y, name):
            return y @ w[f"blk.{b}.{name}.weight"].T

        def heads(y):
            return y.reshape(len(tokens), -1, c["length"])

        y = norm(x, "attn_norm")
        local = b % 6 != 5
        base, scale = (10000.0, 1) if local else (c["base"], c["linear"])
        q = rotate(norm(heads(linear(y, "attn_q")), "attn_q_norm"), base, scale)
        k = rotate(norm(heads(linear(y, "attn_k")), "attn_k_norm"), base, scale)
        y = attend(q, k, heads(linear(y, "attn_v")), c["window"] if local else None)
        x = x + norm(linear(y, "attn_output"), "post_attention_norm")
        y = norm(x, "ffn_norm")
        y = linear(gelu(linear(y, "ffn_gate")) * linear(y, "ffn_up"), "ffn_down")
        x = x + norm(y, "post_ffw_norm")
    return rms_norm(x, w["output_norm.weight"], c["eps"]) @ w["token_embd.weight"].T


def gpt2(w, c, tokens, gelu):
    x = w["token_embd.weight"][tokens] + w["position_embd.weight"][: len(tokens)]

    def norm(y, name):
        return layer_norm(y, w[name + ".weight"], w[name + ".bias"], c["eps"])

    for b in range(c["blocks"]):
        def linear(y, name):
            return y @ w[f"blk.{b}.{name}.weight"].T + w[f"blk.{b}.{name}.bias"]

        qkv = linear(norm(x, f"blk.{b}.attn_norm"), "attn_qkv").reshape(len(tokens), 3, c["heads"], -1)
        x = x + linear(attend(qkv[:, 0], qkv[:, 1], qkv[:, 2]), "attn_output")
        x = x + linear(gelu(linear(norm(x, f"blk.{b}.ffn_norm"), "ffn_up")), "ffn_down")
    return norm(x, "output_norm") @ w["token_embd.weight"].T


def without_table(name, tensors, c, tokens, llama):
    """Golden logits of a model with GELU, after checking them against `llama` with its table."""
    forward = {"gemma3": gemma3, "gpt2": gpt2}[name]
    weights = {key: values.astype(numpy.float64) for key, values in tensors.items()}
    emulated = forward(weights, c, tokens, table_gelu)
    print(name, "largest deviation from llama.cpp with its table", numpy.abs(emulated - llama).max())
    golden = forward(weights, c, tokens, gelu)
    print(name, "what the table changes at most", numpy.abs(golden - llama).max())
    return emulated, golden.astype(numpy.float32)
