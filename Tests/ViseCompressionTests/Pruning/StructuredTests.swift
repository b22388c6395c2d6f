import Testing
import ViseCompression
import ViseTensor

private let rows = 24
private let columns = 64
private let sharedCases = Result { try PruningCases(rows: rows, columns: columns, seed: 7) }

private func group(unit: Int) -> ChannelGroup {
  ChannelGroup(unit: unit, count: columns / unit, canGo: true)
}

/// Gate and up weights of `count` neurons.
private func incoming(count: Int = columns, seed: UInt64 = 3) -> [Matrix] {
  var random = TestWeights(seed: seed)
  return (0..<2).map { _ in
    Matrix(rows: count, columns: 16, values: random.normal(count * 16, deviation: 0.2))
  }
}

private func expectClose(_ a: [Float], _ b: [Double]) {
  #expect(a.count == b.count)
  for (x, y) in zip(a, b) { #expect(abs(Double(x) - y) <= 1e-5 * max(abs(y), 1e-3)) }
}

/// Arguments: ratio, units, kept units.
@Test(arguments: [
  (0.25, 768, 576), (0.3, 768, 544), (0.01, 768, 768), (0.999, 768, 32), (1, 768, 0),
])
func neuronsRemainInBlocksOf32AndNoneOnlyWhereAllGo(ratio: Double, count: Int, kept: Int) {
  #expect(ChannelGroup(unit: 1, count: count, canGo: true).keptCount(ratio: ratio) == kept)
}

@Test func headsGoOneGroupAtATimeAndOneRemains() {
  let heads = ChannelGroup(unit: 128, count: 3, canGo: true)
  #expect([0.1, 0.4, 0.7, 0.99, 1].map { heads.keptCount(ratio: $0) } == [3, 2, 1, 1, 0])
}

@Test func scoresOfGatedNeuronsAreTheFormulas() {
  let weights = incoming()
  func values(_ weight: Matrix, _ row: Int) -> [Double] {
    weight.rows(row..<row + 1).values.map { Double($0) }
  }
  func variance(_ list: [Double]) -> Double {
    let mean = list.reduce(0, +) / Double(list.count)
    return list.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(list.count)
  }
  let neurons = (0..<columns).map { row in weights.map { values($0, row) } }
  expectClose(
    MaximumAbsoluteWeight().scores(weights),
    neurons.map { $0.map { $0.map(abs).max() ?? 0 }.reduce(0, +) })
  expectClose(
    VarianceOfWeights().scores(weights), neurons.map { $0.map(variance).reduce(0, +) })
  expectClose(
    ProductOfNorms().scores(weights),
    neurons.map { $0.map { $0.map(abs).reduce(0, +) }.reduce(1, *) })
}

@Test(arguments: [1, 4])
func scoresOfChannelsAreTheFormulas(unit: Int) throws {
  let cases = try sharedCases.get()
  let (weight, moment) = (cases.weight.values, cases.secondMoment.values)
  let units = (0..<columns / unit).map { Array($0 * unit..<($0 + 1) * unit) }
  func w(_ row: Int, _ column: Int) -> Double { Double(weight[row * columns + column]) }
  func h(_ a: Int, _ b: Int) -> Double { Double(moment[a * columns + b]) }
  let magnitude = units.map { unit in
    unit.flatMap { j in (0..<rows).map { w($0, j) * w($0, j) } }.reduce(0, +).squareRoot()
  }
  let wanda = units.map { unit in
    unit.flatMap { j in (0..<rows).map { w($0, j) * w($0, j) * h(j, j) } }.reduce(0, +)
      .squareRoot()
  }
  let energy = units.map { unit in
    var sum = 0.0
    for row in 0..<rows {
      for a in unit { for b in unit { sum += w(row, a) * h(a, b) * w(row, b) } }
    }
    return sum
  }
  expectClose(ChannelMagnitude(group: group(unit: unit)).scores(of: cases.weight), magnitude)
  expectClose(
    ChannelWanda(group: group(unit: unit), meanSquares: cases.meanSquares)
      .scores(of: cases.weight), wanda)
  expectClose(
    OutputEnergy(group: group(unit: unit), secondMoment: cases.secondMoment)
      .scores(of: cases.weight), energy)
  if unit == 1 { for (a, b) in zip(wanda, energy) { #expect(abs(a * a - b) < 1e-9 * b) } }
}

/// At the optimum the error is orthogonal to the inputs that remain: (Ŵ·H_K: − W·H):K = 0.
@Test func refittedChannelsSolveTheNormalEquations() throws {
  let cases = try sharedCases.get()
  let factor = try cases.factor()
  let kept = (0..<columns).filter { $0 % 3 != 1 }
  let values = try ChannelRefit(factor: factor).values(of: cases.weight, keeping: kept)
  let cross = factor.moment.columns(at: kept)
  let left = LinearAlgebra.product(values, cross.rows(at: kept)).values
  let right = LinearAlgebra.product(cases.weight, cross).values
  let scale = right.map { abs($0) }.max() ?? 0
  #expect(scale > 0)
  for (a, b) in zip(left, right) { #expect(abs(a - b) < 1e-4 * scale) }
}

/// The first unit to go is the one without which the refitted rest has the least error.
@Test(arguments: [1, 4])
func surgeryTakesTheUnitThatExhaustiveRefitsTake(unit: Int) throws {
  let cases = try sharedCases.get()
  let factor = try cases.factor()
  let group = group(unit: unit)
  let errors = try (0..<group.count).map { gone in
    let kept = (0..<columns).filter { $0 / unit != gone }
    let values = try ChannelRefit(factor: factor).values(of: cases.weight, keeping: kept)
    return factor.outputError(of: scattered(values, kept), from: cases.weight)
  }
  let best = try #require(errors.indices.min { errors[$0] < errors[$1] })
  let found = try ChannelOBS(group: group, factor: factor).selection(
    of: cases.weight, keptCount: group.count - 1, cancellation: CancellationFlag())
  #expect(found.kept == (0..<columns).filter { $0 / unit != best })
}

private func scattered(_ values: Matrix, _ kept: [Int]) -> Matrix {
  let result = Matrix.zeros(rows: values.rows, columns: columns)
  let flat = values.values
  for row in 0..<values.rows {
    for (place, column) in kept.enumerated() {
      result.row(row)[column] = flat[row * kept.count + place]
    }
  }
  return result
}

@Test func surgeryLeavesLessErrorThanScoresOfSingleChannels() throws {
  let cases = try sharedCases.get()
  func error(_ method: PruningMethod) throws -> Double {
    let pruning = pruning(cases, method, unit: 1, calibrated: true)
    let selection = try pruning.selection(of: cases.weight, work: cases.work)
    #expect(selection.kept.count == 48)
    return cases.error(
      scattered(try pruning.values(of: cases.weight, selection), selection.kept))
  }
  let obs = try error(.exactOBS)
  #expect(obs < (try error(.wanda)))
  #expect(obs < 0.9 * (try error(.magnitude)))
}

private func pruning(
  _ cases: PruningCases, _ method: PruningMethod?, unit: Int, calibrated: Bool
) -> ChannelPruning {
  ChannelPruning(
    sparsity: Sparsity(ratio: 0.25, pattern: .channels, method: method),
    group: group(unit: unit), statistics: calibrated ? cases.statistics : nil,
    factors: InputFactorCache(), incoming: { incoming() })
}

@Test(arguments: [1, 4], [false, true])
func everyMethodForChannelsKeepsTheCountAndWholeUnits(unit: Int, calibrated: Bool) throws {
  let cases = try sharedCases.get()
  let methods = PruningMethod.allCases.filter { $0.suits(.channels) }
  for method in [nil] + methods.map(Optional.init) {
    if let method, (method.needsCalibration && !calibrated) || (method.readsPartners && unit > 1) {
      continue
    }
    let pruning = pruning(cases, method, unit: unit, calibrated: calibrated)
    let selection = try pruning.selection(of: cases.weight, work: cases.work)
    #expect(selection.kept.count == 48, "\(method?.rawValue ?? "best")")
    #expect(selection.kept == selection.kept.sorted())
    #expect(
      Dictionary(grouping: selection.kept) { $0 / unit }.values.allSatisfy { $0.count == unit })
    let values = try pruning.values(of: cases.weight, selection)
    #expect(values.columns == 48)
    if !calibrated, method != .merging {
      #expect(values.values == cases.weight.columns(at: selection.kept).values)
    }
  }
}

/// Neurons that are copies of others go first, and the outputs stay what they were.
@Test func mergingCopiesOfNeuronsChangesNothing() throws {
  try BLAS.load()
  let weights = incoming(count: 40)
  // Neurons 40...63 are copies of 0...23.
  let copies = Array(0..<40) + Array(0..<24)
  let makers = weights.map { $0.rows(at: copies) }
  let outgoing = try sharedCases.get().weight
  let selection = try NeuronMerging().selection(makers, keptCount: 40)
  #expect(selection.kept == Array(0..<40))
  #expect(selection.merged == Dictionary(uniqueKeysWithValues: (40..<64).map { ($0, $0 - 40) }))
  let pruning = ChannelPruning(
    sparsity: Sparsity(ratio: 0.375, pattern: .channels, method: .merging),
    group: ChannelGroup(unit: 1, count: columns, canGo: true), statistics: nil,
    factors: InputFactorCache(), incoming: { makers })
  let merged = try pruning.values(of: outgoing, selection)
  for seed in 0..<4 as Range<UInt64> {
    var random = TestWeights(seed: seed)
    let x = random.normal(16, deviation: 1)
    let whole = output(makers, outgoing, x)
    let small = output(makers.map { $0.rows(at: selection.kept) }, merged, x)
    for (a, b) in zip(whole, small) { #expect(abs(a - b) < 1e-7) }
  }
}

/// down · (silu(gate·x) · (up·x)), in doubles.
private func output(_ makers: [Matrix], _ down: Matrix, _ x: [Float]) -> [Double] {
  func product(_ weight: Matrix, _ x: [Double]) -> [Double] {
    let values = weight.values
    return (0..<weight.rows).map { row in
      (0..<weight.columns).reduce(0) { $0 + Double(values[row * weight.columns + $1]) * x[$1] }
    }
  }
  let input = x.map { Double($0) }
  let hidden = zip(product(makers[0], input), product(makers[1], input)).map { gate, up in
    // A stand-in for SiLU that needs no exponential; any function of gate and up will do.
    gate / (1 + abs(gate)) * up
  }
  return product(down, hidden)
}
