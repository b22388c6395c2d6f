import ViseTensor

/// Typed reading and writing of parts, by index in their memory order.
extension EncodedWeight {
  /// Fills a part of half floats.
  func write(half name: String, _ value: (Int) -> Float) {
    let bytes = bytes(name)
    let target = bytes.storage.bindMemory(to: Float16.self)
    for index in 0..<bytes.count / 2 { target[index] = Float16(value(index)) }
  }

  /// Fills a part of float32 numbers.
  func write(float name: String, _ value: (Int) -> Float) {
    let bytes = bytes(name)
    let target = bytes.storage.bindMemory(to: Float.self)
    for index in 0..<bytes.count / 4 { target[index] = value(index) }
  }

  /// Fills a part of bytes.
  func write(byte name: String, _ value: (Int) -> UInt8) {
    let bytes = bytes(name)
    for index in 0..<bytes.count { bytes.storage[index] = value(index) }
  }

  /// A part of half floats.
  func halves(_ name: String) -> [Float] {
    let bytes = bytes(name)
    let source = bytes.storage.bindMemory(to: Float16.self)
    return (0..<bytes.count / 2).map { Float(source[$0]) }
  }

  /// A part of float32 numbers.
  func floats(_ name: String) -> [Float] {
    let bytes = bytes(name)
    let source = bytes.storage.bindMemory(to: Float.self)
    return (0..<bytes.count / 4).map { source[$0] }
  }
}
