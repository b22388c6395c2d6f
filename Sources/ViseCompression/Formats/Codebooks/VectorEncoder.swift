import ViseTensor

/// Trains a vector format's codebook on a weight, chooses codes, and refits the scales to them.
struct VectorEncoder {
  let format: VectorFormat
  let weight: Matrix
  let importance: [Float]?
  let work: RowWork

  private var dimension: Int { format.dimension }
  private var runsPerRow: Int { weight.columns / dimension }
  private var clustering: VectorClustering {
    VectorClustering(dimension: dimension, count: 1 << format.bits)
  }

  /// Vectors a codebook is trained on, at most.
  private static let trainingCount = 65_536

  func encode() throws -> EncodedWeight {
    let encoded = EncodedWeight(rows: weight.rows, columns: weight.columns, codec: format)
    guard weight.count > 0 else { return encoded }
    let scales = initialScales()
    let all = samples(scales, every: 1)
    let step = max(1, all.values.rows / Self.trainingCount)
    let training = step == 1 ? all : samples(scales, every: step)
    let centres = try clustering.centres(of: training, work: work)
    for place in 0..<centres.count { centres.pointer[place] = Half.nearest(centres.pointer[place]) }
    let codes = try clustering.assign(all, centres: centres, work: work).codes
    let refitted = refit(scales, centres: centres, codes: codes)
    withExtendedLifetime(centres) {
      encoded.write(half: "codebook") { centres.pointer[$0] }
    }
    encoded.write(half: "scales") { refitted[$0] }
    let bytes = ByteBuffer(count: codes.count)
    for (index, code) in codes.enumerated() { bytes.storage[index] = UInt8(code) }
    BitPacking.pack(
      bytes, rows: 0..<weight.rows, columns: runsPerRow, bits: format.bits,
      into: encoded.bytes("codes"))
    return encoded
  }

  private var spanLength: Int { format.granularity.spanLength(columns: weight.columns) }
  private var spans: Int { (weight.columns + spanLength - 1) / spanLength }

  private func place(_ row: Int, _ column: Int) -> Int {
    format.granularity == .tensor ? 0 : row * spans + column / spanLength
  }

  /// The root mean square of what shares a scale; infinite and missing numbers count as 0.
  private func initialScales() -> [Float] {
    let count = format.granularity == .tensor ? 1 : weight.rows * spans
    var squares = [Double](repeating: 0, count: count)
    var counts = [Int](repeating: 0, count: count)
    for row in 0..<weight.rows {
      let values = weight.row(row)
      for column in 0..<weight.columns {
        let place = place(row, column)
        let value = finite(values[column])
        squares[place] += Double(value * value)
        counts[place] += 1
      }
    }
    withExtendedLifetime(weight) {}
    return zip(squares, counts).map {
      Half.nearest(Float(($0 / Double(max($1, 1))).squareRoot()))
    }
  }

  /// A number whose square and products stay finite.
  private func finite(_ value: Float) -> Float {
    value.isNaN ? 0 : min(max(value, -65_504), 65_504)
  }

  /// Every `step`-th run, divided by its scale.
  private func samples(_ scales: [Float], every step: Int) -> VectorClustering.Samples {
    let count = (weight.rows * runsPerRow + step - 1) / step
    let values = Matrix(rows: count, columns: dimension)
    let weights = importance.map { _ in Matrix(rows: count, columns: dimension) }
    for index in 0..<count {
      let run = index * step
      let (row, column) = (run / runsPerRow, run % runsPerRow * dimension)
      let scale = scales[place(row, column)]
      let source = weight.row(row) + column
      for offset in 0..<dimension {
        values.row(index)[offset] = scale > 0 ? finite(source[offset]) / scale : 0
        if let importance {
          weights?.row(index)[offset] = importance[column + offset] * scale * scale
        }
      }
    }
    withExtendedLifetime(weight) {}
    return VectorClustering.Samples(values: values, weights: weights)
  }

  /// The scales of least error for the codes: Σ w·x·c / Σ w·c².
  private func refit(_ scales: [Float], centres: Matrix, codes: [Int32]) -> [Float] {
    var products = [Double](repeating: 0, count: scales.count)
    var squares = products
    for row in 0..<weight.rows {
      let values = weight.row(row)
      for run in 0..<runsPerRow {
        let centre = centres.row(Int(codes[row * runsPerRow + run]))
        for offset in 0..<dimension {
          let column = run * dimension + offset
          let important = Double(importance?[column] ?? 1)
          let (x, c) = (Double(finite(values[column])), Double(centre[offset]))
          products[place(row, column)] += important * x * c
          squares[place(row, column)] += important * c * c
        }
      }
    }
    withExtendedLifetime((weight, centres)) {}
    return scales.indices.map { index in
      let refitted =
        squares[index] > 0 ? Half.nearest(Float(products[index] / squares[index])) : 0
      return refitted > 0 ? refitted : scales[index]
    }
  }
}
