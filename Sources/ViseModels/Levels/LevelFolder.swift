import Glibc
import ViseTensor

/// A folder of cached files; what fails is left undone.
enum LevelFolder {
  struct File {
    let name: String
    let byteCount: Int
    let seconds: Int
    let nanoseconds: Int
  }

  /// Makes the folder with those above it.
  static func make(_ folder: String) {
    var path = folder.hasPrefix("/") ? "" : "."
    for part in folder.split(separator: "/") {
      path += "/" + part
      mkdir(path, 0o755)
    }
  }

  /// The files ending in `suffix`, and what interrupted writers left.
  static func files(_ folder: String, suffix: String) -> [File] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var files: [File] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      var status = stat()
      guard name.hasSuffix("." + suffix) || name.hasSuffix(".part"),
        stat("\(folder)/\(name)", &status) == 0
      else { continue }
      files.append(
        File(
          name: name, byteCount: Int(status.st_size), seconds: Int(status.st_mtim.tv_sec),
          nanoseconds: Int(status.st_mtim.tv_nsec)))
    }
    return files
  }

  /// Writes beside `path` and renames; nothing is synced, since readers recognise what is cut off.
  static func write(_ header: [UInt8], _ parts: [ByteBuffer], to path: String) -> Bool {
    let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).part"
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { return false }
    let isWhole =
      header.withUnsafeBytes { write($0, to: file) }
      && parts.allSatisfy { part in withExtendedLifetime(part) { write($0.bytes, to: file) } }
    guard close(file) == 0, isWhole, rename(temporary, path) == 0 else {
      unlink(temporary)
      return false
    }
    return true
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to file: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let slice = UnsafeRawBufferPointer(rebasing: rest)
      let count = Glibc.write(file, slice.baseAddress, slice.count)
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}
