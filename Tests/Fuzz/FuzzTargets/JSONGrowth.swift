internal import JSONText
internal import JobRequests
internal import Jobs
internal import Replicate

/// Long texts that repeat one short text.
///
/// Each would reveal one kind of repeated work.
enum JSONGrowth {
  static func check(_ input: [UInt8]) throws(Violation) {
    let count = max(1, ProcessorTime.longInput / input.count)
    let quoted = quote(input)
    let texts = [
      Array(repeatElement(input, count: count).joined()),
      [UInt8(ascii: "[")] + Array(repeatElement(input, count: count).joined(separator: ",".utf8)) + [0x5D],
      quote(Array(repeatElement(input, count: count).joined())),
      members(named: quoted, count: count),
      Array(#"{"id":"a","status":"failed","error":"#.utf8)
        + quote(Array(repeatElement(input, count: count).joined())) + [0x7D],
    ]
    for text in texts {
      try ProcessorTime.bound("reading JSON") { () throws(Violation) in read(text) }
    }
  }

  private static func quote(_ bytes: [UInt8]) -> [UInt8] {
    var writer = JSONWriter()
    writer.string(String(decoding: bytes, as: UTF8.self))
    return writer.bytes
  }

  private static func members(named name: [UInt8], count: Int) -> [UInt8] {
    let member = name + Array(":1".utf8)
    return [0x7B] + Array(repeatElement(member, count: count).joined(separator: ",".utf8)) + [0x7D]
  }

  private static func judge(_ output: [UInt8]) {
    guard case .success(let value) = JSONFuzzTarget.validate(output) else { return }
    for expect in [#"{"kind":"urls"}"#, #"{"kind":"text","length":1}"#] {
      let rule = Array(expect.utf8)
      _ = try? OutputRule(expect: rule.span).violation(by: value, in: output.span, isDataRemoved: false)
    }
  }

  private static func read(_ text: [UInt8]) {
    if case .success(let value) = JSONFuzzTarget.validate(text), value.kind == .string {
      let range = value.range.lowerBound + 1..<value.range.upperBound - 1
      _ = JSONString.decode(range, of: text.span)
      _ = JSONString.tail(of: range, limit: 100, in: text.span)
      _ = LogProgress.fraction(in: value, of: text.span)
    }
    judge(text)
    _ = try? PredictionRequest(body: text.span)
    guard let prediction = try? Prediction(body: text.span),
      let digest = BodyDigest(bytes: Array(repeating: 0, count: BodyDigest.byteCount))
    else { return }
    _ = prediction.snapshot(digest: digest, rules: OutputRules(), body: text.span)
  }
}
