/// A text as code points: where each starts and what class it is of.
///
/// Bytes that are no UTF-8 become U+FFFD one by one, and overlong forms are shortened, as
/// llama.cpp does; above U+10FFFF, where it gives up, each byte becomes U+FFFD too.
struct ScalarText {
  private(set) var bytes: [UInt8]
  /// Start of each code point in `bytes`, and the end of the last.
  private(set) var starts: [Int]
  private(set) var classes: [UnicodeClass]

  var count: Int { classes.count }

  init(_ text: UnsafeRawBufferPointer, table: UnicodeClasses = .shared) {
    bytes = []
    starts = []
    classes = []
    bytes.reserveCapacity(text.count)
    starts.reserveCapacity(text.count + 1)
    classes.reserveCapacity(text.count)
    var offset = 0
    while offset < text.count {
      let (codePoint, length) = lenientCodePoint(in: text, at: offset)
      starts.append(bytes.count)
      classes.append(table[codePoint])
      if codePoint < 0x80 {
        bytes.append(UInt8(codePoint))
      } else {
        appendUTF8(codePoint, to: &bytes)
      }
      offset += length
    }
    starts.append(bytes.count)
  }

  /// The first byte of code point `index`; zero outside `range`.
  @inline(__always)
  func byte(_ index: Int, in range: Range<Int>) -> UInt8 {
    range.contains(index) ? bytes[starts[index]] : 0
  }

  /// The class of code point `index`; empty outside `range`.
  @inline(__always)
  func classOf(_ index: Int, in range: Range<Int>) -> UnicodeClass {
    range.contains(index) ? classes[index] : []
  }
}

/// Appends a code point's UTF-8, surrogates included.
func appendUTF8(_ codePoint: UInt32, to bytes: inout [UInt8]) {
  func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | (codePoint >> shift & 0x3F)) }
  switch codePoint {
  case ..<0x80:
    bytes.append(UInt8(codePoint))
  case ..<0x800:
    bytes.append(UInt8(0xC0 | codePoint >> 6))
    bytes.append(tail(0))
  case ..<0x1_0000:
    bytes.append(UInt8(0xE0 | codePoint >> 12))
    bytes.append(tail(6))
    bytes.append(tail(0))
  default:
    bytes.append(UInt8(0xF0 | codePoint >> 18))
    bytes.append(tail(12))
    bytes.append(tail(6))
    bytes.append(tail(0))
  }
}

/// Decodes one code point without minding overlong forms or surrogates.
@inline(__always)
func lenientCodePoint(
  in text: UnsafeRawBufferPointer, at offset: Int
) -> (codePoint: UInt32, length: Int) {
  let first = text[offset]
  if first < 0x80 { return (UInt32(first), 1) }
  let length = characterLength(first)
  guard first >= 0xC0, first < 0xF8, offset + length <= text.count else { return (0xFFFD, 1) }
  var value = UInt32(first) & (0xFF >> UInt32(length + 1))
  for index in 1..<length {
    let byte = text[offset + index]
    guard byte & 0xC0 == 0x80 else { return (0xFFFD, 1) }
    value = value << 6 | UInt32(byte & 0x3F)
  }
  return value <= 0x10_FFFF ? (value, length) : (0xFFFD, 1)
}

/// Bytes of the character that `first` begins, by its high bits alone.
@inline(__always)
func characterLength(_ first: UInt8) -> Int {
  switch first >> 4 {
  case 0xC, 0xD: 2
  case 0xE: 3
  case 0xF: 4
  default: 1
  }
}
