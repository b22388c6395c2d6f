import ViseFormats
import ViseTensor

/// How sums lie in a calibration file: four tensors an input, and the text's gram hashes.
enum CalibrationStorage {
  static let gramsName = "text_grams"
  /// Σ x·xᵀ, the upper triangle row by row.
  private static let gram = "gram"
  private static let parts = [gram, "sum", "minimum", "maximum"]

  /// The layout of a file of `inputs`.
  static func layout(
    _ header: CalibrationHeader, inputs: ArraySlice<CalibrationInput>, grams: TextGrams
  ) throws -> SafetensorsLayout {
    var tensors = inputs.flatMap { input in
      parts.map { part in
        SafetensorsLayout.Tensor(
          name: name(input, part), shape: [elementCount(input, part)],
          element: part == "sum" ? .f64 : .f32)
      }
    }
    if !grams.hashes.isEmpty {
      tensors.append(
        SafetensorsLayout.Tensor(
          name: gramsName, shape: [grams.hashes.count], element: .i64))
    }
    return try SafetensorsLayout(metadata: header.metadata, tensors: tensors)
  }

  /// Writes sums, asking `sums` for each input's in turn.
  static func write(
    _ header: CalibrationHeader, inputs: ArraySlice<CalibrationInput>, grams: TextGrams,
    to path: String, replacing: Bool, sums: (CalibrationInput) throws -> InputSums
  ) throws -> Int {
    let layout = try layout(header, inputs: inputs, grams: grams)
    var current: InputSums?
    try SafetensorsWriter.write(layout, to: path, replacing: replacing) { index, sink in
      guard index < inputs.count * parts.count else {
        return try grams.hashes.withUnsafeBytes { try sink.write($0) }
      }
      let input = inputs[inputs.startIndex + index / parts.count]
      let values = try index % parts.count == 0 ? sums(input) : current ?? sums(input)
      current = values
      try write(values, part: index % parts.count, to: sink)
    }
    return layout.byteCount
  }

  private static func write(_ sums: InputSums, part: Int, to sink: TensorSink) throws {
    switch part {
    case 0:
      try withExtendedLifetime(sums.gram) {
        for row in 0..<sums.columns {
          let start = sums.gram.pointer + row * sums.columns + row
          try sink.write(
            UnsafeRawBufferPointer(UnsafeBufferPointer(start: start, count: sums.columns - row)))
        }
      }
    case 1: try sums.sums.withUnsafeBytes { try sink.write($0) }
    case 2: try sums.minimum.withUnsafeBytes { try sink.write($0) }
    default: try sums.maximum.withUnsafeBytes { try sink.write($0) }
    }
  }

  /// The sums of `input` in a checkpoint that `check` accepted.
  static func read(_ input: CalibrationInput, from file: Checkpoint) throws -> InputSums {
    let n = input.columns
    let gram = Matrix.zeros(rows: n, columns: n)
    try bytes(input, Self.gram, file) { bytes in
      var offset = 0
      for row in 0..<n {
        let count = (n - row) * MemoryLayout<Float>.stride
        UnsafeMutableRawPointer(gram.pointer + row * n + row).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]).baseAddress
            ?? UnsafeRawPointer(gram.pointer), byteCount: count)
        offset += count
      }
    }
    return InputSums(
      gram: gram, sums: try values(input, "sum", file), minimum: try values(input, "minimum", file),
      maximum: try values(input, "maximum", file))
  }

  /// Whether the file holds all that `input` needs, in the right types and shapes.
  static func holds(_ input: CalibrationInput, _ file: Checkpoint) -> Bool {
    parts.allSatisfy { part in
      guard let record = file.record(named: name(input, part)) else { return false }
      return record.shape == [elementCount(input, part)]
        && record.type == (part == "sum" ? .f64 : .f32)
    }
  }

  /// The hashes of the text's grams; none where the file has no usable ones.
  static func grams(in file: Checkpoint) -> TextGrams {
    guard let record = file.record(named: gramsName), record.type == .i64,
      record.elementCount <= TextGrams.mostHashes
    else { return TextGrams(hashes: []) }
    return file.withBytes(of: record) { TextGrams(hashes: array($0)) }
  }

  private static func values<Value: BitwiseCopyable>(
    _ input: CalibrationInput, _ part: String, _ file: Checkpoint
  ) throws -> [Value] {
    try bytes(input, part, file) { array($0) }
  }

  private static func array<Value: BitwiseCopyable>(_ bytes: UnsafeRawBufferPointer) -> [Value] {
    let size = MemoryLayout<Value>.stride
    return (0..<bytes.count / size).map {
      bytes.loadUnaligned(fromByteOffset: $0 * size, as: Value.self)
    }
  }

  private static func bytes<Result>(
    _ input: CalibrationInput, _ part: String, _ file: Checkpoint,
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    guard holds(input, file), let record = file.record(named: name(input, part)) else {
      throw CalibrationError.unusableInput(path: file.path, name: input.name)
    }
    return try file.withBytes(of: record, body)
  }

  private static func name(_ input: CalibrationInput, _ part: String) -> String {
    "\(input.name).\(part)"
  }

  private static func elementCount(_ input: CalibrationInput, _ part: String) -> Int {
    part == gram ? input.columns * (input.columns + 1) / 2 : input.columns
  }
}
