import Foundation

/// deploy/docs/security.md, whose figures are those that tests count.
package enum SecurityPage {
  /// - Parameter figure: a count with the words around it.
  package static func has(_ figure: String) throws -> Bool {
    let page = Program.root.appendingPathComponent("deploy/docs/security.md")
    return try String(contentsOf: page, encoding: .utf8).contains(figure)
  }
}
