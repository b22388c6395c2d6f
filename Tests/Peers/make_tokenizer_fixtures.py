"""Trains tiny tokenizers of each family and records what the reference libraries make of them.

usage: LLAMA_LIB=<directory of libllama.so> make_tokenizer_fixtures.py OUT_DIRECTORY TEXT
Needs the packages tokenizers, sentencepiece, protobuf and gguf. TEXT is any English text to train on.
Writes NAME.json (tokenizer.json files), NAME.gguf (vocabularies) and fixtures.json (ids).
"""

import base64
import io
import json
import os
import sys

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from llama_vocab import LlamaVocab
from tokenizer_cases import cases, family

VOCABULARY = 700
CASED = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
RULES = ["FB01\t66 69", "FB02\t66 6C", "FF11\t31", "FF12\t32", "FF41\t61", "3000\t20", "A0\t20", "9\t20", "A\t20", "D\t20",
         "65 301\tE9", "65 301 323\t1EB9 301", "2460\t31", "2026\t2E 2E 2E", "C5\t41 30A", "200B\t", "AD\t"]


def byte_level(text, split=None, first=(), normalizer=None, specials=("<|endoftext|>",)):
    tokenizer = Tokenizer(models.BPE())
    steps = list(first)
    if split:
        steps.append(pre_tokenizers.Split(Regex(split), "isolated", False))
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None))
    tokenizer.pre_tokenizer = steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(text, trainers.BpeTrainer(
        vocab_size=VOCABULARY, show_progress=False, special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def character_level(text, gemma):
    """BPE over characters with byte tokens: how Llama-2 and Gemma look as tokenizer.json."""
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(text, trainers.BpeTrainer(
        vocab_size=VOCABULARY + 256, show_progress=False, special_tokens=specials, limit_alphabet=90))
    document = json.loads(tokenizer.to_str())
    document["added_tokens"] = document["added_tokens"][:3]
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    if gemma:
        document["normalizer"] = replace
        document["pre_tokenizer"] = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    else:
        document["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replace]}
        document["pre_tokenizer"] = None
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def sentence_piece(text, kind, directory, **options):
    rules = os.path.join(directory, "rules.tsv")
    with open(rules, "w") as file:
        file.write("\n".join(RULES) + "\n")
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text), model_writer=out, vocab_size=VOCABULARY + (256 if kind == "bpe" else 0),
        model_type=kind, byte_fallback=kind == "bpe", character_coverage=0.9995, minloglevel=2, num_threads=1,
        user_defined_symbols=["<mask>", "  "], normalization_rule_tsv=rules, **options)
    os.remove(rules)
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(out.getvalue())
    return model


def unigram_json(model):
    """The same unigram model as the library converts it."""
    pieces = [(piece.piece, piece.score) for piece in model.pieces]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=model.trainer_spec.unk_id, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return tokenizer


def writer(path, kind):
    out = gguf.GGUFWriter(path, "llama")
    out.add_context_length(64)
    out.add_embedding_length(32)
    out.add_block_count(1)
    out.add_feed_forward_length(32)
    out.add_head_count(1)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_tokenizer_model(kind)
    return out


def finish(out):
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def byte_level_gguf(tokenizer, pre, path):
    document = json.loads(tokenizer.to_str())
    vocabulary = sorted(document["model"]["vocab"], key=document["model"]["vocab"].get)
    special = {token["content"] for token in document["added_tokens"]}
    out = writer(path, "gpt2")
    out.add_tokenizer_pre(pre)
    out.add_token_list(vocabulary)
    out.add_token_types([3 if piece in special else 1 for piece in vocabulary])
    out.add_token_merges([" ".join(pair) for pair in document["model"]["merges"]])
    out.add_bos_token_id(0)
    out.add_eos_token_id(0)
    finish(out)


def sentence_piece_gguf(model, path):
    unigram = model.trainer_spec.model_type == 1
    out = writer(path, "t5" if unigram else "llama")
    out.add_token_list([piece.piece for piece in model.pieces])
    out.add_token_scores([piece.score for piece in model.pieces])
    out.add_token_types([piece.type for piece in model.pieces])
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_unk_token_id(0)
    out.add_add_space_prefix(model.normalizer_spec.add_dummy_prefix)
    if unigram:
        out.add_remove_extra_whitespaces(model.normalizer_spec.remove_extra_whitespaces)
        out.add_precompiled_charsmap(model.normalizer_spec.precompiled_charsmap)
    finish(out)


def main():
    directory, source = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        text = file.read()[:200_000].splitlines()
    texts = cases()
    text += [case.decode("utf-8", "replace") for case in texts]
    path = lambda name: os.path.join(directory, name)
    families = []

    def record_json(name, tokenizer):
        tokenizer.save(path(name + ".json"), pretty=False)

        def encode(case, add_special, parse_special):
            tokenizer.encode_special_tokens = not parse_special
            return tokenizer.encode(case.decode("utf-8", "replace"), add_special_tokens=add_special).ids

        families.append(family(name + ".json", name + ".json", texts, encode))

    def record_gguf(name):
        families.append(family(name + ".gguf", name + ".gguf", texts, LlamaVocab(path(name + ".gguf")).encode))

    chat = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    byte_levels = {
        "gpt-2": byte_level(text),
        "llama-bpe": byte_level(text, CASED % "{1,3}"),
        "qwen2": byte_level(text, CASED % "", normalizer=normalizers.NFC(), specials=chat),
        "smollm": byte_level(text, first=[pre_tokenizers.Digits(individual_digits=True)], specials=chat),
    }
    byte_levels["llama-bpe"].model.ignore_merges = True
    byte_levels["llama-bpe"].post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)])
    for name, tokenizer in byte_levels.items():
        record_json(name, tokenizer)
        byte_level_gguf(tokenizer, name, path(name + ".gguf"))
        record_gguf(name)
    record_json("llama-spm", character_level(text, gemma=False))
    record_json("gemma", character_level(text, gemma=True))
    sentence_piece_gguf(sentence_piece(text, "bpe", directory), path("llama-spm.gguf"))
    record_gguf("llama-spm")
    sentence_piece_gguf(sentence_piece(text, "bpe", directory, add_dummy_prefix=False), path("gemma.gguf"))
    record_gguf("gemma")
    unigram = sentence_piece(text, "unigram", directory)
    sentence_piece_gguf(unigram, path("unigram.gguf"))
    record_gguf("unigram")
    record_json("unigram", unigram_json(unigram))
    with open(path("fixtures.json"), "w") as file:
        json.dump({"texts": [base64.b64encode(t).decode() for t in texts], "families": families},
                  file, separators=(",", ":"))


if __name__ == "__main__":
    main()
