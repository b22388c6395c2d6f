"""llama.cpp's tokenizer through its shared library; LLAMA_LIB names the directory it is in."""

import ctypes
import os


class ModelParams(ctypes.Structure):
    """`llama_model_params`; only `vocab_only` is set, the rest is taken from the defaults."""

    _fields_ = [
        ("devices", ctypes.c_void_p), ("overrides", ctypes.c_void_p),
        ("n_gpu_layers", ctypes.c_int32), ("split_mode", ctypes.c_int), ("load_mode", ctypes.c_int),
        ("lazy_mode", ctypes.c_int), ("main_gpu", ctypes.c_int32), ("tensor_split", ctypes.c_void_p),
        ("progress", ctypes.c_void_p), ("progress_data", ctypes.c_void_p), ("kv_overrides", ctypes.c_void_p),
        ("vocab_only", ctypes.c_bool), ("check_tensors", ctypes.c_bool), ("use_extra_bufts", ctypes.c_bool),
        ("no_host", ctypes.c_bool), ("no_alloc", ctypes.c_bool), ("load_mtp", ctypes.c_bool),
    ]


def _library():
    directory = os.environ["LLAMA_LIB"]
    for name in ("libggml-base.so", "libggml-cpu.so", "libggml.so"):
        ctypes.CDLL(os.path.join(directory, name), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(os.path.join(directory, "libllama.so"))
    library.llama_model_default_params.restype = ModelParams
    library.llama_model_load_from_file.restype = ctypes.c_void_p
    library.llama_model_load_from_file.argtypes = [ctypes.c_char_p, ModelParams]
    library.llama_model_get_vocab.restype = ctypes.c_void_p
    library.llama_model_get_vocab.argtypes = [ctypes.c_void_p]
    library.llama_tokenize.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.POINTER(ctypes.c_int32), ctypes.c_int32,
        ctypes.c_bool, ctypes.c_bool,
    ]
    log = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    library.quiet = log(lambda level, text, data: None)
    library.llama_log_set(library.quiet, None)
    library.llama_backend_init()
    return library


LIBRARY = None


class LlamaVocab:
    def __init__(self, path):
        global LIBRARY
        LIBRARY = LIBRARY or _library()
        params = LIBRARY.llama_model_default_params()
        params.vocab_only = True
        model = LIBRARY.llama_model_load_from_file(path.encode(), params)
        if not model:
            raise RuntimeError(f"llama.cpp cannot load {path}")
        self.vocab = LIBRARY.llama_model_get_vocab(model)

    def encode(self, text, add_special=False, parse_special=False):
        capacity = 4 * len(text) + 16
        ids = (ctypes.c_int32 * capacity)()
        count = LIBRARY.llama_tokenize(self.vocab, text, len(text), ids, capacity, add_special, parse_special)
        if count < 0:
            raise RuntimeError(f"{-count} tokens for {len(text)} bytes")
        return list(ids[:count])
