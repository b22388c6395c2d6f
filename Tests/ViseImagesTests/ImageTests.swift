import Foundation
import Testing
import ViseImages
import ViseTensor

private func bytes(_ name: String) throws -> [UInt8] {
  let url = try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil))
  return Array(try Data(contentsOf: url))
}

private func decoded(_ name: String) throws -> DecodedImage {
  try DecodedImage(bytes: bytes(name), path: name)
}

private func largestDifference(_ left: [UInt8], _ right: [UInt8]) -> Int {
  guard left.count == right.count else { return .max }
  return zip(left, right).map { abs(Int($0) - Int($1)) }.max() ?? 0
}

private let pictures = [
  "rgb.png", "gray.png", "palette.png", "alpha.png", "deep.png", "rgb.jpg", "progressive.jpg",
  "gray.jpg",
]

/// Fixtures of Tests/Peers/make_image_fixtures.py; JPEG decoders may differ by a rounding.
@Test(arguments: pictures)
func imagesAreWhatPillowReads(name: String) throws {
  let image = try decoded(name)
  let tolerance = name.hasSuffix(".png") ? 0 : 2
  #expect(largestDifference(image.pixels, try bytes("\(name).rgb")) <= tolerance)
}

@Test(arguments: pictures)
func imagesCutShortAreDamaged(name: String) throws {
  let whole = try bytes(name)
  for count in [12, 40, whole.count / 2, whole.count * 3 / 4] where count < whole.count {
    #expect(throws: ImageError.damaged(path: name)) {
      try DecodedImage(bytes: Array(whole.prefix(count)), path: name)
    }
  }
}

/// Whatever bytes are changed: an image or a typed error, and no more memory than the limit allows.
@Test(arguments: pictures)
func mutatedImagesEndInTypedErrors(name: String) throws {
  let whole = try bytes(name)
  var random = RandomSource(seed: 77)
  var (images, errors) = (0, 0)
  for _ in 0..<400 {
    var changed = whole
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      changed[Int.random(in: 3..<changed.count, using: &random)] = UInt8.random(
        in: 0...255, using: &random)
    }
    do {
      let image = try DecodedImage(bytes: changed, path: name, pixelLimit: 1 << 16)
      #expect(image.pixels.count <= 3 << 16)
      images += 1
    } catch {
      errors += 1
    }
  }
  #expect(images + errors == 400 && errors > 0, "seed 77")
}

@Test func imagesOverThePixelLimitAreRefusedBeforeTheyAreDecoded() throws {
  #expect(throws: ImageError.tooLarge(path: "a", pixelLimit: 293)) {
    try DecodedImage(bytes: bytes("rgb.png"), path: "a", pixelLimit: 293)
  }
  #expect(try DecodedImage(bytes: bytes("rgb.png"), path: "a", pixelLimit: 294).width == 21)
  #expect(throws: ImageError.tooLarge(path: "b", pixelLimit: 293)) {
    try DecodedImage(bytes: bytes("rgb.jpg"), path: "b", pixelLimit: 293)
  }
  // A JPEG header that says 65 500 × 65 500.
  var bomb = try bytes("rgb.jpg")
  let frame = try #require(
    (0..<bomb.count - 1).first { bomb[$0] == 0xFF && bomb[$0 + 1] == 0xC0 })
  for offset in [5, 7] { (bomb[frame + offset], bomb[frame + offset + 1]) = (0xFF, 0xDC) }
  #expect(throws: ImageError.tooLarge(path: "c", pixelLimit: DecodedImage.pixelLimit)) {
    try DecodedImage(bytes: bomb, path: "c")
  }
}

@Test func otherFilesAreNoImages() {
  for bytes in [[], [1], Array("GIF89a and more".utf8)] as [[UInt8]] {
    #expect(throws: ImageError.unknownKind(path: "x")) {
      try DecodedImage(bytes: bytes, path: "x")
    }
  }
}

@Test func preparationIsPillowsResizeAndCrop() throws {
  let image = try decoded("rgb.png")
  func prepared(_ channels: ImagePreparation.Channels) throws -> [UInt8] {
    try ImagePreparation(resize: 10, crop: 8, channels: channels).prepare(image, path: "").bytes
  }
  let rgb = try prepared(.rgb)
  #expect(largestDifference(rgb, try bytes("prepared.rgb")) <= 1)
  #expect(largestDifference(try prepared(.gray), try bytes("prepared.gray")) <= 1)
  let bgr = try prepared(.bgr)
  for pixel in stride(from: 0, to: 192, by: 3) {
    let (left, right) = (Array(bgr[pixel..<pixel + 3]), Array(rgb[pixel..<pixel + 3]))
    #expect(left == right.reversed())
  }
  let large = try ImagePreparation(resize: 28).prepare(image, path: "")
  #expect(large.width == 42 && large.height == 28)
  #expect(largestDifference(large.bytes, try bytes("enlarged.rgb")) <= 1)
  #expect(throws: ImageError.cropTooLarge(path: "p", side: 15)) {
    try ImagePreparation(crop: 15).prepare(image, path: "p")
  }
}

@Test func subfoldersAreClasses() throws {
  let folder = FileManager.default.temporaryDirectory.appending(path: "vise-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: folder) }
  func write(_ name: String, as path: String) throws {
    let target = folder.appending(path: path)
    try FileManager.default.createDirectory(
      at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes(name)).write(to: target)
  }
  try write("rgb.png", as: "shirt/2.PNG")
  try write("rgb.jpg", as: "shirt/1.jpeg")
  try write("gray.png", as: "coat/a.png")
  try write("deep.png", as: "loose.png")
  try Data("text".utf8).write(to: folder.appending(path: "coat/notes.txt"))
  let found = try ImageFolder(path: folder.path)
  #expect(found.classes == ["coat", "shirt"])
  #expect(found.files.map(\.label) == [0, 1, 1])
  #expect(found.files.last?.path.hasSuffix("shirt/2.PNG") == true)
  let loaded = try found.load(ImagePreparation(crop: 4, channels: .gray), byteLimit: 1 << 20)
  #expect(loaded.shape == [3, 4, 4, 1] && loaded.bytes.count == 48 && loaded.labels == [0, 1, 1])
  #expect(throws: ImageError.tooMany(count: 3, byteLimit: 47)) {
    try found.load(ImagePreparation(crop: 4, channels: .gray), byteLimit: 47)
  }
  try write("deep.png", as: "shirt/3.png")
  #expect(throws: ImageError.self) {
    try ImageFolder(path: folder.path).load(ImagePreparation(), byteLimit: 1 << 20)
  }
  try Data().write(to: folder.appending(path: "coat/b.png"))
  #expect(throws: ImageError.unknownKind(path: folder.appending(path: "coat/b.png").path)) {
    try ImageFolder(path: folder.path).load(ImagePreparation(crop: 4), byteLimit: 1 << 20)
  }
  #expect(throws: ImageError.noImages(folder: folder.appending(path: "shirt").path)) {
    try ImageFolder(path: folder.appending(path: "shirt").path)
  }
}
