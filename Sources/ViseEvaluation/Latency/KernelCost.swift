public import ViseModels

/// Seconds a product takes: some for itself, some for each row of its weight, some for each weight.
public struct ProductLaw: Hashable, Sendable {
  public let perProduct: Double
  public let perRow: Double
  public let perWeight: Double

  public func seconds(rows: Int, columns: Int) -> Double {
    perProduct + perRow * Double(rows) + perWeight * Double(rows) * Double(columns)
  }

  /// The law through the seconds of two products of as many weights in rows of other lengths, and of
  /// a small one; what would be less than nothing is nothing.
  ///
  /// - Parameter small: without it nothing is said of single products.
  init(
    wide: (product: DecodingProduct, seconds: Double),
    tall: (product: DecodingProduct, seconds: Double),
    small: (product: DecodingProduct, seconds: Double)? = nil
  ) {
    precondition(wide.product.weightCount == tall.product.weightCount)
    let moreRows = Double(tall.product.rows - wide.product.rows)
    perRow = max(0, (tall.seconds - wide.seconds) / moreRows)
    let row = perRow
    func rest(_ measured: (product: DecodingProduct, seconds: Double)) -> Double {
      max(0, measured.seconds - row * Double(measured.product.rows))
    }
    let weights = Double(wide.product.weightCount)
    if let small {
      let fewer = Double(small.product.weightCount)
      let slope = (rest(wide) - rest(small)) / (weights - fewer)
      perWeight = min(max(0, slope), rest(wide) / weights)
      perProduct = max(0, rest(small) - perWeight * fewer)
    } else {
      perWeight = rest(wide) / weights
      perProduct = 0
    }
  }

  fileprivate init(_ values: ArraySlice<Double>) {
    (perProduct, perRow, perWeight) = (
      values[values.startIndex], values[values.startIndex + 1], values[values.startIndex + 2]
    )
  }

  fileprivate var values: [Double] { [perProduct, perRow, perWeight] }
}

/// What one kernel costs on this machine, all threads together.
public struct KernelCost: Hashable, Sendable {
  /// Tokens of a prompt that is read in one batch.
  public static let promptLength = 512

  /// One token, weights in the processor's caches.
  public let cached: ProductLaw
  /// One token, weights in memory.
  public let streamed: ProductLaw
  /// A prompt of `promptLength` tokens.
  public let prompt: ProductLaw

  /// Seconds of a product for one token.
  ///
  /// - Parameter streamedShare: how much of the weights comes from memory, 0…1.
  public func decodeSeconds(_ product: DecodingProduct, streamedShare: Double) -> Double {
    let near = cached.seconds(rows: product.rows, columns: product.columns)
    let far = streamed.seconds(rows: product.rows, columns: product.columns) + cached.perProduct
    return near + max(0, far - near) * streamedShare
  }
}

extension KernelCost {
  /// Numbers `values` has.
  static let valueCount = 9

  /// All there is to it.
  var values: [Double] { cached.values + streamed.values + prompt.values }

  /// - Parameter values: as another cost has them; `nil` where they cannot be.
  init?(values: [Double]) {
    guard values.count == Self.valueCount, values.allSatisfy({ $0 >= 0 && $0 < 1 }) else {
      return nil
    }
    self.init(
      cached: ProductLaw(values[0..<3]), streamed: ProductLaw(values[3..<6]),
      prompt: ProductLaw(values[6..<9]))
  }
}
