/// Finds the number of a byte string among many, by hash.
///
/// Swift strings compare by canonical equivalence, which a vocabulary must not.
struct ByteStringTable: Sendable {
  /// All strings one after the other.
  private(set) var storage: [UInt8] = []
  /// Where each string starts, and the end of the last.
  private(set) var starts: [Int] = [0]
  private var slots: [Int32]
  private var mask: Int
  private let seed: UInt64

  init(minimumCapacity: Int = 0) {
    var size = 16
    while size < minimumCapacity * 2 { size *= 2 }
    slots = Array(repeating: -1, count: size)
    mask = size - 1
    // Seeded, so that no file can be built to make every lookup slow.
    seed = UInt64.random(in: .min ... .max)
  }

  var count: Int { starts.count - 1 }

  func range(of index: Int) -> Range<Int> { starts[index]..<starts[index + 1] }

  func bytes(of index: Int) -> ArraySlice<UInt8> { storage[range(of: index)] }

  /// Adds a string and returns its number; an equal string added before is no longer found.
  @discardableResult
  mutating func append(_ bytes: some Collection<UInt8>) -> Int {
    let index = count
    storage.append(contentsOf: bytes)
    starts.append(storage.count)
    if (index + 1) * 2 > slots.count { grow() }
    insert(index)
    return index
  }

  /// The number of the string equal to `bytes`.
  @inline(__always)
  func find(_ bytes: UnsafeRawBufferPointer) -> Int32? {
    storage.withUnsafeBytes { stored in
      var slot = Int(truncatingIfNeeded: hashBytes(bytes, seed: seed)) & mask
      while slots[slot] >= 0 {
        let range = range(of: Int(slots[slot]))
        if range.count == bytes.count,
          equalBytes(UnsafeRawBufferPointer(rebasing: stored[range]), bytes)
        {
          return slots[slot]
        }
        slot = (slot + 1) & mask
      }
      return nil
    }
  }

  func find(_ bytes: [UInt8]) -> Int32? {
    bytes.span.withUnsafeBytes { find($0) }
  }

  private mutating func insert(_ index: Int) {
    let slot: (Int, Bool) = storage.withUnsafeBytes { stored in
      let bytes = UnsafeRawBufferPointer(rebasing: stored[range(of: index)])
      var slot = Int(truncatingIfNeeded: hashBytes(bytes, seed: seed)) & mask
      while slots[slot] >= 0 {
        let other = UnsafeRawBufferPointer(rebasing: stored[range(of: Int(slots[slot]))])
        if other.count == bytes.count, equalBytes(other, bytes) { return (slot, true) }
        slot = (slot + 1) & mask
      }
      return (slot, false)
    }
    slots[slot.0] = Int32(index)
  }

  private mutating func grow() {
    slots = Array(repeating: -1, count: slots.count * 2)
    mask = slots.count - 1
    for index in 0..<(count - 1) { insert(index) }
  }
}

@inline(__always)
func equalBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
  for index in 0..<left.count where left[index] != right[index] { return false }
  return true
}

/// A multiplicative hash of `bytes`, eight at a time.
@inline(__always)
func hashBytes(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
  let factor: UInt64 = 0x9E37_79B9_7F4A_7C15
  var hash = seed ^ UInt64(bytes.count) &* factor
  var offset = 0
  while offset + 8 <= bytes.count {
    hash = mix(hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self), factor)
    offset += 8
  }
  var tail: UInt64 = 0
  while offset < bytes.count {
    tail = tail << 8 | UInt64(bytes[offset])
    offset += 1
  }
  return mix(hash ^ tail, factor)
}

@inline(__always)
private func mix(_ value: UInt64, _ factor: UInt64) -> UInt64 {
  let (high, low) = value.multipliedFullWidth(by: factor)
  return high ^ low
}

/// Maps pairs of non-negative numbers to a pair of numbers, by hash.
struct PairTable: Sendable {
  private struct Slot {
    var key: UInt64
    var rank: Int32
    var result: Int32
  }

  private var slots: [Slot]
  private var mask: Int
  private(set) var count = 0
  private let seed = UInt64.random(in: .min ... .max)
  /// No pair of non-negative numbers gives this key.
  private static let empty = UInt64.max

  init(minimumCapacity: Int = 0) {
    var size = 16
    while size < minimumCapacity * 2 { size *= 2 }
    slots = Array(repeating: Slot(key: Self.empty, rank: 0, result: 0), count: size)
    mask = size - 1
  }

  /// Adds a pair; one that is already there stays as it is.
  mutating func insert(_ left: Int32, _ right: Int32, rank: Int32, result: Int32) {
    if (count + 1) * 2 > slots.count { grow() }
    let key = Self.key(left, right)
    let slot = place(of: key)
    guard slots[slot].key == Self.empty else { return }
    slots[slot] = Slot(key: key, rank: rank, result: result)
    count += 1
  }

  @inline(__always)
  func find(_ left: Int32, _ right: Int32) -> (rank: Int32, result: Int32)? {
    let slot = slots[place(of: Self.key(left, right))]
    return slot.key == Self.empty ? nil : (slot.rank, slot.result)
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// The slot that holds `key`, or the empty one where it belongs.
  @inline(__always)
  private func place(of key: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: mix(key ^ seed, 0x9E37_79B9_7F4A_7C15)) & mask
    while slots[slot].key != key, slots[slot].key != Self.empty { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func grow() {
    let old = slots
    slots = Array(
      repeating: Slot(key: Self.empty, rank: 0, result: 0), count: old.count * 2)
    mask = slots.count - 1
    for slot in old where slot.key != Self.empty { slots[place(of: slot.key)] = slot }
  }
}
