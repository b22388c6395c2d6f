import ViseDevices

/// Round figures that a person can multiply in their head.
func plainProfile(
  bandwidth: Double = 1e9, peaks: [ComputeWidth: Double] = [.float32: 1e12, .float16: 2e12],
  dequantization: Double = 0, tile: Int = 1, overhead: Double = 0,
  energy: DeviceProfile.Energy? = nil
) -> DeviceProfile {
  DeviceProfile(
    name: "plain", title: "Plain", kind: .gpu, source: "a test",
    memory: DeviceProfile.Memory(
      bandwidth: bandwidth, capacity: 1e9, efficiency: 1, efficiencyReason: "a test"),
    compute: DeviceProfile.Compute(
      peaks: peaks, efficiency: 1, efficiencyReason: "a test", dequantization: dequantization,
      tile: tile),
    overhead: DeviceProfile.Overhead(perOperation: overhead, reason: "a test"), energy: energy)
}

/// One matrix of `rows` × `columns` in `bits` bits a weight.
func oneProduct(
  rows: Int = 1000, columns: Int = 1000, bits: Int = 8, stored: StoredWidth = .integer8
) -> DeviceWorkload {
  let byteCount = rows * columns * bits / 8
  return DeviceWorkload(
    products: [
      DeviceWorkload.Product(rows: rows, columns: columns, byteCount: byteCount, stored: stored)
    ], attentions: [], weightByteCount: byteCount)
}

/// A small decoder: blocks of two products and an attention, and a head.
func smallDecoder(bits: Int, stored: StoredWidth, blocks: Int = 4) -> DeviceWorkload {
  let block = [
    DeviceWorkload.Product(
      rows: 2048, columns: 512, byteCount: 2048 * 512 * bits / 8, stored: stored),
    DeviceWorkload.Product(
      rows: 512, columns: 2048, byteCount: 512 * 2048 * bits / 8, stored: stored),
  ]
  let head = DeviceWorkload.Product(
    rows: 8192, columns: 512, byteCount: 8192 * 512 * bits / 8, stored: stored,
    isLastTokenOnly: true)
  let products = (0..<blocks).flatMap { _ in block } + [head]
  return DeviceWorkload(
    products: products,
    attentions: (0..<blocks).map { _ in
      DeviceWorkload.Attention(heads: 8, keyValueHeads: 2, keyValueLength: 128)
    }, weightByteCount: products.reduce(0) { $0 + $1.byteCount })
}

/// A profile as TOML, with lines replaced by their beginnings.
func profileText(replacing lines: [String: String] = [:], adding more: String = "") -> String {
  let text = """
    version = 1
    name = "mine"
    title = "My device"
    kind = "gpu"
    source = "its data sheet"
    [memory]
    bandwidth = 1e12
    capacity = 8000000000
    efficiency = 0.8
    efficiency_reason = "assumed"
    [compute]
    fp32 = 1e13
    int8 = 4e13
    efficiency = 0.5
    efficiency_reason = "assumed"
    dequantization = 4
    tile = 8
    [overhead]
    per_operation = 1e-6
    reason = "assumed"
    """
  let changed = text.split(separator: "\n").map { line in
    lines.first { line.hasPrefix($0.key) }?.value ?? String(line)
  }
  return changed.joined(separator: "\n") + "\n" + more
}
