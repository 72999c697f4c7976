@testable import Crypto
import Foundation
import Jobs
@testable import JobsAPI
@testable import Replicate
import StandardWebhooks
import Testing
@testable import Time

/// Reading a body and rendering its job take linear processor time.
@Suite(.serialized) struct GrowthTests {
  /// A repeated element and what surrounds it. Each stresses one kind of work.
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
      .deletingLastPathComponent().deletingLastPathComponent()
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
    // Interrupts and cold caches only add time, so the minimum counts. Quadratic growth would be four times.
    var ratio = Double.infinity
    var (smallSeconds, largeSeconds) = (Double.infinity, Double.infinity)
    for round in 0..<20 where round < 3 || ratio > 2.5 {
      smallSeconds = min(smallSeconds, Self.seconds { Self.readAndShow(small) })
      largeSeconds = min(largeSeconds, Self.seconds { Self.readAndShow(large) })
      // Below half a millisecond, growth does not matter.
      ratio = largeSeconds < 0.0005 ? 1 : largeSeconds / smallSeconds
    }
    #expect(ratio <= 2.5, "\(shape.name): \(smallSeconds) s, then \(largeSeconds) s")
  }

  private static func readAndShow(_ body: [UInt8]) {
    guard let prediction = try? Prediction(body: body.span),
      let digest = BodyDigest(bytes: SHA256().digest(of: body.span))
    else { return }
    let job = Job(firstSeenIn: prediction.snapshot(digest: digest), receivedAt: Timestamp(milliseconds: 0))
    _ = JobDocument.whole(job, prediction.parts, body: body, order: nil, request: nil)
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
