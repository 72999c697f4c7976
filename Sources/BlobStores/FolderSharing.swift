internal import Bytes
internal import Crypto
internal import System

/// How nodes find out whether they share one folder.
///
/// Each leaves a file with a random text, and compares the files of the others with the texts that they have
/// put into the database.
extension FolderStore {
  static let nodesFolder = ".nodes"
  private static let maxTextBytes = 64

  /// Leaves the file of this node, in place of one of an earlier start.
  ///
  /// - Returns: Its text, for the other nodes.
  package func announce() throws(BlobFailure) -> String {
    let text = Hexadecimal.encode(RandomBytes.make(16))
    try reportingFailures { () throws(SystemError) in
      let partial = "\(path)/\(Self.partialFolder)/\(node)~announcement"
      try calls.remove(partial)
      try calls.write(Array(text.utf8), to: partial)
      try calls.flush(partial)
      try calls.rename(partial, to: announcement(of: node))
      try calls.flush("\(path)/\(Self.nodesFolder)")
    }
    return text
  }

  /// Removes the file of this node. Call it when the node leaves.
  package func withdraw() throws(BlobFailure) {
    try reportingFailures { () throws(SystemError) in _ = try calls.remove(announcement(of: node)) }
  }

  /// The nodes whose files are not in this folder, in order: each of them uses another folder.
  ///
  /// - Parameter texts: by the names of the nodes.
  package func missingNodes(of texts: [String: String]) throws(BlobFailure) -> [String] {
    try reportingFailures { () throws(SystemError) in
      var missing: [String] = []
      for (name, text) in texts {
        let path = announcement(of: PercentEncoding.encode(name))
        if try calls.read(path, limit: Self.maxTextBytes) != Array(text.utf8) { missing.append(name) }
      }
      return missing.sorted()
    }
  }

  private func announcement(of node: String) -> String { "\(path)/\(Self.nodesFolder)/\(node)" }
}
