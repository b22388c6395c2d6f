import Testing
import ViseCompression
import ViseTensor

@Test(arguments: ["int8", "int4", "int8:dynamic"])
func anInputFormatsNameReadsBackToIt(name: String) throws {
  #expect(try #require(InputFormat(name: name)).name == name)
  let treatment = try #require(Treatment(name: "format=int8:channel inputs=\(name)"))
  #expect(Treatment(name: treatment.name) == treatment)
  #expect(treatment.inputs == InputFormat(name: name) && !treatment.isFormatOnly)
  #expect(treatment.needsCalibration == !name.contains("dynamic"))
}

@Test(arguments: ["int9", "int1", "int08", "int4:dynamic", "int8:static", "float", ""])
func whatIsNoInputFormatIsRefused(name: String) {
  #expect(InputFormat(name: name) == nil)
}

/// Both ends and zero lie on the grid to half a step, and zero exactly.
@Test(arguments: [-1.5...2.5, 0.25...4, -3 ... -1, 0...0] as [ClosedRange<Float>])
func codesOfAnInputCoverItsRange(range: ClosedRange<Float>) {
  for bits in 2...8 {
    let format = InputFormat(bits: bits)
    let (scale, zero) = format.grid(covering: range)
    #expect((0...format.high).contains(zero) && scale > 0)
    let (low, high) = (Float(-zero) * scale, Float(format.high - zero) * scale)
    #expect(low <= min(0, range.lowerBound) + 0.51 * scale)
    #expect(high >= max(0, range.upperBound) - 0.51 * scale)
  }
}

@Test func inputsOfEmbeddingsAreNotQuantized() throws {
  func problem(_ role: SiteRole) -> String? {
    Treatment(inputs: InputFormat(bits: 8)).problem(
      for: Site(index: 0, name: "w", role: role, block: nil, rows: 4, columns: 4, stored: .f32))
  }
  #expect(problem(.convolution) == nil && problem(.linear) == nil)
  for role in [SiteRole.embedding, .recurrentInput, .ffnDown, .tokenEmbedding] {
    #expect(problem(role) != nil)
  }
}
