"""Reads a compressed-tensors folder with the compressed-tensors package and compares it with plain floats.

Usage: python check_compressed_tensors.py PACKED DENSE
PACKED and DENSE are folders Vise exported of one plan. Every module that PACKED's configuration
targets is unpacked by the package's own code and must have the bits DENSE has; all other tensors must
be equal. Prints how many modules were compared; needs torch, safetensors and compressed-tensors.
"""

import json
import sys

import torch
from compressed_tensors.compressors.pack_quantized.base import PackedQuantizationCompressor
from compressed_tensors.quantization import QuantizationConfig
from safetensors.torch import load_file


def main(packed_folder, dense_folder):
    packed = load_file(packed_folder + "/model.safetensors")
    dense = load_file(dense_folder + "/model.safetensors")
    with open(packed_folder + "/config.json") as file:
        config = QuantizationConfig.model_validate(json.load(file)["quantization_config"])
    assert config.quant_method == "compressed-tensors" and config.format == "pack-quantized"
    count = 0
    for scheme in config.config_groups.values():
        for module in scheme.targets:
            names = [key for key in packed if key.startswith(module + ".weight_")]
            expected = PackedQuantizationCompressor.compression_param_names(scheme)
            assert {key[len(module) + 1 :] for key in names} == set(expected), (module, names)
            state = {key[len(module) + 1 :]: packed.pop(key) for key in names}
            weight = PackedQuantizationCompressor.decompress(state, scheme)["weight"]
            twin = dense.pop(module + ".weight")
            assert weight.dtype == twin.dtype == torch.float16, module
            assert torch.equal(weight.view(torch.int16), twin.view(torch.int16)), module
            count += 1
    assert packed.keys() == dense.keys()
    assert all(torch.equal(packed[key], dense[key]) for key in packed)
    assert all(name + ".weight" in packed for name in config.ignore)
    print(count)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
