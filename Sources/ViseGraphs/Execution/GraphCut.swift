import ViseTensor

extension GraphProgram {
  /// The last of `cuts(before: weights)`; `nil` where there is none.
  public func lastCut(before weights: Set<Int>) -> Int? { cuts(before: weights).last }

  /// Values, in their order, each of which separates all before it from all that changes to
  /// `weights` can alter.
  ///
  /// At a cut one value alone, weights and constants apart, is needed by what follows. All of them
  /// lie before the first operation that reads a changed weight.
  public func cuts(before weights: Set<Int>) -> [Int] {
    let steps = schedule.steps
    // Values that follow from constants and weights alone are made again wherever they are needed.
    var isStatic = knownValues
    var isChanged = [Bool](repeating: false, count: isStatic.count)
    for weight in weights { isChanged[weight] = true }
    var lastReader = [Int](repeating: -1, count: isStatic.count)
    for (index, step) in steps.enumerated() {
      for value in step.reads { lastReader[value] = index }
    }
    for output in outputs { lastReader[output] = steps.count }
    var live = Set(inputValues)
    var cuts: [Int] = []
    for (index, step) in steps.enumerated() {
      let changes = step.reads.contains { isChanged[$0] }
      if step.reads.allSatisfy({ isStatic[$0] }) {
        for output in step.outputs where output >= 0 {
          isStatic[output] = true
          isChanged[output] = changes
        }
        continue
      }
      if changes { return cuts }
      live.formUnion(step.outputs.filter { $0 >= 0 })
      live = live.filter { lastReader[$0] > index }
      if live.count == 1, let only = live.first, cuts.last != only { cuts.append(only) }
    }
    return cuts
  }
}
