import Glibc
import Testing
import ViseCompression
import ViseTensor

@Suite struct DistortionTests {
  private let original: [Float] = [3, -4, 0, 12]
  private let treated: [Float] = [3, -3, 1, 12]

  private func distortion(_ a: [Float], _ b: [Float]) -> Distortion {
    Distortion(original: a, treated: b, count: a.count)
  }

  @Test func figuresAreThoseOfTheDefinitions() {
    // Σx² = 169, Σ(x−y)² = 2, Σxy = 165, Σy² = 163.
    let found = distortion(original, treated)
    #expect(abs(found.normalizedError - 2.0 / 169) < 1e-15)
    #expect(abs(found.signalToNoiseDecibels - 10 * log10(169.0 / 2)) < 1e-12)
    #expect(abs(found.cosine - 165 / (169.0 * 163).squareRoot()) < 1e-15)
  }

  @Test func equalValuesHaveNoError() {
    let found = distortion(original, original)
    #expect(found.normalizedError == 0)
    #expect(found.signalToNoiseDecibels == .infinity)
    #expect(found.cosine == 1)
    #expect(distortion([0, 0], [0, 0]).cosine == 1)
  }

  @Test func allZeroLeavesOnlyNoise() {
    let found = distortion(original, [0, 0, 0, 0])
    #expect(found.normalizedError == 1)
    #expect(found.signalToNoiseDecibels == 0)
    #expect(found.cosine == 0)
    #expect(distortion([0, 0], [1, 0]).signalToNoiseDecibels == -.infinity)
  }

  @Test func partsAddUpToTheWhole() {
    var sum = distortion([3, -4], [3, -3])
    sum.add(distortion([0, 12], [1, 12]))
    #expect(sum == distortion(original, treated))
    let whole = Distortion(
      original: Matrix(rows: 2, columns: 2, values: original),
      treated: Matrix(rows: 2, columns: 2, values: treated))
    #expect(sum == whole)
  }
}
