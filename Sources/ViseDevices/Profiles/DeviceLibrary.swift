import Glibc
import ViseTensor

/// The device profiles Vise knows: those built in and those of a folder.
public struct DeviceLibrary: Sendable {
  /// Built-in ones first, in a fixed order; then those of the folder by file name.
  public let profiles: [DeviceProfile]

  private static let fileLimit = 1 << 18

  /// The profiles that come with Vise.
  public static func builtIn() throws(DeviceProfileError) -> DeviceLibrary {
    try DeviceLibrary(folder: nil)
  }

  /// Adds the `.toml` files of `folder`, which may be absent; none may take a name that is taken.
  public init(folder: String?) throws(DeviceProfileError) {
    var profiles: [DeviceProfile] = []
    for text in BuiltInProfiles.texts {
      try Self.add(text, from: nil, to: &profiles)
    }
    for path in folder.map(Self.files) ?? [] {
      try Self.add(try Self.text(of: path), from: path, to: &profiles)
    }
    self.profiles = profiles
  }

  public subscript(name: String) -> DeviceProfile? { profiles.first { $0.name == name } }

  private static func add(
    _ text: String, from path: String?, to profiles: inout [DeviceProfile]
  ) throws(DeviceProfileError) {
    do throws(DeviceProfileError) {
      let profile = try DeviceProfile(toml: text)
      guard !profiles.contains(where: { $0.name == profile.name }) else {
        throw DeviceProfileError(line: nil, reason: .duplicateName(profile.name))
      }
      profiles.append(profile)
    } catch {
      var error = error
      error.file = path
      throw error
    }
  }

  private static func files(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasSuffix(".toml"), !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted().map { "\(folder)/\($0)" }
  }

  private static func text(of path: String) throws(DeviceProfileError) -> String {
    func fault(_ reason: DeviceProfileError.Reason) -> DeviceProfileError {
      DeviceProfileError(file: path, line: nil, reason: reason)
    }
    var status = stat()
    guard stat(path, &status) == 0 else { throw fault(.unreadable) }
    if status.st_size == 0 { return "" }
    guard status.st_size <= fileLimit else { throw fault(.tooLarge(limit: fileLimit)) }
    let text: String?
    do throws(StorageError) {
      let file = try MappedFile(path: path)
      text = file.withBytes { String(validating: $0, as: UTF8.self) }
    } catch {
      throw fault(.unreadable)
    }
    guard let text else { throw fault(.notUTF8) }
    return text
  }
}
