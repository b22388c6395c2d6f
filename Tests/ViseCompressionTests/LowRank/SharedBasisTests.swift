import Testing
import ViseCompression
import ViseTensor

/// Three layers of different heights with inputs of their own.
private struct Layers {
  let weights: [Matrix]
  let moments: [Matrix]
  let work = RowWork(pool: nil)

  init() throws {
    try BLAS.load()
    var random = RandomSource(seed: 77)
    weights = [24, 16, 40].map { LowRankCases.matrix($0, 16, &random) }
    moments = (0..<3).map { _ in LowRankCases.secondMoment(60, 16, &random) }
  }

  func layers(isCalibrated: Bool) -> [SharedBasis.Layer] {
    weights.indices.map { index in
      SharedBasis.Layer(
        weight: { weights[index] },
        statistics: {
          guard isCalibrated else { return nil }
          let edge = [Float](repeating: 9, count: 16)
          return SiteCalibration(
            tokenCount: 60, secondMoment: moments[index],
            mean: [Float](repeating: 0, count: 16), minimum: edge.map { -$0 }, maximum: edge)
        })
    }
  }

  /// The values of each layer and the stored basis, in half floats.
  func values(rank: Int, isCalibrated: Bool) throws -> [Matrix] {
    let format = NumberFormat.ggml(.f16)
    let shared = SharedBasis(rank: rank, format: format, method: .best, work: work)
    let layers = layers(isCalibrated: isCalibrated)
    let basis = try shared.basis(of: layers)
    return try layers.map { layer in
      let coefficients = try shared.coefficients(of: layer, basis: basis)
      return LinearAlgebra.product(
        try format.codec.decode(coefficients, work: work),
        try format.codec.decode(basis, work: work))
    }
  }
}

@Test(arguments: [3, 8, 15])
func aSharedBasisLosesWhatTheSpectrumOfAllLayersHasBeyondItsRank(rank: Int) throws {
  let layers = try Layers()
  let stacked = Matrix(rows: 80, columns: 16, values: layers.weights.flatMap(\.values))
  let spectrum = try LinearAlgebra.svd(stacked).s
  let expected = spectrum.dropFirst(rank).reduce(0.0) { $0 + Double($1) * Double($1) }
  let values = try layers.values(rank: rank, isCalibrated: false)
  let found = zip(layers.weights, values).reduce(0.0) { $0 + squaredError($1.0, $1.1) }
  #expect(abs(found - expected) < 1e-3 * expected)
}

@Test func calibratedBasesAndCoefficientsServeTheOutputs() throws {
  let layers = try Layers()
  func error(_ isCalibrated: Bool) throws -> Double {
    let values = try layers.values(rank: 8, isCalibrated: isCalibrated)
    return layers.weights.indices.reduce(0.0) {
      $0 + squaredError(layers.weights[$1], values[$1], layers.moments[$1])
    }
  }
  #expect(try error(true) < 0.9 * error(false))
}

private func site(_ index: Int, columns: Int = 64) -> Site {
  Site(
    index: index, name: "blk.\(index).ffn_up.weight", role: .ffnUp, block: index, rows: 96,
    columns: columns, stored: .f32)
}

@Test func thePlanCountsASharedBasisOnce() throws {
  let sites = (0..<3).map { site($0) }
  let treatment = try #require(Treatment(name: "structure=shared:up:16 format=f16"))
  #expect(treatment.name == "structure=shared:up:16 format=f16")
  var plan = Plan()
  for site in sites { plan[site.name] = treatment }
  let (basis, own) = (16 * 64 * 2, 96 * 16 * 2)
  func bytes() -> [Int?] { sites.map { plan.change(of: $0)?.byteCount(for: $0) } }
  #expect(bytes() == [basis + own, own, own])
  let leader = try #require(plan.change(of: sites[0]))
  #expect(leader.sharers?.names == sites.map(\.name) && plan[sites[0].name] == treatment)
  // Another format, or nothing, leaves the group; the next in line keeps the basis.
  plan[sites[0].name] = try #require(Treatment(name: "structure=shared:up:16 format=int8:g16"))
  let other = [16 * 64 + 16 * 4 * 2, 96 * 16 + 96 * 2].reduce(0, +)
  #expect(bytes() == [other, basis + own, own])
  #expect(plan.change(of: sites[1])?.sharers?.names.count == 2)
  plan[sites[1].name] = .keep
  #expect(plan.change(of: sites[2])?.byteCount(for: sites[2]) == basis + own)
  #expect(plan == Plan(treatments: plan.treatments))
}

@Test func sharingIsRefusedWithAReason() throws {
  for name in ["shared:up", "shared:up:0", "shared::4", "shared:a b:4", "shared:\"x:4"] {
    #expect(Structure(name: name) == nil)
  }
  for (name, reason) in [
    ("structure=shared:up:16", "format"), ("structure=shared:up:64 format=f16", "reduction"),
    ("prune=0.5 structure=shared:up:16 format=f16", "pruning"),
    ("structure=shared:up:10 format=q4_0", "coefficients"),
  ] {
    let problem = try #require(Treatment(name: name)?.problem(for: site(0)))
    #expect(problem.contains(reason), "\(problem)")
  }
}
