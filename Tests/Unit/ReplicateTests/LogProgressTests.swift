import JSONText
@testable import Replicate
import Simulation
import Testing

/// The progress in `raw`, the text of logs within a JSON string.
private func progress(_ raw: String) throws -> Double? {
  let bytes = Array(#""\#(raw)""#.utf8)
  return LogProgress.fraction(in: try JSONScanner.validate(bytes.span), of: bytes.span)
}

@Suite struct LogProgressTests {
  @Test(
    arguments: [
      (#"txt2img mode\n  0%|          | 0/16 [00:00<?, ?it/s]"#, 0),
      (#"  6%|▋         | 1/16 [00:00<00:02,  5.09it/s]\n 42%|████▏     | 21/50 [00:03<00:04]"#, 0.42),
      (#"100%|██████████| 16/16 [00:03<00:00,  5.17it/s]\nDone\n"#, 1),
      (#" 12%|\u2588\u258f  | 6\/50 [\u003c"#, 0.12),
      (#" 10%|█  | 1/10 [00:01]\r 20%|██  | 2/10 [00:02]\r"#, 0.2), (#" 33%|███"#, 0.33), (#"7%|"#, 0.07),
      (#" 42%|███▏ | 1.2M/2.9M [00:01<00:02, 1.0MB/s]"#, 0.42), (#"21/50 [00:03, 6it/s]"#, 0.42),
      (#"100%|███| 5/5 [00:01]\n  0%|   | 0/50 [00:00]"#, 0), (#"a 50%| | 1/2 [x] b 75%| | 3/4 [x]"#, 0.75),
      (#"250%|█| 5/2 [00:01]"#, 1), (#" 5%| | 0/0 [00:00]"#, 0.05),
    ] as [(String, Double)])
  func theLastBarIsRead(_ logs: String, _ fraction: Double) throws {
    #expect(try progress(logs) == fraction)
  }

  @Test(
    arguments: [
      "", "Using seed: 7710683", "42%", "42% |", "%|", "x%|", "| 21/50", "a/50 [", "5/ [", "/ [", "[", " [",
      "5/2 [",
      "3/0 [", #"1/2\n ["#, "99999999999/99999999999 [", "1.5%|", "12345678901%|", "Step 3 of 10",
      "downloaded 3/10 files",
    ])
  func logsWithoutABarHaveNoProgress(_ logs: String) throws {
    #expect(try progress(logs) == nil)
  }

  @Test(arguments: ["null", "1", "[]", "{}", "true"])
  func `logs of another type have no progress`(_ text: String) throws {
    let bytes = Array(text.utf8)
    #expect(LogProgress.fraction(in: try JSONScanner.validate(bytes.span), of: bytes.span) == nil)
  }

  /// The window may begin in an escape, a character, or the bar.
  @Test func onlyTheEndIsRead() throws {
    let bar = #" 42%|\u2588█ | 21/50 [00:03]\n"#
    let filler = { (count: Int) in
      String(repeating: #"\u0031é\\"#, count: count / 10) + String(repeating: "x", count: count % 10)
    }
    for count in 4040...4100 {
      let found = try progress(bar + filler(count))
      #expect(found == nil || found == 0.42)
      #expect(try progress(filler(count) + bar) == 0.42)
    }
    #expect(try progress(bar + filler(3900)) == 0.42)
    #expect(try progress(bar + filler(4200)) == nil)
  }

  /// The search through the raw text finds what the decoded text has, or leaves the logs to it.
  @Test(arguments: 0..<8)
  func `the raw text and the decoded text have the same bar`(_ seed: Int) {
    var mutation = Mutation(seed: UInt64(seed))
    var counts = (found: 0, none: 0, unclear: 0)
    let texts = [
      #"" 42%|███▏ | 21/50 [00:03\u003c00:04,  5.09it/s]\n""#, #"" 6%|▋\u2588 | 1\/16 [a]\r\n 7/8 [""#,
      #""[INFO] loaded 3 files\nstep \u0031/5 [x] 9/10 [y\u005b""#, #""no bar |x| at 10 %\n""#,
    ]
    for round in 0..<8000 {
      let text = mutation.mutate(texts[round % texts.count])
      guard let value = try? JSONScanner.validate(text.span),
        let window = LogProgress.window(of: value, in: text.span)
      else { continue }
      let decoded = LogProgress.fraction(decoding: window, of: text.span)
      switch LogProgress.scan(text.span.extracting(window)) {
      case .found(let fraction):
        counts.found += 1
        #expect(fraction == decoded, "\(String(decoding: text, as: UTF8.self))")
      case .none:
        counts.none += 1
        #expect(decoded == nil, "\(String(decoding: text, as: UTF8.self))")
      case .unclear: counts.unclear += 1
      }
      #expect(LogProgress.fraction(in: value, of: text.span) == decoded)
    }
    #expect(counts.found > 100 && counts.none > 100 && counts.unclear > 100)
  }

  @Test(arguments: 0..<8)
  func nothingTrapsAndNothingIsBeyondTheEnd(_ seed: Int) {
    var mutation = Mutation(seed: UInt64(seed))
    for _ in 0..<2000 {
      let text = mutation.mutate(#"" 6%|▋\u2588 | 1/16 [00:00<00:02]\n 42%|███ | 21/50 [00:03]\r""#)
      guard let value = try? JSONScanner.validate(text.span) else { continue }
      if let fraction = LogProgress.fraction(in: value, of: text.span) { #expect((0...1).contains(fraction)) }
    }
  }
}
