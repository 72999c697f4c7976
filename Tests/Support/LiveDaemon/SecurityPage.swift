import Foundation

/// deploy/security.md, whose figures tests count.
package enum SecurityPage {
  /// - Parameter figure: a count with its surrounding words.
  package static func has(_ figure: String) throws -> Bool {
    let page = Program.root.appendingPathComponent("deploy/docs/security.md")
    return try String(contentsOf: page, encoding: .utf8).contains(figure)
  }
}
