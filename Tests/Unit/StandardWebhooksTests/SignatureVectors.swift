import Foundation
import Testing

/// The published vectors in `signature-vectors.json`.
///
/// They are cases from the suites of several official libraries, and derived ones, each with its source.
struct SignatureVectors: Decodable {
  let vectors: [Vector]
  let secrets: [SecretCase]
  let tolerance_cases: [ToleranceCase]

  struct Vector: Decodable, CustomTestStringConvertible {
    let name: String
    let secret: String
    let headers: [String: String]
    let body_base64: String?
    let body_repeat: Repetition?
    /// Nil if the result is implementation-defined or unknown.
    let signature_valid: Bool?

    var testDescription: String { name }

    var body: [UInt8] {
      if let body_repeat {
        return Array(repeating: Array(body_repeat.char.utf8)[0], count: body_repeat.count)
      }
      return Array(Data(base64Encoded: body_base64 ?? "") ?? Data())
    }

    func header(_ name: String) -> String {
      headers.first { $0.key.lowercased() == name }?.value ?? ""
    }
  }

  struct Repetition: Decodable {
    let char: String
    let count: Int
  }

  struct SecretCase: Decodable {
    let secret: String
    let expect: String
  }

  struct ToleranceCase: Decodable {
    let offset_seconds: Int64
    let tolerance: Int64
    let expect: String
  }

  static let all: SignatureVectors = {
    guard let url = Bundle.module.url(forResource: "Fixtures/signature-vectors", withExtension: "json"),
      let data = try? Data(contentsOf: url),
      let vectors = try? JSONDecoder().decode(SignatureVectors.self, from: data)
    else { preconditionFailure("signature-vectors.json is not among the test's resources") }
    return vectors
  }()
}
