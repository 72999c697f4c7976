extension Archivist {
  /// Whether this daemon's folder is the one that is wrong.
  ///
  /// - Parameters:
  ///   - missing: the nodes whose files are not in the folder.
  ///   - isAnnounced: whether the others can find this node's file.
  static func isApart(missing: [String], node: String, isAnnounced: Bool) -> Bool {
    // Where two have announced theirs at once, the one with the lower name goes on.
    isAnnounced ? missing.contains { $0 <= node } : !missing.isEmpty
  }
}
