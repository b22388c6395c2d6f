import Testing
import ViseTensor

/// Powers of two, lengths with Paley bases (12, 20, 28, 36, 44, 60), and such without.
private let lengths = [1, 2, 4, 8, 64, 12, 24, 20, 40, 28, 36, 72, 44, 60, 3, 6, 92]

/// The transform as a matrix: its rows are the images of the unit vectors, transposed.
private func matrix(of transform: HadamardTransform) -> Plain {
  let rows = Matrix.identity(transform.length)
  transform.apply(to: rows)
  return Plain(rows).transposed
}

@Test(arguments: lengths)
func transformIsOrthogonalWithEntriesOfOneSize(length: Int) {
  let transform = HadamardTransform(length: length)
  let h = matrix(of: transform)
  #expect((h * h.transposed).distance(to: .identity(length)) < 1e-5)
  let size = 1 / Double(transform.blockLength).squareRoot()
  for row in 0..<length {
    for column in 0..<length {
      let isInBlock = row / transform.blockLength == column / transform.blockLength
      #expect(abs(abs(h[row, column]) - (isInBlock ? size : 0)) < 1e-6)
    }
  }
}

@Test func lengthsOfRealModelsAreMixedWhole() {
  for length in [64, 576, 640, 768, 1024, 1536, 2048, 2560, 3072, 4096, 4864, 8192] {
    #expect(HadamardTransform(length: length).mixesAll, "\(length)")
  }
  #expect(HadamardTransform(length: 3 * 64).blockLength == 192)
  #expect(HadamardTransform(length: 11_008).blockLength == 256)
}

@Test func powersOfTwoFollowSylvester() {
  let h = matrix(of: HadamardTransform(length: 4))
  let expected: [Double] = [1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, -1, -1, 1]
  #expect(h.values == expected.map { $0 / 2 })
}

@Test(arguments: lengths + [576, 640, 1536])
func theInverseUndoesTheTransform(length: Int) {
  var source = MatrixSource(seed: 3)
  let x = source.matrix(3, length)
  let y = x.copy()
  let transform = RandomizedHadamard(length: length, seed: 9)
  transform.apply(to: y)
  transform.applyInverse(to: y)
  #expect(Plain(y).distance(to: Plain(x)) < 1e-5)
}

@Test func aSeedGivesTheSameRotationAndAnotherSeedAnother() {
  let first = RandomizedHadamard(length: 256, seed: 1)
  #expect(first == RandomizedHadamard(length: 256, seed: 1))
  #expect(first.signs != RandomizedHadamard(length: 256, seed: 2).signs)
  let positive = first.signs.count { $0 == 1 }
  #expect(positive > 96 && positive < 160)
}

@Test func anOutlierIsSpreadOverAllFeatures() {
  let x = Matrix.zeros(rows: 1, columns: 576)
  x.pointer[17] = 24
  RandomizedHadamard(length: 576, seed: 4).apply(to: x)
  #expect(x.values.allSatisfy { abs(abs($0) - 1) < 1e-5 })
}
