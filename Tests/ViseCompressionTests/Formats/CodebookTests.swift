import Testing
import ViseCompression
import ViseTensor

@Test(arguments: ["kmeans4:tensor", "kmeans3:channel", "kmeans2:r4", "kmeans3:g64"])
func palettesDecodeFromTheirRowsPalette(name: String) throws {
  let bits = try #require(name.dropFirst(6).first?.wholeNumberValue)
  let (encoded, values) = try stored(name, testWeight(rows: 10, columns: 160, seed: 51))
  let plain = PlainParts(encoded)
  let codes = try plain.codes(bits: bits)
  let palettes = try plain.halves("palettes")
  let scales = name.hasSuffix("g64") ? try plain.halves("scales") : nil
  let rowsPerPalette = name.hasSuffix("channel") ? 1 : name.hasSuffix("r4") ? 4 : 10
  #expect(palettes.count == ((10 + rowsPerPalette - 1) / rowsPerPalette) << bits)
  for index in values.indices {
    let (row, column) = (index / 160, index % 160)
    var value = palettes[(row / rowsPerPalette) << bits + codes[row][column]]
    if let scales { value *= scales[row * 3 + column / 64] }
    #expect(values[index] == value)
  }
}

/// The least error of `count` levels for ascending values, by dynamic programming over all cells.
private func leastError(_ values: [Double], count: Int) -> Double {
  func cost(_ range: Range<Int>) -> Double {
    let mean = values[range].reduce(0, +) / Double(range.count)
    return values[range].reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  }
  var best = (0...values.count).map { $0 == 0 ? 0 : cost(0..<$0) }
  for _ in 1..<count {
    best = (0...values.count).map { end in
      (0..<max(end, 1)).map { best[$0] + (end > $0 ? cost($0..<end) : 0) }.min() ?? 0
    }
  }
  return best[values.count]
}

@Test(arguments: [UInt64(1), 2, 3, 4])
func aPalettesErrorIsNearTheLeastPossible(seed: UInt64) throws {
  var random = TestWeights(seed: seed)
  let weight = Matrix(rows: 1, columns: 96, values: random.normal(96, deviation: 1))
  let (_, values) = try stored("kmeans2:tensor", weight)
  let least = leastError(weight.values.sorted().map { Double($0) }, count: 4)
  #expect(squaredError(weight.values, values) < 1.1 * least)
}

@Test(arguments: [("vq8d2:channel", 8, 2), ("vq5d4:g64", 5, 4), ("vq6d8:tensor", 6, 8)])
func vectorsDecodeFromCodebookAndScale(name: String, bits: Int, dimension: Int) throws {
  let (encoded, values) = try stored(name, testWeight(rows: 9, columns: 160, seed: 52))
  let plain = PlainParts(encoded)
  let codes = try plain.codes(bits: bits, columns: 160 / dimension)
  let book = try plain.halves("codebook")
  let scales = try plain.halves("scales")
  for index in values.indices {
    let (row, column) = (index / 160, index % 160)
    let place = name.hasSuffix("tensor") ? 0 : name.hasSuffix("g64") ? row * 3 + column / 64 : row
    let code = codes[row][column / dimension]
    #expect(values[index] == book[code * dimension + column % dimension] * scales[place])
  }
}

@Test func everyCodeOfARichWeightIsUsedAndDeadOnesComeBack() throws {
  let format = VectorFormat(bits: 6, dimension: 4)
  let work = RowWork(pool: nil)
  let rich = try format.encode(
    testWeight(rows: 64, columns: 128, seed: 53), importance: nil, work: work)
  let use: CodebookUtilisation = format.utilisation(of: rich)
  #expect(use.usedShare == 1)
  #expect(use.perplexity > 24)
  // Eight vectors, seven of them in the last rows only: drawing where most samples are finds one,
  // and restarts must find the rest.
  var values = [Float](repeating: 1, count: 64 * 64)
  for index in 60 * 64..<64 * 64 {
    values[index] = [1, -1, 2, -2, 0.5, 3, -3, 1.5][index / 4 % 8] * (index % 2 == 0 ? 1 : -1)
  }
  let poor = Matrix(rows: 64, columns: 64, values: values)
  let (_, found) = try stored("vq4d4:tensor", poor)
  #expect(signalToNoise(poor, found) > 45)
}

@Test func importantComponentsChooseTheVector() throws {
  let weight = testWeight(rows: 64, columns: 64, seed: 54)
  let importance = (0..<64).map { Float($0 % 4 == 0 ? 100 : 0.01) }
  let (_, plain) = try stored("vq4d4:channel", weight)
  let (_, weighed) = try stored("vq4d4:channel", weight, importance: importance)
  #expect(
    squaredError(weight.values, weighed, importance: importance)
      < 0.5 * squaredError(weight.values, plain, importance: importance))
}

@Test(
  arguments: [
    "kmeans9", "kmeans0", "kmeans4:g3", "kmeans4:r0", "vq9d4", "vq8d1", "vq8", "vq8d3:g64",
  ])
func codebooksThatCannotBeAreRefused(name: String) {
  #expect(NumberFormat(name: name) == nil)
}

@Test func aRowThatIsNoWholeNumberOfVectorsIsAMisfit() throws {
  let format = try #require(NumberFormat(name: "vq8d8"))
  #expect(
    format.misfit(columns: 30)
      == "vq8d8:channel needs rows divisible by 8, this site's are 30")
  #expect(format.misfit(columns: 32) == nil)
}
