import Foundation
import FuzzTargets
import Testing

/// One kept input of a fuzz target: a case that somebody thought of, or a way through the code that fuzzing
/// found.
struct CorpusFile: Sendable, CustomTestStringConvertible {
  let target: FuzzTarget
  let name: String
  let bytes: [UInt8]

  /// Somebody gave it a name; what fuzzing found is named by its SHA-1.
  var isThoughtOf: Bool { name.count < 40 }

  var testDescription: String { "\(target.rawValue)/\(name)" }

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fuzzing/Corpora")

  /// Sorted by target and name. Empty where the folder cannot be read, which a test notices.
  static let all: [CorpusFile] = FuzzTarget.allCases.flatMap { target -> [CorpusFile] in
    let place = folder.appendingPathComponent(target.rawValue)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
    return names.sorted().compactMap { name -> CorpusFile? in
      guard let data = try? Data(contentsOf: place.appendingPathComponent(name)) else { return nil }
      return CorpusFile(target: target, name: name, bytes: Array(data))
    }
  }
}
