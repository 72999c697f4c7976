import Browser
import Foundation
import LiveDaemon
import Testing

extension PageTests {
  /// The view of the daemon's health.
  @Suite struct HealthTests {
    @Test func `health shows what the metrics have`() throws {
      try Visit.run { visit in
        for id in ["a", "b"] {
          try visit.submit(id)
          try visit.await(id)
        }
        try visit.open("?view=health")
        try visit.awaitText("Ready: the store can be read and written.")
        for card in ["deliveries", "queue", "lost", "refusals", "calls"] {
          _ = try visit.browser.element(.css("#health-\(card) .number"), seconds: 15)
        }
        try visit.browser.wait(for: "the states") {
          try visit.browser.element(.css("#health-states")).text.contains("succeeded\n2")
        }
        #expect(try visit.browser.element(.css("#health-secrets")).text.contains("Secret 1 accepted"))
        let before = try visit.browser.element(.css("#health-deliveries")).text
        try visit.deliver(["id": "p", "status": "succeeded"])
        try visit.browser.wait(for: "the next reading", seconds: 15) {
          try visit.browser.element(.css("#health-deliveries")).text != before
        }
        #expect(try visit.browser.has(.css("#health-deliveries svg")))
      }
    }
  }
}
