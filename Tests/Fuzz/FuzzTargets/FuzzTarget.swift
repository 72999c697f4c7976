/// The fuzz targets.
///
/// Each runs one part of the receiver on any bytes, and reports the rule that it violated.
package enum FuzzTarget: String, CaseIterable, Sendable {
  /// A stream of pipelined requests: heads, and bodies of either framing.
  case requests
  /// The signature fields of a delivery, and the text of a secret.
  case signatures
  /// JSON: scanner, strings and writer.
  case json
  /// The body of a delivery, up to the snapshot.
  case predictions

  /// Runs the target once on `input`.
  package func run(_ input: [UInt8]) throws(Violation) {
    switch self {
    case .requests: try RequestsFuzzTarget.run(input)
    case .signatures: try SignaturesFuzzTarget.run(input)
    case .json: try JSONFuzzTarget.run(input)
    case .predictions: try PredictionsFuzzTarget.run(input)
    }
    // Long inputs are slow, so only few are tried. Their content selects them, because a run must be
    // repeatable.
    if input.hash32 & 0xFFF == 0 { try checkGrowth(of: input) }
  }

  /// Runs the target on many copies of `input`, within limited processor time.
  package func checkGrowth(of input: [UInt8]) throws(Violation) {
    guard !input.isEmpty else { return }
    switch self {
    case .requests: try RequestsFuzzTarget.checkGrowth(of: input)
    case .signatures: return
    case .json, .predictions: try JSONGrowth.check(input)
    }
  }
}

/// A property that did not hold.
package struct Violation: Error, CustomStringConvertible {
  package let rule: String

  package var description: String { rule }
}

/// Throws unless `holds`; `rule` describes the requirement.
func require(_ holds: Bool, _ rule: @autoclosure () -> String) throws(Violation) {
  guard holds else { throw Violation(rule: rule()) }
}

extension [UInt8] {
  /// FNV-1a, for choices that depend on the input.
  fileprivate var hash32: UInt32 {
    reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }
}
