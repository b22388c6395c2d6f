public import ArgumentParser
import ViseEvaluation
import ViseFormats
import ViseGraphs
import ViseImages
import ViseTensor

/// Options of the measurement of ONNX classifiers.
struct ImageOptions: ParsableArguments {
  @Option(
    help: """
      For ONNX: labelled images, an .npz file of x and y, an IDX file such as MNIST's or a folder with \
      a subfolder of PNG or JPEG images for each class; by default what data.toml beside the model \
      names.
      """)
  var data: String?

  @Option(
    help: "Labels for an IDX file of images; by default the file with labels-idx1 in its name.")
  var labels: String?

  @Option(help: "Mean of each channel, taken from the images, such as 0.485,0.456,0.406.")
  var mean: NumberList?

  @Option(help: "Deviation of each channel, by which the images are divided then.")
  var std: NumberList?

  @Option(help: "For a folder: the length the shorter side is scaled to.")
  var resize: Int?

  @Option(help: "For a folder: the side of the square cut from the middle.")
  var crop: Int?

  @Option(help: "For a folder: rgb, bgr or gray; by default as many as the model reads.")
  var channels: ImagePreparation.Channels?

  func validate() throws {
    guard (1...8192).contains(resize ?? 1), (1...8192).contains(crop ?? 1) else {
      throw ValidationError("--resize and --crop take 1 to 8192 pixels")
    }
    guard (mean == nil) == (std == nil), mean?.values.count == std?.values.count else {
      throw ValidationError("--mean and --std go together, one number a channel each")
    }
  }

  /// The images as `model` expects them: those of the options, or those declared beside the model.
  ///
  /// - Parameter needsLabels: whether labels are read; without them all are 0.
  /// - Throws: `InputError.noImages` where neither names any, and what reading them throws.
  func images(
    for model: GraphModel, use: ImageDeclaration.Use = .evaluation, limit: Int?, byteLimit: Int,
    needsLabels: Bool = true
  ) throws -> LabelledImages {
    let images = try found(
      beside: model, use: use, limit: limit, byteLimit: byteLimit, needsLabels: needsLabels)
    guard let images else { throw InputError.noImages }
    return images
  }

  /// As `images`, `nil` where none are named.
  func found(
    beside model: GraphModel, use: ImageDeclaration.Use = .evaluation, limit: Int?, byteLimit: Int,
    needsLabels: Bool = true
  ) throws -> LabelledImages? {
    let declared = try ImageDeclaration.beside(model: model.source.path)
    guard let path = data ?? declared?.path(for: use) else { return nil }
    let normalization =
      mean.flatMap { mean in
        std.map { LabelledImages.Normalization(mean: mean.values, deviation: $0.values) }
      } ?? declared?.normalization
    let (x, y) = try arrays(
      path, preparation(declared?.preparation, for: model), limit: limit, byteLimit: byteLimit,
      needsLabels: needsLabels)
    let count = min(limit ?? .max, x.shape.first ?? 0, y.shape.first ?? 0)
    return try LabelledImages(
      images: Self.first(count, of: x), labels: Self.first(count, of: y),
      channels: Self.channels(of: model), normalization: normalization)
  }

  /// What is done to images of a folder: as the options say, then as declared.
  private func preparation(
    _ declared: ImagePreparation?, for model: GraphModel
  ) -> ImagePreparation {
    ImagePreparation(
      resize: resize ?? declared?.resize, crop: crop ?? declared?.crop,
      channels: channels ?? declared?.channels ?? (Self.channels(of: model) == 1 ? .gray : .rgb))
  }

  /// The channels the model declares of its input.
  private static func channels(of model: GraphModel) -> Int? {
    guard let shape = model.source.graph.inputs.first?.shape, shape.count > 1,
      case .fixed(let count) = shape[1]
    else { return nil }
    return count
  }

  /// Images and labels of the files.
  private func arrays(
    _ data: String, _ preparation: ImagePreparation, limit: Int?, byteLimit: Int,
    needsLabels: Bool
  ) throws -> (x: Tensor, y: Tensor) {
    if ImageFolder.isFolder(data) {
      let loaded = try ImageFolder(path: data).load(
        preparation, limit: limit, byteLimit: byteLimit)
      return (Tensor(loaded.shape, loaded.bytes), Tensor([loaded.labels.count], loaded.labels))
    }
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

extension ImagePreparation.Channels: ExpressibleByArgument {}
