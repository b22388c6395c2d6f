"""Logits of a GGUF model from llama.cpp's shared library; LLAMA_LIB names the directory it is in.

Everything that would round more than float32 does is off: the key/value cache is float32, flash
attention and repacked weights are off. GELU stays what ggml makes of it, a table of half floats.
"""

import ctypes
import os

import numpy

c_int32, c_uint32, c_float, c_bool, c_void_p = (
    ctypes.c_int32, ctypes.c_uint32, ctypes.c_float, ctypes.c_bool, ctypes.c_void_p,
)


class ModelParams(ctypes.Structure):
    _fields_ = [
        ("devices", c_void_p), ("overrides", c_void_p), ("n_gpu_layers", c_int32),
        ("split_mode", ctypes.c_int), ("load_mode", ctypes.c_int), ("lazy_mode", ctypes.c_int),
        ("main_gpu", c_int32), ("tensor_split", c_void_p), ("progress", c_void_p),
        ("progress_data", c_void_p), ("kv_overrides", c_void_p), ("vocab_only", c_bool),
        ("check_tensors", c_bool), ("use_extra_bufts", c_bool), ("no_host", c_bool),
        ("no_alloc", c_bool), ("load_mtp", c_bool),
    ]


class ContextParams(ctypes.Structure):
    _fields_ = [
        ("n_ctx", c_uint32), ("n_batch", c_uint32), ("n_ubatch", c_uint32), ("n_seq_max", c_uint32),
        ("n_rs_seq", c_uint32), ("n_outputs_max", c_uint32), ("n_outputs_max_per_seq", c_uint32),
        ("n_threads", c_int32), ("n_threads_batch", c_int32), ("ctx_type", ctypes.c_int),
        ("rope_scaling_type", ctypes.c_int), ("pooling_type", ctypes.c_int),
        ("attention_type", ctypes.c_int), ("flash_attn_type", ctypes.c_int),
        ("rope_freq_base", c_float), ("rope_freq_scale", c_float), ("yarn_ext_factor", c_float),
        ("yarn_attn_factor", c_float), ("yarn_beta_fast", c_float), ("yarn_beta_slow", c_float),
        ("yarn_orig_ctx", c_uint32), ("defrag_thold", c_float), ("cb_eval", c_void_p),
        ("cb_eval_user_data", c_void_p), ("type_k", ctypes.c_int), ("type_v", ctypes.c_int),
        ("abort_callback", c_void_p), ("abort_callback_data", c_void_p), ("embeddings", c_bool),
        ("offload_kqv", c_bool), ("no_perf", c_bool), ("op_offload", c_bool), ("swa_full", c_bool),
        ("kv_unified", c_bool), ("samplers", c_void_p), ("n_samplers", ctypes.c_size_t),
        ("ctx_other", c_void_p),
    ]


class Batch(ctypes.Structure):
    _fields_ = [
        ("n_tokens", c_int32), ("token", ctypes.POINTER(c_int32)), ("embd", c_void_p),
        ("pos", ctypes.POINTER(c_int32)), ("n_seq_id", ctypes.POINTER(c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(c_int32))), ("logits", ctypes.POINTER(ctypes.c_int8)),
    ]


def _library():
    directory = os.environ["LLAMA_LIB"]
    for name in ("libggml-base.so", "libggml-cpu.so", "libggml.so"):
        ctypes.CDLL(os.path.join(directory, name), mode=ctypes.RTLD_GLOBAL)
    lib = ctypes.CDLL(os.path.join(directory, "libllama.so"))
    lib.llama_model_default_params.restype = ModelParams
    lib.llama_context_default_params.restype = ContextParams
    lib.llama_model_load_from_file.restype = c_void_p
    lib.llama_model_load_from_file.argtypes = [ctypes.c_char_p, ModelParams]
    lib.llama_init_from_model.restype = c_void_p
    lib.llama_init_from_model.argtypes = [c_void_p, ContextParams]
    lib.llama_batch_init.restype = Batch
    lib.llama_batch_init.argtypes = [c_int32, c_int32, c_int32]
    lib.llama_decode.argtypes = [c_void_p, Batch]
    lib.llama_get_logits.restype = ctypes.POINTER(c_float)
    lib.llama_get_logits.argtypes = [c_void_p]
    lib.llama_free.argtypes = [c_void_p]
    lib.llama_model_free.argtypes = [c_void_p]
    log = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, c_void_p)
    lib.log = log(lambda level, text, data: print(text.decode(), end="") if os.environ.get("VERBOSE") else None)
    lib.llama_log_set(lib.log, None)
    lib.llama_backend_init()
    return lib


LIBRARY = None


def logits(path, tokens, vocabulary):
    """Logits after each of `tokens`, which are one sequence: tokens × vocabulary."""
    global LIBRARY
    LIBRARY = lib = LIBRARY or _library()
    params = lib.llama_model_default_params()
    params.use_extra_bufts = False
    model = lib.llama_model_load_from_file(path.encode(), params)
    if not model:
        raise RuntimeError(f"llama.cpp cannot load {path}")
    options = lib.llama_context_default_params()
    options.n_ctx = 64
    options.n_batch = options.n_ubatch = 64
    options.n_threads = options.n_threads_batch = 1
    options.flash_attn_type = 0
    options.type_k = options.type_v = 0
    options.swa_full = True
    context = lib.llama_init_from_model(model, options)
    batch = lib.llama_batch_init(len(tokens), 0, 1)
    batch.n_tokens = len(tokens)
    for index, token in enumerate(tokens):
        batch.token[index] = int(token)
        batch.pos[index] = index
        batch.n_seq_id[index] = 1
        batch.seq_id[index][0] = 0
        batch.logits[index] = 1
    if lib.llama_decode(context, batch) != 0:
        raise RuntimeError("decode failed")
    values = numpy.ctypeslib.as_array(lib.llama_get_logits(context), (len(tokens), vocabulary)).copy()
    lib.llama_free(context)
    lib.llama_model_free(model)
    return values
