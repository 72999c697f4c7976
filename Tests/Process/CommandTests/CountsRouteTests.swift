import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// `GET /counts`, and the same numbers in the metrics.
  @Suite struct CountsRouteTests {
    @Test func `jobs are counted by state, also after a restart`() throws {
      let folder = try TemporaryFolder()
      let none = #"{"pending":0,"running":0,"succeeded":0,"failed":0,"canceled":0,"stale":0}"#
      let some = #"{"pending":0,"running":1,"succeeded":1,"failed":1,"canceled":0,"stale":0}"#
      do {
        let daemon = try Daemon(in: folder)
        #expect(try daemon.fetch("/counts").text == #"{"total":0,"states":\#(none)}"# + "\n")
        for (prediction, status) in [
          ("p0", "starting"), ("p0", "processing"), ("p1", "starting"), ("p1", "succeeded"), ("p2", "failed"),
        ] {
          let id = "\(prediction)-\(status)"
          _ = try daemon.post(SignedDelivery(id: id, prediction: prediction, status: status))
        }
        #expect(try daemon.fetch("/counts").text == #"{"total":3,"states":\#(some)}"# + "\n")
        #expect(daemon.stop() == 0)
      }
      let daemon = try Daemon(in: folder)
      #expect(try daemon.fetch("/counts").text == #"{"total":3,"states":\#(some)}"# + "\n")
      let samples = ["running", "succeeded", "failed"].map { #"replicate_webhookd_jobs{state="\#($0)"} 1"# }
      let limit = Date().addingTimeInterval(30)
      var text = ""
      while !samples.allSatisfy(text.contains), Date() < limit {
        text = try daemon.fetch("/metrics").text
        poll(nil, 0, 10)
      }
      #expect(
        samples.allSatisfy(text.contains) && text.contains(#"replicate_webhookd_jobs{state="stale"} 0"#))
    }

    @Test func `counts take no parameters, and are only read`() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let wrong = try daemon.fetch("/counts?state=failed")
      #expect(wrong.status == 400 && wrong.code == "invalid_parameter")
      let post = try daemon.fetch("/counts", method: "POST")
      #expect(post.status == 405 && post.fields["allow"] == "GET, HEAD")
    }
  }
}
