import Browser
import Foundation
import LiveDaemon
import Testing

extension PageTests {
  /// Workflows: their list, and the graph of one.
  @Suite struct WorkflowTests {
    /// Waits until the card of a step has a state.
    private static func awaitStep(_ visit: Visit, _ name: String, _ state: String) throws {
      try visit.browser.wait(for: "\(name) \(state)", seconds: 30) {
        try visit.browser.has(.css("a[data-step=\(name)].\(state)"))
      }
    }

    private static func awaitState(_ visit: Visit, _ state: String) throws {
      try visit.browser.wait(for: "the state \(state)", seconds: 30) {
        try visit.browser.element(.css(".title .state")).text == state
      }
    }

    private static func steps(_ model: String, milliseconds: Int = 50) -> [[String: Any]] {
      [
        ["name": "image", "model": "demo/image", "input": ["prompt": ["$from": "input#/prompt"]]],
        [
          "name": "caption", "model": model,
          "input": [
            "prompt": ["$text": ["Describe ", ["$from": "image#/0"]]],
            "simulate": ["duration_ms": milliseconds],
          ],
        ],
        ["name": "story", "model": "demo/text", "input": ["prompt": "x"], "after": ["caption", "image"]],
      ]
    }

    @Test func `a workflow is followed to its end, and its steps and jobs lead to each other`() throws {
      try Visit.run { visit in
        let browser = visit.browser
        try visit.open("?view=workflows")
        _ = try browser.element(.role("heading", "No workflows yet"))
        try visit.start("chain", Self.steps("demo/hello", milliseconds: 2000))
        try browser.click(.role("link", "chain"))
        try Self.awaitStep(visit, "caption", "running")
        #expect(try browser.has(.css("a[data-step=story].waiting")))
        try Self.awaitState(visit, "succeeded")
        for name in ["image", "caption", "story"] { try Self.awaitStep(visit, name, "succeeded") }
        _ = try browser.element(.css("#workflow-output"))
        #expect(try browser.elements(.css(".lines path")).count >= 3)
        try browser.click(.css("a[data-step=image]"))
        #expect(try browser.url.hasSuffix("?workflow=chain&step=image"))
        _ = try browser.element(.css("#step .gallery img"))
        try browser.click(.role("link", "w-chain-image-0-1"))
        let link = try browser.element(.css("#job-details a[href='/?workflow=chain&step=image']"))
        #expect(try !browser.has(.role("button", "Retry…")))
        try link.click()
        try browser.wait(for: "the step") {
          try browser.has(.css("a[data-step=image][aria-current=true]"))
            && browser.element(.css("#step-title")).text == "image"
        }
        try browser.click(.role("link", "Workflows"))
        try browser.wait(for: "the row") { try browser.element(.css("tbody .marks")).text == "3 of 3" }
      }
    }

    @Test func `a failure names its step, and can be resumed`() throws {
      try Visit.run { visit in
        let browser = visit.browser
        try visit.start("fails", Self.steps("demo/fail"))
        try visit.open("?workflow=fails")
        try Self.awaitState(visit, "failed")
        #expect(try browser.element(.css("#workflow-now")).text.contains("Step caption"))
        #expect(try browser.element(.css("#step-title")).text == "caption")
        #expect(try browser.element(.css("#step .error")).text.isEmpty == false)
        try Self.awaitStep(visit, "story", "skipped")
        try browser.click(.role("button", "Resume…"))
        try browser.click(.role("button", "Resume workflow"))
        try browser.wait(for: "the second attempt", seconds: 30) {
          try browser.has(.role("link", "w-fails-caption-0-2"))
        }
        try Self.awaitState(visit, "failed")
        #expect(try browser.has(.css("a[data-step=image].succeeded")))
      }
    }

    @Test func `a workflow is canceled and deleted only after a confirmation`() throws {
      try Visit.run { visit in
        visit.rules.expectedErrors = ["404"]
        let browser = visit.browser
        try visit.start("long", Self.steps("demo/hello", milliseconds: 60_000))
        try visit.open("?workflow=long")
        try Self.awaitStep(visit, "caption", "running")
        try browser.click(.role("button", "Cancel…"))
        try browser.click(.role("button", "Keep it"))
        try browser.click(.role("button", "Cancel…"))
        try browser.click(.role("button", "Cancel workflow"))
        try Self.awaitState(visit, "canceled")
        try Self.awaitStep(visit, "story", "canceled")
        #expect(try !browser.has(.role("button", "Cancel…")))
        try browser.click(.role("button", "Delete…"))
        try browser.click(.role("button", "Delete workflow"))
        _ = try browser.element(.role("heading", "This workflow was deleted"))
        #expect(try visit.daemon.fetch("/workflows/long").status == 404)
        #expect(try visit.daemon.fetch("/jobs/w-long-image-0-1").status == 404)
      }
    }

    @Test func `each item of a fan-out is a link with its state`() throws {
      try Visit.run { visit in
        let browser = visit.browser
        try visit.start("fan", Visit.fanOut(items: 30))
        try visit.open("?workflow=fan&step=images")
        try Self.awaitState(visit, "succeeded")
        #expect(try browser.element(.css("a[data-step=images] .detail")).text == "30/30")
        try browser.wait(for: "all items") {
          try browser.elements(.css(".step-jobs a.succeeded")).count == 30
        }
        try browser.click(.css(".step-jobs li:nth-child(8) a"))
        try browser.wait(for: "its job") { try browser.element(.css("h1")).text == "w-fan-images-7-1" }
      }
    }

    @Test func `arrow keys move along the lines of a graph`() throws {
      try Visit.run { visit in
        let browser = visit.browser
        try visit.start("chain", Self.steps("demo/hello"))
        try visit.open("?workflow=chain")
        try Self.awaitState(visit, "succeeded")
        try browser.tab(to: .css("a[data-step=image]"))
        for (key, name) in [(Key.right, "caption"), (.right, "story"), (.left, "caption")] {
          try browser.press(key)
          #expect(try browser.focused.attribute("data-step") == name)
        }
        try browser.press(.enter)
        try browser.wait(for: "the step") { try browser.element(.css("#step-title")).text == "caption" }
        #expect(try browser.focused.attribute("data-step") == "caption")
      }
    }

    /// The largest workflow. Its graph scrolls within its panel; its cards do not overlap.
    @Test(arguments: [1440, 320])
    func `cards of fifty steps do not overlap`(_ width: Int) throws {
      try Visit.run { visit in
        let browser = visit.browser
        let steps: [[String: Any]] = (0..<50).map { number in
          let needs = number < 8 ? [] : ["s\(number - 8)", "s\(number % 8)", "s\(number * 7 % (number - 7))"]
          return [
            "name": "s\(number)", "model": "demo/hello", "input": ["prompt": "x"],
            "after": Array(Set(needs)).sorted(),
          ]
        }
        try browser.setViewport(width: width, height: 900)
        try visit.start("fifty", steps)
        try visit.open("?workflow=fifty")
        try browser.wait(for: "the cards") { try browser.elements(.css(".graph li")).count == 50 }
        let overlaps = try browser.run(
          """
          const cards = [...document.querySelectorAll(".graph li")];
          const boxes = cards.map((card) => card.getBoundingClientRect());
          return boxes.flatMap((one, index) => boxes.slice(index + 1).filter((other) => one.left < other.right
            && other.left < one.right && one.top < other.bottom && other.top < one.bottom)).length;
          """)
        #expect(overlaps as? Int == 0)
        let isWide = try browser.run("return document.documentElement.scrollWidth > innerWidth;") as? Bool
        #expect(isWide == false)
        try browser.takeScreenshot("workflow-fifty-\(width)")
      }
    }
  }
}

extension Visit {
  /// Creates a workflow.
  func start(_ id: String, _ steps: [[String: Any]], _ members: [String: Any] = [:]) throws {
    var workflow: [String: Any] = ["id": id, "steps": steps, "input": ["prompt": "a desk lamp"]]
    workflow.merge(members) { $1 }
    let body = String(decoding: try JSONSerialization.data(withJSONObject: workflow), as: UTF8.self)
    let answer = try daemon.post(body, to: "/workflows")
    guard answer.status == 202 else {
      throw Unusable("no workflow was made: \(answer.status) \(answer.text)")
    }
  }

  /// The steps of a fan-out, and one that gathers its items.
  static func fanOut(items: Int) -> [[String: Any]] {
    [
      [
        "name": "images", "model": "demo/hello", "for_each": Array(0..<items), "max_items": items,
        "parallel": 20, "input": ["prompt": ["$text": ["lamp ", ["$from": "item"]]]],
      ],
      ["name": "sheet", "model": "demo/hello", "input": ["prompt": "x", "all": ["$from": "images"]]],
    ]
  }
}
