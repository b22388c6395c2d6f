import Testing
import ViseTensor

@testable import ViseCompression

private let filters = WeightShape(rows: 8, columns: 54, kernel: [3, 3])
private let matrix = WeightShape(rows: 36, columns: 24)

private func network(_ name: String, _ shape: WeightShape) throws -> any TensorNetwork {
  try #require(TensorDecomposition(name: name)?.network(for: shape), "\(name)")
}

private func weight(_ shape: WeightShape, seed: UInt64) -> Matrix {
  var random = RandomSource(seed: seed)
  return LowRankCases.matrix(shape.rows, shape.columns, &random)
}

private func parts(_ network: any TensorNetwork, seed: UInt64) -> [Matrix] {
  var random = RandomSource(seed: seed)
  return network.parts.map { LowRankCases.matrix($0.rows, $0.columns, &random) }
}

/// The squared error of the nearest matrix of `rank`, the weight's numbers read as `rows` rows.
private func discarded(_ weight: Matrix, rank: Int) throws -> Double {
  try LinearAlgebra.svd(weight).s.dropFirst(rank).reduce(0) { $0 + Double($1) * Double($1) }
}

@Test(arguments: [
  "tucker:3x5", "tucker:50%", "cp:7", "cp:12.5%", "separable:4", "tt:2x3x4", "tt:0.25%", "ht:6",
])
func namesOfDecompositionsAreReadBack(name: String) throws {
  #expect(try #require(TensorDecomposition(name: name)).name == name)
  #expect(try #require(Structure(name: name.uppercased())).name == name)
  let treatment = try #require(Treatment(name: "structure=\(name)"))
  #expect(Treatment(name: treatment.name) == treatment)
}

@Test(arguments: [
  "tucker", "tucker:", "tucker:0x1", "tucker:-1x2", "cp:x", "cp:100%", "cp:0%", "cp:nan%", "ht:1:2",
  "tt:1x2x3x4x5x6x7x8x9", "tucker:1x99999999999999999999",
])
func otherNamesAreNoDecompositions(name: String) { #expect(Structure(name: name) == nil) }

/// Every part by its definition, one element at a time.
@Test func productsAreTheirDefinitions() throws {
  try BLAS.load()
  func check(_ name: String, _ shape: WeightShape, _ element: ([Matrix], Int, Int, Int) -> Float)
    throws
  {
    let network = try network(name, shape)
    let parts = parts(network, seed: 3)
    let product = network.product(parts)
    for o in 0..<shape.rows {
      for i in 0..<shape.inputs {
        for s in 0..<shape.window {
          let wanted = element(parts, o, i, s)
          #expect(abs(product.row(o)[i * shape.window + s] - wanted) < 1e-4)
        }
      }
    }
  }
  func sum(_ count: Int, _ term: (Int) -> Float) -> Float {
    (0..<count).reduce(0) { $0 + term($1) }
  }
  try check("tucker:3x5", filters) { p, o, i, s in
    sum(5) { b in
      sum(3) { a in p[2].row(o)[b] * p[1].row(b)[a * 9 + s] * p[0].row(a)[i] }
    }
  }
  try check("cp:4", filters) { p, o, i, s in
    sum(4) { r in p[3].row(o)[r] * p[0].row(r)[i] * p[1].row(r)[s / 3] * p[2].row(r)[s % 3] }
  }
  try check("separable:4", filters) { p, o, i, s in
    sum(4) { r in p[1].row(o)[r * 3 + s % 3] * p[0].row(r)[i * 3 + s / 3] }
  }
  try check("tt:2x3x4", filters) { p, o, i, s in
    sum(4) { c in
      sum(3) { b in
        sum(2) { a in
          p[3].row(o)[c] * p[2].row(c)[b * 3 + s % 3] * p[1].row(b)[a * 3 + s / 3] * p[0].row(a)[i]
        }
      }
    }
  }
}

/// Digits of rows in base 4, 3, 3 and of columns in base 2, 3, 4, as the tensor pairs them.
@Test func trainsAndTreesOfMatricesAreTheirDefinitions() throws {
  try BLAS.load()
  let train = try network("tt:3x4", matrix)
  let cores = parts(train, seed: 4)
  let product = train.product(cores)
  for row in 0..<36 {
    for column in 0..<24 {
      let n = [
        row / 9 * 2 + column / 12, row / 3 % 3 * 3 + column / 4 % 3, row % 3 * 4 + column % 4,
      ]
      var wanted: Float = 0
      for a in 0..<3 {
        for b in 0..<4 {
          wanted += cores[0].row(n[0])[a] * cores[1].row(a * 9 + n[1])[b] * cores[2].row(b)[n[2]]
        }
      }
      #expect(abs(product.row(row)[column] - wanted) < 1e-4)
    }
  }
  let tree = try network("ht:3", WeightShape(rows: 16, columns: 16))
  let p = parts(tree, seed: 5)
  let made = tree.product(p)
  for row in 0..<16 {
    for column in 0..<16 {
      let n = [3, 2, 1, 0].map { row >> $0 & 1 }.enumerated().map { index, bit in
        bit * 2 + column >> (3 - index) & 1
      }
      func half(_ h: Int, _ t: Int) -> Float {
        var sum: Float = 0
        for i in 0..<3 {
          for j in 0..<3 {
            sum +=
              p[2 * h].row(n[2 * h])[i] * p[2 * h + 1].row(n[2 * h + 1])[j]
              * p[4 + h].row(i * 3 + j)[t]
          }
        }
        return sum
      }
      var wanted: Float = 0
      for s in 0..<3 {
        for t in 0..<3 { wanted += half(0, s) * p[6].row(s)[t] * half(1, t) }
      }
      #expect(abs(made.row(row)[column] - wanted) < 1e-4)
    }
  }
}

@Test(arguments: ["tucker:3x5", "cp:4", "separable:4", "tt:2x3x4", "tt:3x4", "ht:4"])
func weightsOfTheFormAreRecovered(name: String) throws {
  try BLAS.load()
  for shape in [filters, WeightShape(rows: 5, columns: 28, kernel: [7]), matrix] {
    guard let network = TensorDecomposition(name: name)?.network(for: shape) else { continue }
    let weight = network.product(parts(network, seed: 6))
    let found = network.product(try network.factors(of: weight, statistics: nil))
    let total = squaredError(weight, .zeros(rows: weight.rows, columns: weight.columns))
    #expect(squaredError(weight, found) < 1e-4 * total, "\(name) of \(shape)")
  }
}

/// What is lost is at most what the cuts lose one by one, and for one cut exactly that.
///
/// De Lathauwer et al. 2000, property 10; Oseledets 2011, theorem 2.2.
@Test func errorsAreWithinTheSumOfTheirCuts() throws {
  try BLAS.load()
  let weight = weight(filters, seed: 7)
  func error(_ name: String) throws -> Double {
    let network = try network(name, filters)
    return squaredError(weight, network.product(try network.factors(of: weight, statistics: nil)))
  }
  let byOutput = weight
  let byInput = Matrix(
    rows: 6, columns: 72,
    values: (0..<6).flatMap { i in
      (0..<8).flatMap { o in (0..<9).map { weight.row(o)[i * 9 + $0] } }
    })
  let byRow = Matrix(
    rows: 18, columns: 24,
    values: (0..<18).flatMap { iy in
      (0..<8).flatMap { o in (0..<3).map { weight.row(o)[iy * 3 + $0] } }
    })
  let (outputs, inputs, rows) = (
    try discarded(byOutput, rank: 5), try discarded(byInput, rank: 3), try discarded(byRow, rank: 4)
  )
  let tucker = try error("tucker:3x5")
  #expect(tucker <= outputs + inputs && tucker >= max(outputs, inputs))
  #expect(abs(try error("separable:4") - rows) < 1e-3 * rows)
  let train = try error("tt:3x4x5")
  #expect(train <= outputs + inputs + rows && train >= max(outputs, inputs, rows) * 0.999)
}

@Test(arguments: ["tucker", "cp", "separable", "tt", "ht"])
func sharesHoldNoMoreThanTheyAreAndLoseLessWithMore(kind: String) throws {
  try BLAS.load()
  let shape = kind == "ht" ? WeightShape(rows: 64, columns: 48) : filters
  let weight = weight(shape, seed: 8)
  var last = Double.infinity
  for percent in [20, 40, 60, 80] {
    let network = try network("\(kind):\(percent)%", shape)
    #expect(network.parameterCount <= shape.parameterCount * percent / 100)
    let error = squaredError(
      weight, network.product(try network.factors(of: weight, statistics: nil)))
    #expect(error <= last * 1.001, "\(kind) at \(percent) %")
    last = error
  }
}

@Test(arguments: ["tucker:3x5", "cp:6", "separable:4", "tt:3x4x5"])
func partsAreNearerInTheOutputsWhereInputsAreKnown(name: String) throws {
  try BLAS.load()
  var random = RandomSource(seed: 9)
  let moment = LowRankCases.secondMoment(300, filters.columns, &random)
  let statistics = SiteCalibration(
    tokenCount: 300, secondMoment: moment, mean: [Float](repeating: 0, count: filters.columns),
    minimum: [Float](repeating: -9, count: filters.columns),
    maximum: [Float](repeating: 9, count: filters.columns))
  let weight = weight(filters, seed: 10)
  func error(_ statistics: SiteCalibration?) throws -> Double {
    let structure = try #require(Structure(name: name))
    let encoded = try SiteStructuring(
      structure: structure, codec: NumberFormat.ggml(.f32).codec, method: .best,
      statistics: statistics, work: RowWork(pool: nil)
    ).compress(weight, of: filters)
    let site = CompressedSite(
      encoded, form: .structured(structure), format: .ggml(.f32), shape: filters)
    return squaredError(weight, try site.values(), moment)
  }
  #expect(try error(statistics) < error(nil))
}

@Test func whatIsNoDecompositionOfAWeightIsSaid() throws {
  func problem(_ name: String, _ shape: WeightShape) throws -> String? {
    try #require(Treatment(name: "structure=\(name)")).problem(for: shape)
  }
  #expect(try problem("tucker:3x5", matrix) == "tucker:3x5 is of convolutions of one group")
  #expect(try problem("tucker:7x5", filters) == "ranks of tucker are at most 6 × 8 here")
  #expect(try problem("tucker:7", filters) == "tucker:7 needs 2 ranks here")
  #expect(try problem("tucker:6x8", filters)?.contains("no fewer than") == true)
  #expect(try problem("tt:0.1%", filters) == "no ranks of tt:0.1% are that small here")
  #expect(try problem("ht:4", filters) == "ht:4 is of matrices")
  #expect(try problem("ht:4", WeightShape(rows: 7, columns: 5))?.contains("factors") == true)
  #expect(try problem("separable:2", WeightShape(rows: 4, columns: 12, kernel: [3])) != nil)
}
