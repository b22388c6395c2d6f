import ViseTensor

/// Weighted k-means of short vectors: Lloyd's iteration, with a weight for each component.
///
/// Linde, Buzo and Gray, "An Algorithm for Vector Quantizer Design" (1980). A code no vector chose
/// restarts at one of the vectors that are served worst.
struct VectorClustering {
  let dimension: Int
  let count: Int

  /// Vectors, and weights of their components' squared errors, row by row.
  struct Samples {
    let values: Matrix
    /// Of the shape of `values`; `nil` weighs all alike.
    let weights: Matrix?
  }

  /// The best centre of each vector, and Σ weights · (vector − centre)² of each.
  ///
  /// Scores all centres in one product: Σ w·x·c − ½·Σ w·c² is largest where the error is least.
  func assign(
    _ samples: Samples, centres: Matrix, work: RowWork
  ) throws -> (codes: [Int32], errors: [Float]) {
    let codes = ByteBuffer(count: samples.values.rows * 4)
    let errors = FloatBuffer(count: samples.values.rows)
    let factors = scoreFactors(centres, isWeighted: samples.weights != nil)
    try work.forEachChunk(of: samples.values.rows, length: 1024) { rows in
      let found = codes.slice(rows.lowerBound * 4, count: rows.count * 4)
        .bindMemory(to: Int32.self)
      score(samples, rows: rows, factors: factors, into: found)
      for row in rows {
        errors.pointer[row] = error(samples, row, centres, Int(found[row - rows.lowerBound]))
      }
    }
    return withExtendedLifetime((codes, errors, centres)) {
      (
        Array(codes.storage.bindMemory(to: Int32.self).prefix(samples.values.rows)),
        Array(UnsafeBufferPointer(start: errors.pointer, count: errors.count))
      )
    }
  }

  /// [c, −½c²] by centre where components are weighed, else [c, −½Σc²].
  private func scoreFactors(_ centres: Matrix, isWeighted: Bool) -> Matrix {
    let width = isWeighted ? 2 * dimension : dimension + 1
    let factors = Matrix(rows: count, columns: width)
    for code in 0..<count {
      let (centre, factor) = (centres.row(code), factors.row(code))
      var norm: Float = 0
      for index in 0..<dimension {
        factor[index] = centre[index]
        let half = -0.5 * centre[index] * centre[index]
        norm += half
        if isWeighted { factor[dimension + index] = half }
      }
      if !isWeighted { factor[dimension] = norm }
    }
    return withExtendedLifetime(centres) { factors }
  }

  private func score(
    _ samples: Samples, rows: Range<Int>, factors: Matrix,
    into codes: UnsafeMutableBufferPointer<Int32>
  ) {
    let left = Matrix(rows: rows.count, columns: factors.columns)
    for (index, row) in rows.enumerated() {
      let (vector, target) = (samples.values.row(row), left.row(index))
      if let weights = samples.weights?.row(row) {
        for place in 0..<dimension {
          target[place] = vector[place] * weights[place]
          target[dimension + place] = weights[place]
        }
      } else {
        for place in 0..<dimension { target[place] = vector[place] }
        target[dimension] = 1
      }
    }
    let scores = LinearAlgebra.productTransposed(left, factors)
    withExtendedLifetime((left, scores)) {
      GridKernels.largestColumns(scores.pointer, columns: count, into: codes)
    }
  }

  private func error(_ samples: Samples, _ row: Int, _ centres: Matrix, _ code: Int) -> Float {
    let (vector, centre) = (samples.values.row(row), centres.row(code))
    let weights = samples.weights?.row(row)
    var error: Float = 0
    for index in 0..<dimension {
      let off = vector[index] - centre[index]
      error += off * off * (weights?[index] ?? 1)
    }
    return error
  }

  /// Centres after at most `iterations`, from vectors drawn with `seed`.
  func centres(
    of samples: Samples, iterations: Int = 15, seed: UInt64 = 1, work: RowWork
  ) throws -> Matrix {
    defer { withExtendedLifetime(samples.values) {} }
    let vectors = samples.values
    var random = RandomSource(seed: seed)
    var centres = Matrix(rows: count, columns: dimension)
    for code in 0..<count {
      // One of each stretch of the samples: spread over the weight, and no vector twice.
      let start = code * vectors.rows / count
      let length = max(1, (code + 1) * vectors.rows / count - start)
      let chosen = min(start + Int(random.next() % UInt64(length)), vectors.rows - 1)
      centres.row(code).update(from: vectors.row(chosen), count: dimension)
    }
    var last = Double.infinity
    for _ in 0..<iterations {
      let (codes, errors) = try assign(samples, centres: centres, work: work)
      let error = errors.reduce(0.0) { $0 + Double($1) }
      guard error < last * (1 - 1e-4) else { break }
      last = error
      centres = moved(samples, centres: centres, codes: codes, errors: errors)
    }
    return centres
  }

  /// Each centre at the weighted mean of its vectors; codes without vectors restarted.
  private func moved(
    _ samples: Samples, centres: Matrix, codes: [Int32], errors: [Float]
  ) -> Matrix {
    var sums = [Double](repeating: 0, count: count * dimension)
    var weights = sums
    var members = [Int](repeating: 0, count: count)
    for (row, code) in codes.enumerated() {
      let vector = samples.values.row(row)
      let importance = samples.weights?.row(row)
      members[Int(code)] += 1
      for index in 0..<dimension {
        let weight = Double(importance?[index] ?? 1)
        sums[Int(code) * dimension + index] += weight * Double(vector[index])
        weights[Int(code) * dimension + index] += weight
      }
    }
    let result = centres.copy()
    for place in 0..<count * dimension where weights[place] > 0 {
      result.pointer[place] = Float(sums[place] / weights[place])
    }
    let dead = members.indices.filter { members[$0] == 0 }
    if !dead.isEmpty {
      let worst = errors.indices.sorted { errors[$0] > errors[$1] }.prefix(dead.count)
      for (code, row) in zip(dead, worst) {
        result.row(code).update(from: samples.values.row(row), count: dimension)
      }
    }
    return withExtendedLifetime(centres) { result }
  }
}
