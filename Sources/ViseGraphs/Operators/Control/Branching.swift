import ViseTensor

/// Operators that run graphs inside them.
enum ControlOperators {
  static let all: [OperatorDefinition] = [
    OperatorDefinition("If", halves: .asTheyAre) { node in
      guard let yes = node.node.subgraphs["then_branch"],
        let no = node.node.subgraphs["else_branch"]
      else { throw OperatorFault.attribute("then_branch") }
      let branches = try [yes, no].map { try GraphProgram(graph: $0.graph, opsets: node.opsets) }
      // Captured values follow the condition, those of the first branch before the second's.
      let counts = [yes.captures.count, no.captures.count]
      return { inputs, context in
        guard let condition = try inputs.scalar(0) else { throw OperatorFault.missingInput(0) }
        let index = condition != 0 ? 0 : 1
        let first = 1 + (index == 0 ? 0 : counts[0])
        let captured = (first..<first + counts[index]).map { inputs[$0] }
        return try branches[index].runNested(captured, inputs: [], context)
      }
    }
  ]
}
