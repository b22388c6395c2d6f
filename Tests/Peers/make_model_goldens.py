"""Writes Tests/ViseModelsTests/Fixtures: tiny random models and the logits llama.cpp gives them.

Where a model uses GELU the logits are those of `reference_decoder`, which are checked against
llama.cpp with its table of half floats and then computed without the table.

Usage: LLAMA_LIB=DIR python make_model_goldens.py FIXTURES
Needs numpy and gguf. Each model is written as GGUF (float32, so that llama.cpp rounds like
float32) and as a Hugging Face folder (bfloat16; all weights are chosen to be exact in it).
`NAME.golden` holds two int32 (tokens, vocabulary), the tokens, then float32 logits row by row.
"""

import json
import os
import struct
import sys

import gguf
import numpy

from llama_logits import logits
from reference_decoder import without_table

TOKENS = 48


def exact(values):
    """The nearest bfloat16 numbers, as float32."""
    bits = numpy.ascontiguousarray(values, numpy.float32).view(numpy.uint32)
    return (((bits + 0x8000) >> 16) << 16).astype(numpy.uint32).view(numpy.float32)


class Maker:
    def __init__(self, seed):
        self.random = numpy.random.default_rng(seed)
        self.tensors = {}

    def matrix(self, name, rows, columns, scale=1.0):
        values = self.random.standard_normal((rows, columns)) * scale / numpy.sqrt(columns)
        self.tensors[name] = exact(values)

    def vector(self, name, count, mean=0.0, spread=0.3):
        self.tensors[name] = exact(mean + spread * self.random.standard_normal(count))


def decoder(seed, c):
    """Weights of a pre-norm decoder by their GGUF names; queries and keys unpermuted."""
    m = Maker(seed)
    d, h, kv, f = c["width"], c["length"] * c["heads"], c["length"] * c["kv"], c["ffn"]
    m.matrix("token_embd.weight", c["vocab"], d, 4)
    for b in range(c["blocks"]):
        p = f"blk.{b}."
        m.vector(p + "attn_norm.weight", d, 1)
        m.matrix(p + "attn_q.weight", h, d, 1.5)
        m.matrix(p + "attn_k.weight", kv, d, 1.5)
        m.matrix(p + "attn_v.weight", kv, d)
        if c.get("bias"):
            for name, count in (("attn_q", h), ("attn_k", kv), ("attn_v", kv)):
                m.vector(p + name + ".bias", count, 0, 0.5)
        if c.get("head_norm"):
            m.vector(p + "attn_q_norm.weight", c["length"], 1)
            m.vector(p + "attn_k_norm.weight", c["length"], 1)
        m.matrix(p + "attn_output.weight", d, h)
        if c.get("post_norm"):
            m.vector(p + "post_attention_norm.weight", d, 1)
        m.vector(p + "ffn_norm.weight", d, 1)
        m.matrix(p + "ffn_gate.weight", f, d)
        m.matrix(p + "ffn_up.weight", f, d)
        m.matrix(p + "ffn_down.weight", d, f)
        if c.get("post_norm"):
            m.vector(p + "post_ffw_norm.weight", d, 1)
    m.vector("output_norm.weight", d, 1)
    if c.get("untied"):
        m.matrix("output.weight", c["vocab"], d, 2)
    return m.tensors


def gpt2(seed, c):
    m = Maker(seed)
    d, f = c["width"], c["ffn"]
    m.matrix("token_embd.weight", c["vocab"], d, 4)
    m.matrix("position_embd.weight", c["context"], d, 2)

    def both(name, rows, columns):
        m.matrix(name + ".weight", rows, columns, 1.2)
        m.vector(name + ".bias", rows)

    for b in range(c["blocks"]):
        p = f"blk.{b}."
        for name in ("attn_norm", "ffn_norm"):
            m.vector(p + name + ".weight", d, 1)
            m.vector(p + name + ".bias", d)
        both(p + "attn_qkv", 3 * d, d)
        both(p + "attn_output", d, d)
        both(p + "ffn_up", f, d)
        both(p + "ffn_down", d, f)
    m.vector("output_norm.weight", d, 1)
    m.vector("output_norm.bias", d)
    return m.tensors


def llama3_divisors(length, base, s):
    """transformers' `_compute_llama3_parameters`, as what divides the unscaled frequencies."""
    frequency = base ** (-numpy.arange(0, length, 2, dtype=numpy.float64) / length)
    wave = 2 * numpy.pi / frequency
    old = s["original_max_position_embeddings"]
    low, high = s["low_freq_factor"], s["high_freq_factor"]
    smooth = (old / wave - low) / (high - low)
    between = 1 / ((1 - smooth) / s["factor"] + smooth)
    result = numpy.where(wave > old / low, s["factor"], numpy.where(wave < old / high, 1, between))
    return result.astype(numpy.float32)


def interleave(weight, heads):
    """Rows of each head from halves (i, i + n/2) to neighbours (2i, 2i + 1), as llama GGUF has them."""
    rows = weight.shape[0]
    return weight.reshape(heads, 2, rows // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(path, arch, c, tensors):
    w = gguf.GGUFWriter(path, arch)
    w.add_context_length(c["context"])
    w.add_embedding_length(c["width"])
    w.add_block_count(c["blocks"])
    w.add_feed_forward_length(c["ffn"])
    w.add_head_count(c["heads"])
    if c["kv"] != c["heads"]:
        w.add_head_count_kv(c["kv"])
    if arch == "gpt2":
        w.add_layer_norm_eps(c["eps"])
    else:
        w.add_layer_norm_rms_eps(c["eps"])
        if c["base"] != 10000:
            w.add_rope_freq_base(c["base"])
    if c["length"] * c["heads"] != c["width"]:
        w.add_key_length(c["length"])
        w.add_value_length(c["length"])
    if "linear" in c:
        w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        w.add_rope_scaling_factor(c["linear"])
    if "window" in c:
        w.add_sliding_window(c["window"])
    words = [f"w{i}" for i in range(c["vocab"])]
    if c["tokenizer"] == "gpt2":
        w.add_tokenizer_model("gpt2")
        w.add_tokenizer_pre("gpt-2")
        w.add_token_list(words)
        w.add_token_types([1] * len(words))
        w.add_token_merges(["w 1"])
    else:
        w.add_tokenizer_model("llama")
        w.add_token_list(["<unk>", "<s>", "</s>"] + words[3:])
        w.add_token_scores([0.0] * len(words))
        w.add_token_types([2, 3, 3] + [1] * (len(words) - 3))
    if "llama3" in c:
        w.add_tensor("rope_freqs.weight", llama3_divisors(c["length"], c["base"], c["llama3"]))
    for name, values in tensors.items():
        if arch == "llama" and name.endswith("attn_q.weight"):
            values = interleave(values, c["heads"])
        if arch == "llama" and name.endswith("attn_k.weight"):
            values = interleave(values, c["kv"])
        if c.get("half_embedding") and name == "token_embd.weight":
            values = values.astype(numpy.float16)
        w.add_tensor(name, values)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


DECODER_NAMES = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
GEMMA_NAMES = DECODER_NAMES | {
    "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
GPT2_NAMES = {
    "attn_norm": "ln_1", "ffn_norm": "ln_2", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj",
    "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj",
}


def hub_name(name, arch):
    table = {"gpt2": GPT2_NAMES, "gemma3": GEMMA_NAMES}.get(arch, DECODER_NAMES)
    outer = {
        "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
    } if arch != "gpt2" else {"token_embd": "wte", "position_embd": "wpe", "output_norm": "ln_f"}
    parts = name.split(".")
    if parts[0] == "blk":
        layers = "h" if arch == "gpt2" else "model.layers"
        return f"{layers}.{parts[1]}.{table[parts[2]]}.{parts[3]}"
    return f"{outer[parts[0]]}.{parts[1]}"


def safetensors(path, tensors):
    header, data = {}, b""
    for name, values in tensors.items():
        halves = (values.view(numpy.uint32) >> 16).astype(numpy.uint16).tobytes()
        header[name] = {
            "dtype": "BF16", "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(halves)],
        }
        data += halves
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write_hub(folder, arch, c, tensors):
    os.makedirs(folder, exist_ok=True)
    hub = {}
    for name, values in tensors.items():
        if arch == "gpt2" and values.ndim == 2 and name.startswith("blk."):
            values = values.T
        if arch == "gemma3" and name.endswith("norm.weight"):
            values = values - 1
            assert (exact(values) == values).all()
        hub[hub_name(name, arch)] = numpy.ascontiguousarray(values, numpy.float32)
    if c.get("shards"):
        names = list(hub)
        middle = len(names) // 2
        files = {"model-00001-of-00002.safetensors": names[:middle], "model-00002-of-00002.safetensors": names[middle:]}
        for file, part in files.items():
            safetensors(f"{folder}/{file}", {name: hub[name] for name in part})
        index = {"metadata": {}, "weight_map": {name: file for file, part in files.items() for name in part}}
        with open(f"{folder}/model.safetensors.index.json", "w") as file:
            json.dump(index, file, indent=1)
    else:
        safetensors(f"{folder}/model.safetensors", hub)
    with open(f"{folder}/config.json", "w") as file:
        json.dump(c["hub"], file, indent=1)
        file.write("\n")


def gemma_norms(tensors):
    """Norm weights that stay exact in bfloat16 when 1 is taken off: multiples of 2⁻⁶ near 1."""
    for name in tensors:
        if name.endswith("norm.weight"):
            tensors[name] = numpy.round(tensors[name] * 64).astype(numpy.float32) / 64


def hub_decoder(model_type, c, **extra):
    return {
        "model_type": model_type, "hidden_size": c["width"], "num_hidden_layers": c["blocks"],
        "intermediate_size": c["ffn"], "num_attention_heads": c["heads"], "num_key_value_heads": c["kv"],
        "rms_norm_eps": c["eps"], "max_position_embeddings": c["context"], "vocab_size": c["vocab"],
        "rope_theta": c["base"], "tie_word_embeddings": not c.get("untied", False), "hidden_act": "silu",
        "rope_scaling": None, **extra,
    }


def models():
    small = {"width": 32, "blocks": 2, "ffn": 40, "heads": 4, "kv": 2, "length": 8, "vocab": 96, "context": 64, "eps": 1e-5}
    llama3 = {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    }
    c = small | {"base": 500000.0, "tokenizer": "gpt2", "llama3": llama3}
    c["hub"] = hub_decoder("llama", c, rope_scaling=llama3)
    yield "llama", "llama", c, decoder(1, c)

    c = small | {
        "base": 10000.0, "kv": 4, "tokenizer": "llama", "linear": 4.0, "untied": True,
        "half_embedding": True, "shards": True, "ffn": 36,
    }
    c["hub"] = hub_decoder("mistral", c, rope_scaling={"type": "linear", "factor": 4.0}, sliding_window=None)
    yield "mistral", "llama", c, decoder(2, c)

    c = small | {"base": 1000000.0, "eps": 1e-6, "tokenizer": "gpt2", "bias": True}
    c["hub"] = hub_decoder("qwen2", c, use_sliding_window=False, sliding_window=8, max_window_layers=1)
    yield "qwen2", "qwen2", c, decoder(3, c)

    c = small | {"base": 1000000.0, "eps": 1e-6, "tokenizer": "gpt2", "head_norm": True, "length": 16, "ffn": 32}
    c["hub"] = hub_decoder("qwen3", c, head_dim=16, attention_bias=False)
    yield "qwen3", "qwen3", c, decoder(4, c)

    c = {
        "width": 24, "blocks": 7, "ffn": 16, "heads": 2, "kv": 1, "length": 16, "vocab": 80, "context": 64,
        "eps": 1e-6, "base": 1000000.0, "tokenizer": "llama", "head_norm": True, "post_norm": True,
        "window": 9, "linear": 8.0,
    }
    c["hub"] = hub_decoder(
        "gemma3_text", c, head_dim=16, sliding_window=9, rope_local_base_freq=10000.0,
        rope_scaling={"rope_type": "linear", "factor": 8.0}, query_pre_attn_scalar=16,
        hidden_activation="gelu_pytorch_tanh",
        layer_types=["full_attention" if b % 6 == 5 else "sliding_attention" for b in range(7)])
    del c["hub"]["hidden_act"]
    tensors = decoder(5, c)
    gemma_norms(tensors)
    yield "gemma3", "gemma3", c, tensors

    c = small | {"kv": 4, "ffn": 64, "tokenizer": "gpt2", "base": 10000.0}
    c["hub"] = {
        "model_type": "gpt2", "n_embd": 32, "n_layer": 2, "n_head": 4, "n_inner": 64, "n_positions": 64,
        "n_ctx": 64, "vocab_size": 96, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new",
    }
    yield "gpt2", "gpt2", c, gpt2(6, c)


def main(folder):
    for name, arch, c, tensors in models():
        path = f"{folder}/{name}.gguf"
        write_gguf(path, arch, c, tensors)
        write_hub(f"{folder}/{name}", arch, c, tensors)
        tokens = numpy.random.default_rng(99).integers(3, c["vocab"], TOKENS).astype(numpy.int32)
        values = logits(path, tokens, c["vocab"])
        if name in ("gemma3", "gpt2"):
            emulated, golden = without_table(name, tensors, c, tokens, values)
            # An argument next to a boundary between half floats may be rounded the other way.
            assert numpy.abs(emulated - values).max() < 5e-4
            values = golden
        with open(f"{folder}/{name}.golden", "wb") as file:
            file.write(struct.pack("<ii", TOKENS, c["vocab"]) + tokens.tobytes() + values.tobytes())
        print(name, os.path.getsize(path), "bytes, logits", values.min(), "to", values.max(), "std", values.std())


if __name__ == "__main__":
    main(sys.argv[1])
