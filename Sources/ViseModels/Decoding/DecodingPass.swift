import ViseTensor

/// One pass of consecutive tokens through a schedule, as each member of a team runs it.
struct DecodingPass: Sendable {
  let schedule: DecodingSchedule
  let buffers: [ByteBuffer]
  /// Scratch space of each member.
  let scratch: [FloatBuffer]
  let tokens: [Int32]
  /// The position of the first token.
  let position: Int

  func run(_ member: SpinTeam.Member) {
    for level in schedule.levels {
      for step in level { run(step, member) }
      member.meet()
    }
  }

  private func bytes(_ place: Int) -> UnsafeMutableRawPointer {
    guard let start = buffers[place].storage.baseAddress else {
      preconditionFailure("buffers are never empty")
    }
    return start
  }

  private func floats(_ place: Int) -> UnsafeMutablePointer<Float> {
    bytes(place).assumingMemoryBound(to: Float.self)
  }

  private func run(_ step: DecodingStep, _ member: SpinTeam.Member) {
    let total = step.isLastOnly ? 1 : tokens.count
    switch step.operation {
    case .linear(let weight, let bias):
      let x = bytes(step.inputs[weight.packedType == nil ? 0 : 1])
      let range = weight.multiply(
        x, tokens: total, member: member, scratch: scratch[member.index].pointer,
        into: floats(step.output))
      guard let bias else { return }
      let width = weight.rowCount
      for row in 0..<total {
        Kernels.add(
          bias.pointer + range.lowerBound, count: range.count,
          to: floats(step.output) + row * width + range.lowerBound)
      }
    case .attention(let shape, let keys, let values):
      DecodingAttention(
        shape: shape, keys: keys, values: values, position: position, rows: total,
        scores: scratch[member.index].pointer
      ).run(queries: floats(step.inputs[0]), into: floats(step.output), member)
    default:
      let rows = member.share(of: total)
      if !rows.isEmpty { run(step, rows: rows) }
    }
  }

  /// Steps that make each row from the same rows.
  private func run(_ step: DecodingStep, rows: Range<Int>) {
    let width = schedule.places[step.output].width
    let count = rows.count * width
    let y = floats(step.output) + rows.lowerBound * width
    func input(_ index: Int) -> UnsafeMutablePointer<Float> {
      let place = step.inputs[index]
      return floats(place) + rows.lowerBound * schedule.places[place].width
    }
    switch step.operation {
    case .embed(let table, let scale):
      for row in rows {
        let token = Int(tokens[row])
        table.decode(token..<token + 1, into: floats(step.output) + row * width)
      }
      if scale != 1 { Kernels.scale(y, count: count, by: scale) }
    case .addPositions(let table):
      table.decode(position + rows.lowerBound..<position + rows.upperBound, into: y)
      Kernels.add(input(0), count: count, to: y)
    case .rmsNorm(let weight, let group, let epsilon):
      Kernels.rmsNorm(
        input(0), rows: count / group, group: group, weight: weight.pointer, epsilon: epsilon,
        into: y)
    case .layerNorm(let weight, let bias, let epsilon):
      Kernels.layerNorm(
        input(0), rows: rows.count, columns: width, weight: weight.pointer, bias: bias.pointer,
        epsilon: epsilon, into: y)
    case .round(let type):
      let columns = schedule.places[step.inputs[0]].width
      let rowByteCount = schedule.places[step.output].rowByteCount
      RoundedActivations.round(
        input(0), rows: rows.count, columns: columns, for: type,
        into: bytes(step.output) + rows.lowerBound * rowByteCount)
    case .rope(let shape, let table):
      y.update(from: input(0), count: count)
      Kernels.rotate(
        y, rows: rows.count, firstPosition: position + rows.lowerBound, heads: shape.heads,
        headLength: shape.headLength, rotary: shape.table.rotary, table: table.pointer,
        isInterleaved: shape.isInterleaved)
    case .store(let buffer):
      let width = schedule.places[step.inputs[0]].width
      (buffer.pointer + (position + rows.lowerBound) * width)
        .update(from: input(0), count: rows.count * width)
    case .siluMultiply: Kernels.siluMultiply(input(0), input(1), count: count, into: y)
    case .geluMultiply: Kernels.geluMultiply(input(0), input(1), count: count, into: y)
    case .gelu: Kernels.gelu(input(0), count: count, into: y)
    case .add:
      y.update(from: input(0), count: count)
      Kernels.add(input(1), count: count, to: y)
    case .slice(let start):
      let source = floats(step.inputs[0])
      let sourceWidth = schedule.places[step.inputs[0]].width
      for row in rows {
        (floats(step.output) + row * width)
          .update(from: source + row * sourceWidth + start, count: width)
      }
    case .lastRow:
      y.update(from: floats(step.inputs[0]) + (tokens.count - 1) * width, count: width)
    case .linear, .attention:
      break
    }
  }
}
