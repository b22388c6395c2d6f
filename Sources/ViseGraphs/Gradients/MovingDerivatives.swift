import ViseTensor

/// Derivatives of operations that give elements another shape or another place.
enum MovingDerivatives {
  static let all: [DerivativeDefinition] =
    ["Identity", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze"].map { name in
      DerivativeDefinition(name) { _ in
        { call, _ in [try call.gradient().reshaped(checked: call.inputs.required(0).shape)] }
      }
    } + [
      DerivativeDefinition("Transpose") { node in
        let order = try node.ints("perm")
        return { call, context in
          let order = try order ?? call.inputs.required(0).shape.indices.reversed()
          let inverse = order.indices.map { place in order.firstIndex(of: place) ?? place }
          return [try RearrangingOperators.transposed(call.gradient(), inverse, context)]
        }
      },
      DerivativeDefinition("Expand") { _ in
        { call, context in
          [
            try BroadcastGradient.reduced(
              call.gradient(), to: call.inputs.required(0).shape, context)
          ]
        }
      },
      DerivativeDefinition("Concat") { node in
        let axis = try node.int("axis", default: 1)
        return { try concatenated($0, axis: axis, $1) }
      },
    ]
    + ["Slice", "Gather", "Tile", "Pad", "Split", "DepthToSpace", "SpaceToDepth"].map { name in
      DerivativeDefinition(name) { node in
        guard
          let definition = OperatorRegistry.find(domain: "", name: name, opset: node.opset)
        else { throw OperatorFault.unsupported("this version of \(name)") }
        let kernel = try definition.prepare(node)
        return { try moved($0, kernel, $1) }
      }
    }

  /// Moves the elements' numbers as the operation moves elements, then adds where they came from.
  ///
  /// Numbers begin at 1, so that a fill of zeros is nobody's.
  private static func moved(
    _ call: DerivativeCall, _ kernel: Kernel, _ context: KernelContext
  ) throws -> [Tensor?] {
    let x = try call.inputs.required(0, .float32)
    var tensors = call.inputs.tensors
    let numbers = try context.make(.int64, x.shape)
    for i in 0..<x.count { numbers.pointer(Int64.self)[i] = Int64(i + 1) }
    tensors[0] = numbers
    // What a Pad fills with.
    for index in tensors.indices.dropFirst() where tensors[index]?.type == .float32 {
      tensors[index] = nil
    }
    let places = try kernel(KernelInputs(tensors: tensors), context)
    let result = try context.zeros(.float32, x.shape)
    for (output, gradient) in zip(places, call.gradients) {
      guard let gradient else { continue }
      let (number, upper) = (output.pointer(Int64.self), gradient.pointer(Float.self))
      for i in 0..<output.count where number[i] > 0 {
        result.pointer(Float.self)[Int(number[i]) - 1] += upper[i]
      }
    }
    return [result]
  }

  private static func concatenated(
    _ call: DerivativeCall, axis: Int, _ context: KernelContext
  ) throws -> [Tensor?] {
    let dy = try call.gradient()
    let axis = try normalizedAxis(axis, rank: dy.rank)
    let outer = dy.shape[..<axis].reduce(1, *)
    let inner = dy.shape[(axis + 1)...].reduce(1, *)
    var place = 0
    return try call.inputs.tensors.indices.map { index in
      let part = try call.inputs.required(index)
      let run = part.shape[axis] * inner
      defer { place += run }
      guard call.wants(index) else { return nil }
      let result = try context.make(.float32, part.shape)
      for row in 0..<outer {
        (result.pointer(Float.self) + row * run).update(
          from: dy.pointer(Float.self) + row * dy.shape[axis] * inner + place, count: run)
      }
      return result
    }
  }
}
