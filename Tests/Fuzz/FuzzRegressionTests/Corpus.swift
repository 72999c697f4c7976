import Foundation
import FuzzTargets
import Testing

/// One input of a fuzz target's corpus.
///
/// It was written by hand, or found by fuzzing as a new path through the code.
struct CorpusFile: Sendable, CustomTestStringConvertible {
  let target: FuzzTarget
  let name: String
  let bytes: [UInt8]

  /// Written by hand and named.
  ///
  /// Inputs found by fuzzing are named by their SHA-1.
  var isThoughtOf: Bool { name.count < 40 }

  var testDescription: String { "\(target.rawValue)/\(name)" }

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Corpora")

  /// Sorted by target and name. Empty if the folder cannot be read, which a test detects.
  static let all: [CorpusFile] = FuzzTarget.allCases.flatMap { target -> [CorpusFile] in
    let place = folder.appendingPathComponent(target.rawValue)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
    return names.sorted().compactMap { name -> CorpusFile? in
      guard let data = try? Data(contentsOf: place.appendingPathComponent(name)) else { return nil }
      return CorpusFile(target: target, name: name, bytes: Array(data))
    }
  }
}
