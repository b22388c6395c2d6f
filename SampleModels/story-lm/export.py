"""Write a checkpoint of train.py and the tokenizer as an F16 GGUF file.

Usage:  python export.py WORKDIR OUTPUT.gguf

The model is trained with interleaved rotary pairs, which is what the `llama`
architecture of GGUF expects, so no row needs to be permuted.

Requirements: python >= 3.10, numpy==2.4.6, jax==0.10.2, gguf==0.19.0
"""

import json
import os
import sys
from pathlib import Path

import gguf
import numpy as np

import train

HERE = Path(__file__).resolve().parent
END_OF_TEXT = "<|endoftext|>"
TENSORS = {
    "q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output",
    "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down",
}


def add_general(writer):
    """general.* metadata."""
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name("story-lm")
    writer.add_basename("story-lm")
    writer.add_size_label("5.8M")
    writer.add_description(
        "A small Llama-architecture language model trained from scratch on Wikipedia prose (enwik8).")
    writer.add_license("cc-by-sa-3.0")
    writer.add_license_name("Creative Commons Attribution-ShareAlike 3.0")
    writer.add_license_link("https://creativecommons.org/licenses/by-sa/3.0/")
    writer.add_languages(["en"])
    writer.add_tags(["text-generation"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def add_architecture(writer):
    """llama.* metadata."""
    writer.add_vocab_size(train.VOCAB)
    writer.add_context_length(train.CONTEXT)
    writer.add_embedding_length(train.WIDTH)
    writer.add_block_count(train.LAYERS)
    writer.add_feed_forward_length(train.FFN)
    writer.add_head_count(train.HEADS)
    writer.add_head_count_kv(train.KV_HEADS)
    writer.add_key_length(train.HEAD_DIM)
    writer.add_value_length(train.HEAD_DIM)
    writer.add_rope_dimension_count(train.HEAD_DIM)
    writer.add_rope_freq_base(train.ROPE_BASE)
    writer.add_layer_norm_rms_eps(train.NORM_EPS)


def add_tokenizer(writer, path):
    """tokenizer.ggml.* metadata from a tokenizer.json."""
    model = json.loads(path.read_text(encoding="utf-8"))["model"]
    ids = dict(model["vocab"])
    end = ids.setdefault(END_OF_TEXT, len(ids))
    tokens = sorted(ids, key=ids.get)
    assert [ids[token] for token in tokens] == list(range(train.VOCAB))
    types = [gguf.TokenType.CONTROL if token == END_OF_TEXT else gguf.TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(pair) for pair in model["merges"]])
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)


def add_tensors(writer, params):
    """Matrices as F16 rows of outputs, norms as F32."""
    writer.add_tensor("token_embd.weight", params["embed"].astype(np.float16))
    writer.add_tensor("output_norm.weight", params["out_norm"])
    for index in range(train.LAYERS):
        for name in train.NORMS:
            writer.add_tensor(f"blk.{index}.{name}.weight", params[name][index])
        for name, tensor in TENSORS.items():
            matrix = np.ascontiguousarray(params[name][index].T.astype(np.float16))
            writer.add_tensor(f"blk.{index}.{tensor}.weight", matrix)


def export(work, output):
    """Write to a temporary name first, then rename."""
    state, _ = train.load_checkpoint(work / "checkpoint.npz")
    params = {name: np.asarray(value) for name, value in train.params_of(state).items()}
    temporary = output.with_name(output.name + ".tmp")
    writer = gguf.GGUFWriter(temporary, "llama")
    add_general(writer)
    add_architecture(writer)
    add_tokenizer(writer, HERE / "tokenizer.json")
    add_tensors(writer, params)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(temporary, output)


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
