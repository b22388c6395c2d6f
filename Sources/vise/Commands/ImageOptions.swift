import ArgumentParser
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseTensor

/// Options of the measurement of ONNX classifiers.
struct ImageOptions: ParsableArguments {
  @Option(
    help: "For ONNX: labelled images, an .npz file of x and y or an IDX file such as MNIST's.")
  var data: String?

  @Option(
    help: "Labels for an IDX file of images; by default the file with labels-idx1 in its name.")
  var labels: String?

  @Option(help: "Mean of each channel, taken from the images, such as 0.485,0.456,0.406.")
  var mean: NumberList?

  @Option(help: "Deviation of each channel, by which the images are divided then.")
  var std: NumberList?

  func validate() throws {
    guard (mean == nil) == (std == nil), mean?.values.count == std?.values.count else {
      throw ValidationError("--mean and --std go together, one number a channel each")
    }
  }

  /// The images as `model` expects them.
  ///
  /// - Parameter needsLabels: whether labels are read; without them all are 0.
  func images(
    for model: GraphModel, limit: Int?, byteLimit: Int, needsLabels: Bool = true
  ) throws -> LabelledImages {
    let declared = model.source.graph.inputs.first?.shape
    var channels: Int?
    if let declared, declared.count > 1, case .fixed(let count) = declared[1] { channels = count }
    guard let data else { throw InputError.noImages }
    return try images(
      of: arrays(data, byteLimit: byteLimit, needsLabels: needsLabels), channels: channels,
      limit: limit)
  }

  private func images(
    of arrays: (x: Tensor, y: Tensor), channels: Int?, limit: Int?
  ) throws -> LabelledImages {
    let (x, y) = arrays
    let count = min(limit ?? .max, x.shape.first ?? 0, y.shape.first ?? 0)
    return try LabelledImages(
      images: Self.first(count, of: x), labels: Self.first(count, of: y), channels: channels,
      normalization: mean.flatMap { mean in
        std.map { LabelledImages.Normalization(mean: mean.values, deviation: $0.values) }
      })
  }

  /// Images and labels of the files.
  private func arrays(
    _ data: String, byteLimit: Int, needsLabels: Bool
  ) throws -> (x: Tensor, y: Tensor) {
    guard IDXFile.accepts(path: data) else {
      let file = try ArrayFile(path: data, byteLimit: byteLimit)
      let images = try file.array("x")
      return (images, needsLabels ? try file.array("y") : Self.unlabelled(images))
    }
    let images = try IDXFile.read(path: data, byteLimit: byteLimit)
    // Images of one colour have no dimension for it.
    let shape = images.rank == 3 ? [images.shape[0], 1] + images.shape.dropFirst() : images.shape
    guard needsLabels else { return (images.reshaped(shape), Self.unlabelled(images)) }
    let name = data.split(separator: "/").last.map(String.init) ?? data
    let other = name.replacing("images-idx3", with: "labels-idx1")
    guard let path = labels ?? (other == name ? nil : String(data.dropLast(name.count)) + other)
    else {
      throw InputError.noLabels
    }
    return (
      images.reshaped(shape),
      try IDXFile.read(path: path, byteLimit: byteLimit)
    )
  }

  /// A label for each image, none of which is asked for.
  private static func unlabelled(_ images: Tensor) -> Tensor {
    let count = images.shape.first ?? 0
    return Tensor([count], [UInt8](repeating: 0, count: count))
  }

  private static func first(_ count: Int, of tensor: Tensor) -> Tensor {
    guard let whole = tensor.shape.first, count < whole else { return tensor }
    return Tensor(tensor.type, [count] + tensor.shape.dropFirst(), storage: tensor.storage)
  }
}

/// Numbers with commas between them.
struct NumberList: ExpressibleByArgument {
  let values: [Float]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Float($0) }
    guard numbers.count == parts.count, numbers.allSatisfy(\.isFinite) else { return nil }
    values = numbers
  }
}
