import ViseTensor

/// One operation on the rows of a pass, with its weights at hand.
struct DecodingStep: Sendable {
  enum Operation: Sendable {
    case embed(table: WeightRows, scale: Float)
    case addPositions(WeightRows)
    case rmsNorm(weight: Matrix, group: Int, epsilon: Float)
    case layerNorm(weight: Matrix, bias: Matrix, epsilon: Float)
    /// Rounds activations for packed weights like `type`.
    case round(StorageType)
    /// Inputs are floats and, where the weight is packed, the same rounded.
    case linear(DecodingWeight, bias: Matrix?)
    case rope(RopeShape, table: FloatBuffer)
    /// Puts rows where attention finds them.
    case store(FloatBuffer)
    /// Inputs are queries, and what `store` made, to wait for.
    case attention(AttentionShape, keys: FloatBuffer, values: FloatBuffer)
    case siluMultiply
    case geluMultiply
    case gelu
    case add
    case slice(start: Int)
    /// The last row of its input.
    case lastRow
  }

  let operation: Operation
  /// Places of what it reads.
  let inputs: [Int]
  let output: Int
  /// Whether it works on the last row of the pass only.
  let isLastOnly: Bool

  /// Whether each row is made from the same rows alone, so that members need not meet between two
  /// such steps.
  static func isRowwise(_ operation: Operation) -> Bool {
    switch operation {
    case .linear, .attention: false
    default: true
    }
  }
}

/// Steps in levels: all members finish a level before any starts the next.
struct DecodingSchedule: Sendable {
  /// A buffer with a row for each token of a pass, or one row.
  struct Place: Hashable, Sendable {
    let rowByteCount: Int
    let isLastOnly: Bool

    var width: Int { rowByteCount / MemoryLayout<Float>.stride }
  }

  let levels: [[DecodingStep]]
  let places: [Place]
  let logits: Int
}

/// Orders steps into levels and shares buffers between values that are not alive together.
struct DecodingScheduler {
  /// A result of a step.
  struct Value: Hashable {
    let index: Int
  }

  private struct Entry {
    let place: DecodingSchedule.Place
    let level: Int
    let isRowwise: Bool
    var lastUse: Int
  }

  private struct Planned {
    let operation: DecodingStep.Operation
    let inputs: [Value]
    let output: Value
    let level: Int
  }

  private var entries: [Entry] = []
  private var planned: [Planned] = []

  func width(of value: Value) -> Int { entries[value.index].place.width }

  /// Adds a step whose rows have `rowByteCount` bytes.
  mutating func add(
    _ operation: DecodingStep.Operation, _ inputs: [Value], rowByteCount: Int,
    isLastOnly: Bool = false
  ) -> Value {
    let isRowwise = DecodingStep.isRowwise(operation)
    let level =
      inputs.map { input in
        let entry = entries[input.index]
        return entry.isRowwise && isRowwise ? entry.level : entry.level + 1
      }.max() ?? 0
    for input in inputs {
      entries[input.index].lastUse = max(entries[input.index].lastUse, level)
    }
    let output = Value(index: entries.count)
    entries.append(
      Entry(
        place: DecodingSchedule.Place(rowByteCount: rowByteCount, isLastOnly: isLastOnly),
        level: level, isRowwise: isRowwise, lastUse: level))
    planned.append(Planned(operation: operation, inputs: inputs, output: output, level: level))
    return output
  }

  mutating func add(
    _ operation: DecodingStep.Operation, _ inputs: Value..., width: Int, isLastOnly: Bool = false
  ) -> Value {
    add(operation, inputs, rowByteCount: width * 4, isLastOnly: isLastOnly)
  }

  /// The schedule; `logits` stays readable after the pass.
  func finish(logits: Value) -> DecodingSchedule {
    let levelCount = (planned.map(\.level).max() ?? -1) + 1
    var byLevel = [[Planned]](repeating: [], count: levelCount)
    for step in planned { byLevel[step.level].append(step) }
    var places: [DecodingSchedule.Place] = []
    var placeOf = [Int](repeating: -1, count: entries.count)
    var free: [DecodingSchedule.Place: [Int]] = [:]
    var levels: [[DecodingStep]] = []
    for (level, steps) in byLevel.enumerated() {
      for step in steps {
        let place = entries[step.output.index].place
        if let reused = free[place]?.popLast() {
          placeOf[step.output.index] = reused
        } else {
          placeOf[step.output.index] = places.count
          places.append(place)
        }
      }
      levels.append(
        steps.map { step in
          DecodingStep(
            operation: step.operation, inputs: step.inputs.map { placeOf[$0.index] },
            output: placeOf[step.output.index],
            isLastOnly: entries[step.output.index].place.isLastOnly)
        })
      for (index, entry) in entries.enumerated()
      where entry.lastUse == level && placeOf[index] >= 0 && index != logits.index {
        free[entry.place, default: []].append(placeOf[index])
      }
    }
    return DecodingSchedule(levels: levels, places: places, logits: placeOf[logits.index])
  }
}
