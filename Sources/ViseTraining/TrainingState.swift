import Glibc
import ViseFormats
import ViseGraphs
import ViseTensor

/// All that a run needs to go on as if it had never stopped.
struct TrainingState {
  /// Steps done.
  var step = 0
  var weights: [Tensor]
  /// By parameter, what the method remembers.
  var memory: [[Tensor]]
  /// By normalization, the mean and the variance inference uses.
  var statistics: [BatchMoments]
  /// Sums of the epoch that is going on.
  var current = DistillationLoss.Value()
  /// The mean loss and share of hits of each epoch that ended.
  var epochs: [TrainingEpoch] = []
}

/// What an epoch came to, averaged over its examples as they were seen.
public struct TrainingEpoch: Hashable, Sendable {
  /// In nats.
  public let loss: Double
  /// The share of examples whose class is the label's, or the teacher's without labels.
  public let accuracy: Double
}

/// Unfinished training in a safetensors file.
struct TrainingCheckpoint {
  let path: String
  /// Of model, plan, data and options.
  let identity: String

  private static let version = "1"

  func write(_ state: TrainingState) throws {
    let tensors = Self.tensors(state)
    let epochs = state.epochs.map { "\(Self.text($0.loss)),\(Self.text($0.accuracy))" }
    let layout = try SafetensorsLayout(
      metadata: [
        "vise.training": Self.version, "identity": identity, "step": "\(state.step)",
        "loss": Self.text(state.current.loss), "hits": "\(state.current.hits)",
        "epochs": epochs.joined(separator: ";"),
      ],
      tensors: tensors.map {
        SafetensorsLayout.Tensor(name: $0.name, shape: $0.tensor.shape, element: .f32)
      })
    try SafetensorsWriter.write(layout, to: path, replacing: true) { index, sink in
      let tensor = tensors[index].tensor
      try withExtendedLifetime(tensor.storage) {
        try sink.write(
          UnsafeRawBufferPointer(start: tensor.storage.pointer, count: tensor.byteCount))
      }
    }
  }

  /// The bits of a number, so that it comes back exactly.
  private static func text(_ value: Double) -> String { String(value.bitPattern, radix: 16) }

  private static func number(_ text: some StringProtocol) -> Double? {
    UInt64(text, radix: 16).map(Double.init(bitPattern:))
  }

  private static func tensors(_ state: TrainingState) -> [(name: String, tensor: Tensor)] {
    var result: [(name: String, tensor: Tensor)] = []
    for (index, weight) in state.weights.enumerated() {
      result.append(("weight.\(index)", weight))
      for (slot, tensor) in state.memory[index].enumerated() {
        result.append(("memory.\(index).\(slot)", tensor))
      }
    }
    for (index, moments) in state.statistics.enumerated() {
      result.append(("mean.\(index)", moments.mean))
      result.append(("variance.\(index)", moments.variance))
    }
    return result.map { ($0.name, $0.tensor.rank == 0 ? $0.tensor.reshaped([1]) : $0.tensor) }
  }

  /// The state in the file, in the shapes of `fresh`; `nil` where there is no file.
  ///
  /// - Throws: `TrainingError.otherRun`, `.damagedCheckpoint`.
  func read(like fresh: TrainingState) throws -> TrainingState? {
    let file: Checkpoint
    do {
      file = try Checkpoint.openSafetensorsFile(path)
    } catch {
      if case .unreadable(.cannotOpen(_, let code)) = error.reason, code == ENOENT { return nil }
      throw TrainingError.damagedCheckpoint(path: path)
    }
    func metadata(_ key: String) throws(TrainingError) -> String {
      guard case .string(let text)? = file.metadata["safetensors.\(key)"] else {
        throw .damagedCheckpoint(path: path)
      }
      return text
    }
    guard try metadata("vise.training") == Self.version, try metadata("identity") == identity
    else { throw TrainingError.otherRun(path: path) }
    var state = fresh
    guard let step = Int(try metadata("step")), step >= 0,
      let loss = Self.number(try metadata("loss")), let hits = Int(try metadata("hits"))
    else { throw TrainingError.damagedCheckpoint(path: path) }
    state.step = step
    state.current.loss = loss
    state.current.hits = hits
    state.epochs = try metadata("epochs").split(separator: ";").compactMap { entry in
      let parts = entry.split(separator: ",").compactMap { Self.number($0) }
      return parts.count == 2 ? TrainingEpoch(loss: parts[0], accuracy: parts[1]) : nil
    }
    try fill(&state, from: file)
    return state
  }

  private func fill(_ state: inout TrainingState, from file: Checkpoint) throws(TrainingError) {
    let path = path
    func tensor(_ name: String, like other: Tensor) throws(TrainingError) -> Tensor {
      guard let record = file.record(named: name), record.type == .f32,
        record.byteCount == other.byteCount
      else { throw .damagedCheckpoint(path: path) }
      let result = Tensor(.float32, other.shape)
      file.withBytes(of: record) { bytes in
        if let base = bytes.baseAddress {
          result.storage.pointer.copyMemory(from: base, byteCount: result.byteCount)
        }
      }
      return result
    }
    for index in state.weights.indices {
      state.weights[index] = try tensor("weight.\(index)", like: state.weights[index])
      for slot in state.memory[index].indices {
        state.memory[index][slot] = try tensor(
          "memory.\(index).\(slot)", like: state.memory[index][slot])
      }
    }
    for index in state.statistics.indices {
      let moments = state.statistics[index]
      state.statistics[index] = BatchMoments(
        mean: try tensor("mean.\(index)", like: moments.mean),
        variance: try tensor("variance.\(index)", like: moments.variance))
    }
  }
}
