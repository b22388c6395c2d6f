extension BuiltInProfiles {
  /// Desktop, server and Apple processors.
  static let processors = [
    """
    version = 1
    name = "ryzen-5800x"
    title = "AMD Ryzen 7 5800X (AVX2)"
    kind = "cpu"
    source = "AMD product page, Ryzen 7 5800X: 8 cores, 3.8 GHz base, two channels of DDR4-3200, \
    105 W. Peaks derived: cores x base clock x 32 float operations (two 256-bit FMA) or 64 byte \
    operations (vpmaddubsw and vpmaddwd on two multiply ports) a cycle."
    [memory]
    bandwidth = 51.2e9
    capacity = 128e9
    efficiency = 0.8
    efficiency_reason = "Assumed: STREAM-like reads on desktop and server processors reach about \
    four fifths of the channels' peak."
    [compute]
    fp32 = 972.8e9
    int8 = 1945.6e9
    efficiency = 0.8
    efficiency_reason = "Assumed: tuned matrix products at base clock; the clock under vector \
    load is the uncertain part."
    dequantization = 4
    tile = 1
    [overhead]
    per_operation = 5e-6
    reason = "Assumed: one barrier of the thread pool for each product."
    [energy]
    power = 105
    source = "TDP, AMD product page"
    """,
    """
    version = 1
    name = "ryzen-9950x"
    title = "AMD Ryzen 9 9950X (AVX-512)"
    kind = "cpu"
    source = "AMD product page, Ryzen 9 9950X: 16 cores, 4.3 GHz base, two channels of \
    DDR5-5600, 170 W. Peaks derived: cores x base clock x 64 float (two 512-bit FMA) or 256 byte \
    operations (two 512-bit VNNI) a cycle."
    [memory]
    bandwidth = 89.6e9
    capacity = 192e9
    efficiency = 0.8
    efficiency_reason = "Assumed: STREAM-like reads on desktop and server processors reach about \
    four fifths of the channels' peak."
    [compute]
    fp32 = 4403.2e9
    int8 = 17612.8e9
    efficiency = 0.8
    efficiency_reason = "Assumed: tuned matrix products at base clock; the clock under vector \
    load is the uncertain part."
    dequantization = 3
    tile = 1
    [overhead]
    per_operation = 5e-6
    reason = "Assumed: one barrier of the thread pool for each product."
    [energy]
    power = 170
    source = "TDP, AMD product page"
    """,
    """
    version = 1
    name = "epyc-9654"
    title = "AMD EPYC 9654 (Zen 4, one socket)"
    kind = "cpu"
    source = "AMD EPYC 9004 Series data sheet: 96 cores, 2.4 GHz base, 12 channels of DDR5-4800 \
    (460.8 GB/s), 6 TB, 360 W. Peaks derived: cores x base clock x 32 float or 128 byte \
    operations (VNNI) a cycle, 512-bit instructions in two halves."
    [memory]
    bandwidth = 460.8e9
    capacity = 6e12
    efficiency = 0.8
    efficiency_reason = "Assumed: STREAM-like reads on desktop and server processors reach about \
    four fifths of the channels' peak."
    [compute]
    fp32 = 7372.8e9
    int8 = 29491.2e9
    efficiency = 0.8
    efficiency_reason = "Assumed: tuned matrix products at base clock; the clock under vector \
    load is the uncertain part."
    dequantization = 3
    tile = 1
    [overhead]
    per_operation = 1e-5
    reason = "Assumed: one barrier over many cores for each product."
    [energy]
    power = 360
    source = "TDP, AMD EPYC 9004 Series data sheet"
    """,
    """
    version = 1
    name = "xeon-8480"
    title = "Intel Xeon Platinum 8480+ (AMX, one socket)"
    kind = "cpu"
    source = "Intel product specifications, Xeon Platinum 8480+: 56 cores, 2.0 GHz base, 8 \
    channels of DDR5-4800, 4 TB, 350 W. Peaks derived: cores x base clock x 64 float (AVX-512), \
    1024 bfloat16 or 2048 byte operations (Intel AMX overview) a cycle."
    [memory]
    bandwidth = 307.2e9
    capacity = 4e12
    efficiency = 0.8
    efficiency_reason = "Assumed: STREAM-like reads on desktop and server processors reach about \
    four fifths of the channels' peak."
    [compute]
    fp32 = 7168e9
    fp16 = 114688e9
    int8 = 229376e9
    efficiency = 0.6
    efficiency_reason = "Assumed: large matrix products reach half to three quarters of the \
    published tensor peak."
    dequantization = 3
    tile = 16
    [overhead]
    per_operation = 1e-5
    reason = "Assumed: one barrier over many cores for each product."
    [energy]
    power = 350
    source = "TDP, Intel product specifications"
    """,
    """
    version = 1
    name = "apple-m2"
    title = "Apple M2, 10-core GPU"
    kind = "soc"
    source = "Apple newsroom, 6 June 2022: 100 GB/s unified memory, up to 24 GB, GPU of 3.6 \
    teraflops. Half floats taken at the rate of floats; no narrower matrix units are published \
    for the GPU."
    [memory]
    bandwidth = 100e9
    capacity = 24e9
    efficiency = 0.85
    efficiency_reason = "Assumed: GPU streaming reads on unified memory come near the published \
    peak."
    [compute]
    fp32 = 3.6e12
    fp16 = 3.6e12
    efficiency = 0.6
    efficiency_reason = "Assumed: large matrix products reach half to three quarters of the \
    published tensor peak."
    dequantization = 4
    tile = 1
    [overhead]
    per_operation = 3e-6
    reason = "Assumed: one kernel launch from a captured graph for each product."
    """,
    """
    version = 1
    name = "apple-m3-max"
    title = "Apple M3 Max, 40-core GPU"
    kind = "soc"
    source = "Apple newsroom, 30 October 2023: 400 GB/s unified memory, up to 128 GB, 40 GPU \
    cores. Apple publishes no rate: derived as 40 cores x 128 lanes x 2 x 1.4 GHz, a clock users \
    report. Half floats taken at the same rate."
    [memory]
    bandwidth = 400e9
    capacity = 128e9
    efficiency = 0.85
    efficiency_reason = "Assumed: GPU streaming reads on unified memory come near the published \
    peak."
    [compute]
    fp32 = 14.3e12
    fp16 = 14.3e12
    efficiency = 0.6
    efficiency_reason = "Assumed: large matrix products reach half to three quarters of the \
    published tensor peak."
    dequantization = 4
    tile = 1
    [overhead]
    per_operation = 3e-6
    reason = "Assumed: one kernel launch from a captured graph for each product."
    """,
    """
    version = 1
    name = "apple-m4-max"
    title = "Apple M4 Max, 40-core GPU"
    kind = "soc"
    source = "Apple newsroom, 30 October 2024: 546 GB/s unified memory, up to 128 GB, 40 GPU \
    cores. Apple publishes no rate: derived as 40 cores x 128 lanes x 2 x 1.58 GHz, a clock \
    users report. Half floats taken at the same rate."
    [memory]
    bandwidth = 546e9
    capacity = 128e9
    efficiency = 0.85
    efficiency_reason = "Assumed: GPU streaming reads on unified memory come near the published \
    peak."
    [compute]
    fp32 = 16.2e12
    fp16 = 16.2e12
    efficiency = 0.6
    efficiency_reason = "Assumed: large matrix products reach half to three quarters of the \
    published tensor peak."
    dequantization = 4
    tile = 1
    [overhead]
    per_operation = 3e-6
    reason = "Assumed: one kernel launch from a captured graph for each product."
    """,
  ]
}
