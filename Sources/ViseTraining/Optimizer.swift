import ViseTensor

/// Weights that follow their gradients, with what the method remembers of each.
///
/// Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013), for
/// SGD with Nesterov's momentum; Kingma and Ba, "Adam" (2015), with the weight decay of Loshchilov and
/// Hutter, "Decoupled Weight Decay Regularization" (2019).
struct Optimizer {
  let method: TrainingOptions.Method
  let decay: Float
  /// By parameter, whether it decays.
  let decays: [Bool]
  /// What is trained, by parameter.
  private(set) var weights: [Tensor]
  /// By parameter: momentum, or the moments of first and second order.
  private(set) var memory: [[Tensor]]
  /// Steps taken.
  private(set) var stepCount: Int

  /// - Parameter weights: copied.
  init(_ options: TrainingOptions, weights: [Tensor], decays: [Bool]) {
    method = options.method
    decay = options.decay
    self.decays = decays
    self.weights = weights.map { Self.copy($0) }
    let slots = if case .adam = method { 2 } else { 1 }
    memory = weights.map { weight in
      (0..<slots).map { _ in Tensor(weight.shape, [Float](repeating: 0, count: weight.count)) }
    }
    stepCount = 0
  }

  private static func copy(_ x: Tensor) -> Tensor { Tensor(x.shape, x.values(Float.self)) }

  /// Goes on from an earlier run's state, in tensors of the same shapes.
  mutating func restore(weights: [Tensor], memory: [[Tensor]], stepCount: Int) {
    self.weights = weights
    self.memory = memory
    self.stepCount = stepCount
  }

  /// Takes one step along `gradients`, in the order of `weights`.
  ///
  /// The weights change in place: nobody may be reading them.
  mutating func step(_ gradients: [Tensor], rate: Float) {
    stepCount += 1
    for index in weights.indices {
      let count = weights[index].count
      let (w, g) = (weights[index].pointer(Float.self), gradients[index].pointer(Float.self))
      let decay = decays[index] ? decay : 0
      switch method {
      case .sgd(let momentum):
        let v = memory[index][0].pointer(Float.self)
        for i in 0..<count {
          let slope = g[i] + decay * w[i]
          v[i] = momentum * v[i] + slope
          w[i] -= rate * (slope + momentum * v[i])
        }
      case .adam(let beta1, let beta2):
        let (m, v) = (memory[index][0].pointer(Float.self), memory[index][1].pointer(Float.self))
        let (first, second) = (1 - power(beta1, stepCount), 1 - power(beta2, stepCount))
        for i in 0..<count {
          m[i] = beta1 * m[i] + (1 - beta1) * g[i]
          v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i]
          let slope = m[i] / first / ((v[i] / second).squareRoot() + 1e-8)
          w[i] -= rate * (slope + decay * w[i])
        }
      }
    }
  }

  private func power(_ base: Float, _ exponent: Int) -> Float {
    var (result, factor, rest) = (1.0, Double(base), exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= factor }
      factor *= factor
      rest >>= 1
    }
    return Float(result)
  }
}
