/// Range asymmetric numeral systems: an entropy coder within a fraction of a percent of the
/// symbols' entropy.
///
/// Duda, "Asymmetric numeral systems" (2013), in the range form with a 64-bit state that is renewed
/// by 32 bits. A stream is, little-endian: UInt64 symbols; UInt16 alphabet − 1; the frequencies,
/// UInt16 each; UInt64 state; UInt32 words in the order the decoder wants them. To decode: slot =
/// state mod 4096 gives the symbol s with start(s) ≤ slot < start(s) + f(s); state ← f(s) ·
/// ⌊state / 4096⌋ + slot − start(s); where that is below 2³¹, state ← state · 2³² + the next word.
public enum RangeANS {
  private static let lowest: UInt64 = 1 << 31

  /// A reason bytes are no stream.
  public enum Fault: Error, Hashable, Sendable {
    case truncated
    case badFrequencies
    case wrongEnd
    /// The stream holds another number of symbols.
    case wrongCount(UInt64)
  }

  /// The stream of `symbols`, all below `alphabet`.
  public static func encode(
    _ symbols: UnsafeBufferPointer<UInt8>, alphabet: Int
  ) -> [UInt8] {
    let model = SymbolFrequencies(of: symbols, alphabet: alphabet)
    let starts = model.starts
    let bits = UInt64(SymbolFrequencies.scaleBits)
    var state = lowest
    var words: [UInt32] = []
    // Last symbol first: the decoder reads the other way round.
    for symbol in symbols.reversed() {
      let frequency = UInt64(model.frequencies[Int(symbol)])
      if state >= ((lowest >> bits) << 32) * frequency {
        words.append(UInt32(truncatingIfNeeded: state))
        state >>= 32
      }
      state = (state / frequency) << bits + state % frequency + UInt64(starts[Int(symbol)])
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(18 + 2 * alphabet + 4 * words.count)
    append(UInt64(symbols.count), to: &bytes)
    append(UInt16(alphabet - 1), to: &bytes)
    for frequency in model.frequencies { append(frequency, to: &bytes) }
    append(state, to: &bytes)
    for word in words.reversed() { append(word, to: &bytes) }
    return bytes
  }

  /// The symbols of a stream, of which there must be `count`.
  public static func decode(
    _ bytes: UnsafeRawBufferPointer, count: Int
  ) throws(Fault) -> [UInt8] {
    var reader = Reader(bytes: bytes)
    let found = try reader.next(UInt64.self)
    guard found == UInt64(count) else { throw .wrongCount(found) }
    let alphabet = Int(try reader.next(UInt16.self)) + 1
    guard alphabet <= 256 else { throw .badFrequencies }
    var frequencies: [UInt16] = []
    for _ in 0..<alphabet { frequencies.append(try reader.next(UInt16.self)) }
    guard let model = SymbolFrequencies(frequencies: frequencies) else { throw .badFrequencies }
    let slots = slots(of: model)
    let starts = model.starts
    var state = try reader.next(UInt64.self)
    var symbols: [UInt8] = []
    for _ in 0..<count {
      let slot = Int(state & 4095)
      let symbol = slots[slot]
      state =
        UInt64(frequencies[Int(symbol)]) &* (state >> 12) &+ UInt64(slot)
        &- UInt64(starts[Int(symbol)])
      if state < lowest { state = (state << 32) | UInt64(try reader.next(UInt32.self)) }
      symbols.append(symbol)
    }
    guard state == lowest, reader.isAtEnd else { throw .wrongEnd }
    return symbols
  }

  /// The symbol of each of the 4,096 slots.
  private static func slots(of model: SymbolFrequencies) -> [UInt8] {
    model.frequencies.enumerated().flatMap { symbol, frequency in
      [UInt8](repeating: UInt8(symbol), count: Int(frequency))
    }
  }

  private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var offset = 0

    var isAtEnd: Bool { offset == bytes.count }

    mutating func next<Value: FixedWidthInteger>(_ type: Value.Type) throws(Fault) -> Value {
      let size = MemoryLayout<Value>.size
      guard bytes.count - offset >= size else { throw .truncated }
      defer { offset += size }
      return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
  }
}
