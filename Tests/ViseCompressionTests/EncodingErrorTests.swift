import Testing
import ViseCompression
import ViseTensor

@Test func buffersOfTheWrongLengthAreRefused() {
  let values = [Float](repeating: 1, count: 64)
  var bytes = [UInt8](repeating: 0xA5, count: 36)
  values.withUnsafeBufferPointer { values in
    bytes.withUnsafeMutableBytes { bytes in
      let format = StorageType.q4_0
      #expect(throws: EncodingError.wrongValueCount(expected: 96, found: 64)) {
        try format.encode(values, rows: 3, columns: 32, into: bytes)
      }
      #expect(throws: EncodingError.unevenRows(columns: 16, blockLength: 32)) {
        try format.encode(values, rows: 4, columns: 16, into: bytes)
      }
      #expect(throws: EncodingError.wrongByteCount(expected: 68, found: 36)) {
        try StorageType.q8_0.encode(values, rows: 2, columns: 32, into: bytes)
      }
      #expect(throws: EncodingError.wrongImportanceCount(expected: 32, found: 64)) {
        try format.encode(values, rows: 2, columns: 32, into: bytes, importance: values)
      }
      #expect(throws: EncodingError.unsupportedType(.q8_K)) {
        try StorageType.q8_K.encode(values, rows: 1, columns: 64, into: bytes)
      }
    }
  }
  #expect(bytes.allSatisfy { $0 == 0xA5 })
}

@Test func everyEncodableFormatHasAnEncoderAndADecoder() {
  #expect(NumberFormat.encodable.allSatisfy { $0.isEncodable && $0.isDecodable })
  #expect(StorageType.allCases.filter(\.isEncodable).count == NumberFormat.encodable.count)
}

@Test func studyReportsTheFormatsThatFitWithTheirErrors() throws {
  var weights = TestWeights(seed: 4)
  let values = weights.normal(2 * 576, deviation: 0.05)
  let figures = try values.withUnsafeBufferPointer {
    try EncoderStudy(repetitions: 1).figures(of: $0, rows: 2, columns: 576)
  }
  #expect(
    figures.map(\.type) == NumberFormat.encodable.filter { $0.blockLength < 256 })
  for figure in figures {
    let error = squaredError(values, try roundTrip(values, as: figure.type, columns: 576))
    #expect(abs(figure.meanSquaredError - error / 1152) <= 1e-6 * figure.meanSquaredError)
    #expect(figure.weightsPerSecond > 0)
  }
}

@Test func studyWeighsErrorsByTheImportanceGiven() throws {
  var weights = TestWeights(seed: 5)
  let values = weights.normal(2 * 576, deviation: 0.05)
  let importance = EncoderStudy.unevenImportance(columns: 576)
  #expect(importance[0] == 1 && importance[1] == 1 / (1 + Float(7919 % 576) / 16))
  let figures = try values.withUnsafeBufferPointer {
    try EncoderStudy(types: [.q4_0], repetitions: 1).figures(
      of: $0, rows: 2, columns: 576, importance: importance)
  }
  let result = try roundTrip(values, as: .q4_0, columns: 576, importance: importance)
  let expected =
    squaredError(values, result, importance: importance)
    / (2 * importance.reduce(0) { $0 + Double($1) })
  #expect(abs(try #require(figures.first).meanSquaredError - expected) <= 1e-6 * expected)
}
