import Foundation
import LiveDaemon
import Testing

/// A text file of the repository.
struct RepositoryFile {
  /// The path below the root.
  let path: String
  let text: String

  var name: String { String(path.split(separator: "/").last ?? "") }
  var kind: String { name.split(separator: ".").last.map(String.init) ?? "" }
  var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

  /// The files below `folder`, or the file of that path. Inputs of the fuzzer are no text.
  static func all(in folder: String, kinds: Set<String>) throws -> [RepositoryFile] {
    let root = Program.root.appendingPathComponent(folder)
    var isFolder: ObjCBool = false
    try #require(FileManager.default.fileExists(atPath: root.path, isDirectory: &isFolder), "\(folder)")
    let paths =
      isFolder.boolValue
      ? try FileManager.default.subpathsOfDirectory(atPath: root.path).sorted().map { "\(folder)/\($0)" }
      : [folder]
    return try paths.filter { !$0.contains("/Corpora/") }.compactMap { path in
      let url = Program.root.appendingPathComponent(path)
      let kind = RepositoryFile(path: path, text: "").kind
      guard kinds.contains(kind), !url.hasDirectoryPath else { return nil }
      return RepositoryFile(path: path, text: try String(contentsOf: url, encoding: .utf8))
    }
  }
}
