extension BuiltInProfiles {
  /// Boards and modules at the edge.
  static let edge = [
    """
    version = 1
    name = "rpi5"
    title = "Raspberry Pi 5, 8 GB"
    kind = "cpu"
    source = "Raspberry Pi 5 product brief: four Cortex-A76 at 2.4 GHz, 32-bit LPDDR4X-4267, 8 \
    GB. Peaks derived: cores x clock x 16 float, 32 half or 64 byte operations (SDOT) a cycle, \
    two 128-bit pipes (Arm Cortex-A76 Software Optimization Guide)."
    [memory]
    bandwidth = 17.07e9
    capacity = 8e9
    efficiency = 0.75
    efficiency_reason = "Assumed: memory is shared with display and system, and one client does \
    not reach the channels' peak."
    [compute]
    fp32 = 153.6e9
    fp16 = 307.2e9
    int8 = 614.4e9
    efficiency = 0.8
    efficiency_reason = "Assumed: tuned matrix products at base clock; the clock under vector \
    load is the uncertain part."
    dequantization = 4
    tile = 1
    [overhead]
    per_operation = 5e-6
    reason = "Assumed: one barrier of the thread pool for each product."
    """,
    """
    version = 1
    name = "orin-nano"
    title = "NVIDIA Jetson Orin Nano 8GB (Super mode)"
    kind = "soc"
    source = "NVIDIA Jetson Orin Nano Super data sheet: 102 GB/s, 8 GB, 25 W, 67 sparse int8 \
    TOPS, so 33 dense and 17 in fp16. fp32 derived: 1024 CUDA cores x 2 x 1.02 GHz."
    [memory]
    bandwidth = 102e9
    capacity = 8e9
    efficiency = 0.75
    efficiency_reason = "Assumed: memory is shared with display and system, and one client does \
    not reach the channels' peak."
    [compute]
    fp32 = 2.09e12
    fp16 = 17e12
    int8 = 33e12
    efficiency = 0.5
    efficiency_reason = "Assumed: shared power and memory keep edge devices further from their \
    peak than cards."
    dequantization = 4
    tile = 8
    [overhead]
    per_operation = 1e-5
    reason = "Assumed: one kernel launch on a slow host for each product."
    [energy]
    power = 25
    source = "Highest power mode, NVIDIA Jetson Orin Nano Super data sheet"
    """,
    """
    version = 1
    name = "agx-orin"
    title = "NVIDIA Jetson AGX Orin 64GB (GPU only)"
    kind = "soc"
    source = "NVIDIA Jetson AGX Orin Series Technical Brief: 204.8 GB/s, 64 GB, 60 W, GPU of 5.3 \
    fp32 TFLOPS and 170 sparse int8 TOPS, so 85 dense. fp16 derived as half of that; the two \
    DLAs are left out."
    [memory]
    bandwidth = 204.8e9
    capacity = 64e9
    efficiency = 0.75
    efficiency_reason = "Assumed: memory is shared with display and system, and one client does \
    not reach the channels' peak."
    [compute]
    fp32 = 5.3e12
    fp16 = 42.5e12
    int8 = 85e12
    efficiency = 0.5
    efficiency_reason = "Assumed: shared power and memory keep edge devices further from their \
    peak than cards."
    dequantization = 4
    tile = 8
    [overhead]
    per_operation = 1e-5
    reason = "Assumed: one kernel launch on a slow host for each product."
    [energy]
    power = 60
    source = "Highest power mode, NVIDIA Jetson AGX Orin Series Technical Brief"
    """,
    """
    version = 1
    name = "rk3588-npu"
    title = "Rockchip RK3588 NPU"
    kind = "npu"
    source = "Rockchip RK3588 data sheet: NPU of 6 TOPS (int8) with int4, int8, int16 and \
    half-float modes, 64-bit LPDDR4X or LPDDR5, up to 32 GB. Derived: bandwidth of LPDDR4X-4224; \
    fp16 at half and int4 at twice the int8 rate."
    [memory]
    bandwidth = 33.8e9
    capacity = 32e9
    efficiency = 0.75
    efficiency_reason = "Assumed: memory is shared with display and system, and one client does \
    not reach the channels' peak."
    [compute]
    fp16 = 3e12
    int8 = 6e12
    int4 = 12e12
    efficiency = 0.5
    efficiency_reason = "Assumed: shared power and memory keep edge devices further from their \
    peak than cards."
    dequantization = 4
    tile = 1
    [overhead]
    per_operation = 5e-5
    reason = "Assumed: one command submitted to the NPU driver for each product."
    """,
  ]
}
