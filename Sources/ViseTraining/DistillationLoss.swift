import Glibc
public import ViseTensor

func cosine(_ x: Double) -> Double { cos(x) }

/// Cross-entropy with labels and divergence from a teacher's outputs, weighed against each other.
///
/// (1 − w) · −ln p(label) + w · T² · KL(softmax(teacher/T) ‖ softmax(student/T)), averaged over the
/// examples, in nats (Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015).
/// With a weight of 1 labels are not used.
public struct DistillationLoss: Hashable, Sendable {
  /// The teacher's weight, between 0 and 1.
  public var teacherWeight: Float
  /// By which logits are divided before they are compared with the teacher's.
  public var temperature: Float

  public init(teacherWeight: Float = 0.5, temperature: Float = 4) {
    self.teacherWeight = teacherWeight
    self.temperature = temperature
  }

  /// Sums over some of a batch's examples.
  public struct Value: Hashable, Sendable {
    /// Of the losses.
    public var loss = 0.0
    /// Examples whose class is that of the label, or of the teacher where there are no labels.
    public var hits = 0

    public init() {}

    public mutating func add(_ other: Value) {
      loss += other.loss
      hits += other.hits
    }
  }

  /// The loss of examples × classes logits, and its gradient, which `gradient` is filled with.
  ///
  /// - Parameters:
  ///   - teacher: logits of the same shape; not read where its weight is 0.
  ///   - labels: a class an example; not read where the teacher's weight is 1.
  ///   - batchLength: by which the gradient is divided.
  /// - Throws: `TrainingError.labelOutOfRange`.
  public func evaluate(
    _ logits: Tensor, teacher: Tensor?, labels: [Int], batchLength: Int, gradient: Tensor
  ) throws(TrainingError) -> Value {
    let rows = logits.shape.first ?? 0
    let classes = rows == 0 ? 0 : logits.count / rows
    var value = Value()
    for row in 0..<rows {
      let student = logits.pointer(Float.self) + row * classes
      let target = gradient.pointer(Float.self) + row * classes
      var truth = 0
      target.update(repeating: 0, count: classes)
      if teacherWeight < 1 {
        truth = labels[row]
        guard (0..<classes).contains(truth) else {
          throw .labelOutOfRange(truth, classes: classes)
        }
        value.loss += addLabel(truth, student, target, classes, batchLength)
      }
      if teacherWeight > 0, let teacher {
        let teaching = teacher.pointer(Float.self) + row * classes
        value.loss += addTeacher(teaching, student, target, classes, batchLength)
        if teacherWeight >= 1 { truth = Self.largest(teaching, classes) }
      }
      if Self.largest(student, classes) == truth { value.hits += 1 }
    }
    return withExtendedLifetime((logits.storage, teacher?.storage)) { value }
  }

  /// Adds p − 1 at the label; returns −ln p(label), weighed.
  private func addLabel(
    _ label: Int, _ student: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>,
    _ classes: Int, _ batchLength: Int
  ) -> Double {
    let weight = Double(1 - teacherWeight)
    let logarithms = Self.logProbabilities(student, classes, temperature: 1)
    for i in 0..<classes {
      let slope = exp(logarithms[i]) - (i == label ? 1 : 0)
      target[i] += Float(weight * slope / Double(batchLength))
    }
    return -weight * logarithms[label]
  }

  /// Adds T · (student − teacher) of the softened probabilities; returns T² · KL, weighed.
  private func addTeacher(
    _ teaching: UnsafePointer<Float>, _ student: UnsafePointer<Float>,
    _ target: UnsafeMutablePointer<Float>, _ classes: Int, _ batchLength: Int
  ) -> Double {
    let (weight, t) = (Double(teacherWeight), Double(temperature))
    let (p, q) = (
      Self.logProbabilities(teaching, classes, temperature: t),
      Self.logProbabilities(student, classes, temperature: t)
    )
    var divergence = 0.0
    for i in 0..<classes {
      divergence += exp(p[i]) * (p[i] - q[i])
      target[i] += Float(weight * t * (exp(q[i]) - exp(p[i])) / Double(batchLength))
    }
    return weight * t * t * divergence
  }

  private static func logProbabilities(
    _ x: UnsafePointer<Float>, _ count: Int, temperature: Double
  ) -> [Double] {
    let scaled = (0..<count).map { Double(x[$0]) / temperature }
    let top = scaled.max() ?? 0
    let sum = scaled.reduce(0) { $0 + exp($1 - top) }
    return scaled.map { $0 - top - log(sum) }
  }

  private static func largest(_ x: UnsafePointer<Float>, _ count: Int) -> Int {
    (0..<count).reduce(0) { x[$1] > x[$0] ? $1 : $0 }
  }
}
