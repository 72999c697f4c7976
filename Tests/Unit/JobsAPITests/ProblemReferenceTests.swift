import Foundation
import Routing
import Testing

/// The codes of refusals in the documents.
@Suite struct ProblemReferenceTests {
  @Test(arguments: ["README.md", "deploy/docs/troubleshooting.md"])
  func `each code is in a row of a table`(_ path: String) throws {
    let folders = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4)
    let root = URL(fileURLWithPath: folders.joined(separator: "/"))
    let text = try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    let codes = text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { row in
      row.dropFirst(2).prefix { $0 != "|" }
    }
    for code in ProblemCode.allCases {
      #expect(codes.contains { $0.contains("`\(code.rawValue)`") }, "\(code.rawValue)")
    }
  }
}
