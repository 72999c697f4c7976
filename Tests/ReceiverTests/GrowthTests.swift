@testable import Crypto
import Foundation
import Jobs
@testable import JobsAPI
@testable import Replicate
import StandardWebhooks
import Testing
@testable import Time

/// Twice the bytes take twice the processor's time, whatever the bytes are: to read a body, and to show its job.
@Suite(.serialized) struct GrowthTests {
  /// What repeats, and what is around it. Each makes one kind of work a quarter of a million bytes long.
  private static let shapes: [(name: String, head: String, element: String, tail: String)] = [
    ("logs", #"{"id":"a","status":"succeeded","logs":""#, "x", #""}"#),
    ("escaped logs", #"{"id":"a","status":"succeeded","logs":""#, #"\n\u00e9"#, #""}"#),
    ("logs of pairs", #"{"id":"a","status":"succeeded","logs":""#, #"\ud83d\ude00"#, #""}"#),
    ("logs beyond ASCII", #"{"id":"a","status":"succeeded","logs":""#, "é😀", #""}"#),
    ("logs of backslashes", #"{"id":"a","status":"succeeded","logs":""#, #"\\"#, #""}"#),
    ("an error", #"{"id":"a","status":"failed","error":""#, #"E1001 \u0000"#, #""}"#),
    ("an error of one word", #"{"id":"a","status":"failed","error":""#, "e", #""}"#),
    ("an error that is an object", #"{"id":"a","status":"failed","error":{"x":0"#, #","detail":5"#, "}}"),
    ("an id", #"{"status":"starting","id":""#, #"\u0061"#, #""}"#),
    ("members", #"{"id":"a","status":"succeeded""#, #","b":1"#, "}"),
    ("members with escaped names", #"{"id":"a","status":"succeeded""#, #","\u0069\u0064s":1"#, "}"),
    ("one name again and again", #"{"id":"a","status":"succeeded""#, #","output":1"#, "}"),
    ("elements", #"{"id":"a","status":"succeeded","output":[0"#, ",[{}]", "]}"),
    ("digits", #"{"id":"a","status":"succeeded","output":1"#, "9", "}"),
    ("white space", #"{"id":"a","status":"succeeded""#, " \n", "}"),
    ("what is no JSON", #"{"id":"a","status":"succeeded","output":["#, "[]", ""),
    ("nothing but brackets", "", "[", ""),
    ("nothing but quotes", "", "\"", ""),
  ]

  @Test func thePageHasTheirCount() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appendingPathComponent("deploy/docs/security.md"), encoding: .utf8)
    #expect(page.contains("bodies: \(Self.shapes.count) shapes"))
  }

  @Test(arguments: shapes.indices)
  func twiceTheBytesTakeTwiceTheTime(_ index: Int) {
    let shape = Self.shapes[index]
    func body(_ size: Int) -> [UInt8] {
      Array(
        (shape.head + String(repeating: shape.element, count: size / shape.element.utf8.count) + shape.tail)
          .utf8)
    }
    let (small, large) = (body(64 << 10), body(128 << 10))
    // Interrupts and cold caches only add: the best of several is what the work takes. A square would be four times.
    var ratio = Double.infinity
    var (least, most) = (Double.infinity, Double.infinity)
    for round in 0..<20 where round < 3 || ratio > 2.5 {
      least = min(least, Self.seconds { Self.readAndShow(small) })
      most = min(most, Self.seconds { Self.readAndShow(large) })
      // What takes no time in either size grows in no way that matters.
      ratio = most < 0.0005 ? 1 : most / least
    }
    #expect(ratio <= 2.5, "\(shape.name): \(least) s, then \(most) s")
  }

  private static func readAndShow(_ body: [UInt8]) {
    guard let prediction = try? Prediction(body: body.span),
      let digest = BodyDigest(bytes: SHA256().digest(of: body.span))
    else { return }
    let job = Job(firstSeenIn: prediction.snapshot(digest: digest), receivedAt: Timestamp(milliseconds: 0))
    _ = JobDocument.whole(job, prediction.parts, body: body, order: nil)
  }

  private static func seconds(_ work: () -> Void) -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let start = now()
    work()
    return now() - start
  }
}
