extension BuiltInProfiles {
  /// Graphics cards and data-centre accelerators.
  static let accelerators = [
    """
    version = 1
    name = "rtx4090"
    title = "NVIDIA GeForce RTX 4090"
    kind = "gpu"
    source = "NVIDIA Ada GPU Architecture whitepaper, appendix: 1008 GB/s, 24 GB, dense tensor \
    rates (fp16 and fp8 with fp32 accumulation), 450 W."
    [memory]
    bandwidth = 1008e9
    capacity = 24e9
    efficiency = 0.85
    efficiency_reason = "Assumed: streaming kernels on HBM and GDDR cards reach 80 to 90 percent \
    of the published peak."
    [compute]
    fp32 = 82.6e12
    fp16 = 165.2e12
    fp8 = 330.3e12
    int8 = 660.6e12
    int4 = 1321.2e12
    efficiency = 0.6
    efficiency_reason = "Assumed: large matrix products reach half to three quarters of the \
    published tensor peak."
    dequantization = 4
    tile = 8
    [overhead]
    per_operation = 3e-6
    reason = "Assumed: one kernel launch from a captured graph for each product."
    [energy]
    power = 450
    source = "Total graphics power, NVIDIA Ada GPU Architecture whitepaper"
    """,
    """
    version = 1
    name = "a100-80gb"
    title = "NVIDIA A100 80GB SXM"
    kind = "gpu"
    source = "NVIDIA A100 Tensor Core GPU data sheet (80 GB SXM): 2039 GB/s, dense tensor rates, \
    400 W; int4 from the A100 architecture whitepaper."
    [memory]
    bandwidth = 2039e9
    capacity = 80e9
    efficiency = 0.85
    efficiency_reason = "Assumed: streaming kernels on HBM and GDDR cards reach 80 to 90 percent \
    of the published peak."
    [compute]
    fp32 = 19.5e12
    fp16 = 312e12
    int8 = 624e12
    int4 = 1248e12
    efficiency = 0.6
    efficiency_reason = "Assumed: large matrix products reach half to three quarters of the \
    published tensor peak."
    dequantization = 4
    tile = 8
    [overhead]
    per_operation = 3e-6
    reason = "Assumed: one kernel launch from a captured graph for each product."
    [energy]
    power = 400
    source = "Maximum TDP, NVIDIA A100 data sheet"
    """,
    """
    version = 1
    name = "h100-sxm"
    title = "NVIDIA H100 80GB SXM"
    kind = "gpu"
    source = "NVIDIA H100 Tensor Core GPU data sheet (SXM): 3.35 TB/s, 80 GB, 700 W; tensor \
    rates are half of the sparse ones printed there. No int4 units."
    [memory]
    bandwidth = 3.35e12
    capacity = 80e9
    efficiency = 0.85
    efficiency_reason = "Assumed: streaming kernels on HBM and GDDR cards reach 80 to 90 percent \
    of the published peak."
    [compute]
    fp32 = 67e12
    fp16 = 989.5e12
    fp8 = 1979e12
    int8 = 1979e12
    efficiency = 0.6
    efficiency_reason = "Assumed: large matrix products reach half to three quarters of the \
    published tensor peak."
    dequantization = 4
    tile = 8
    [overhead]
    per_operation = 3e-6
    reason = "Assumed: one kernel launch from a captured graph for each product."
    [energy]
    power = 700
    source = "Maximum TDP, NVIDIA H100 data sheet"
    """,
    """
    version = 1
    name = "h200-sxm"
    title = "NVIDIA H200 141GB SXM"
    kind = "gpu"
    source = "NVIDIA H200 Tensor Core GPU data sheet (SXM): 4.8 TB/s, 141 GB, 700 W; tensor \
    rates are half of the sparse ones printed there. No int4 units."
    [memory]
    bandwidth = 4.8e12
    capacity = 141e9
    efficiency = 0.85
    efficiency_reason = "Assumed: streaming kernels on HBM and GDDR cards reach 80 to 90 percent \
    of the published peak."
    [compute]
    fp32 = 67e12
    fp16 = 989.5e12
    fp8 = 1979e12
    int8 = 1979e12
    efficiency = 0.6
    efficiency_reason = "Assumed: large matrix products reach half to three quarters of the \
    published tensor peak."
    dequantization = 4
    tile = 8
    [overhead]
    per_operation = 3e-6
    reason = "Assumed: one kernel launch from a captured graph for each product."
    [energy]
    power = 700
    source = "Maximum TDP, NVIDIA H200 data sheet"
    """,
  ]
}
