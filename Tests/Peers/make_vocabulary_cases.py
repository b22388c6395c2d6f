"""Writes the ids llama.cpp gives the hard texts under real vocabularies.

usage: LLAMA_LIB=<directory of libllama.so> make_vocabulary_cases.py OUT.json NAME=VOCAB.gguf ...
Each text is encoded plainly; some also with special tokens added and read from the text.
"""

import base64
import json
import os
import sys

from llama_vocab import LlamaVocab
from tokenizer_cases import cases, family


def main():
    out, *models = sys.argv[1:]
    texts = cases()
    families = []
    for argument in models:
        name, path = argument.split("=", 1)
        vocab = LlamaVocab(path)
        families.append(family(name, os.path.basename(path), texts, vocab.encode))
    with open(out, "w") as file:
        json.dump({"texts": [base64.b64encode(t).decode() for t in texts], "families": families},
                  file, separators=(",", ":"))


if __name__ == "__main__":
    main()
