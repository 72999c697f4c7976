import BlobStores
import Bytes
import Crypto
import Foundation
import LiveDaemon

/// A spool of its own, in a temporary folder.
struct Spool {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A file with that content.
  func file(
    _ content: [UInt8], type: String = "image/png", name: String = UUID().uuidString
  ) throws -> SpooledFile {
    let url = folder.url.appendingPathComponent(name)
    try Data(content).write(to: url)
    return SpooledFile(path: url.path, sha256: Self.digest(content), size: content.count, type: type)
  }

  static func digest(_ content: [UInt8]) -> String { Hexadecimal.encode(SHA256().digest(of: content.span)) }

  /// Bytes that no two seeds share.
  static func bytes(_ count: Int, seed: UInt8 = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) ^ seed }
  }
}

/// A call that is not canceled.
func never() -> Bool { false }

/// The names below a folder, without folders, in order.
func files(below path: String) throws -> [String] {
  try FileManager.default.subpathsOfDirectory(atPath: path).filter { name in
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
      && !isFolder.boolValue
  }.sorted()
}
