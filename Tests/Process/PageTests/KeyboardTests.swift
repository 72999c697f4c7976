import Browser
import Foundation
import LiveDaemon
import Testing

extension PageTests {
  /// The page without a pointer.
  @Suite struct KeyboardTests {
    @Test func `a job is found, opened, canceled and left by keys alone`() throws {
      try Visit.run { visit in
        let browser = visit.browser
        try visit.submit("first", simulate: ["duration_ms": 60_000])
        try visit.submit("second", simulate: ["duration_ms": 60_000])
        try visit.await("first", in: ["running"])
        try visit.open()
        try visit.awaitRows(["first", "second"])
        try browser.press(.tab)
        #expect(try browser.focused.text == "Skip to content")
        try browser.press(.enter)
        try browser.tab(to: .role("link", "second"))
        try browser.press(.down)
        #expect(try browser.focused.text == "first")
        try browser.press(.enter)
        try browser.wait(for: "the heading to have the focus") { try browser.focused.text == "first" }
        #expect(try browser.focused.role == "heading")
        try browser.tab(to: .role("button", "Cancel…"))
        try browser.press(.enter)
        try browser.wait(for: "the safe button to have the focus") { try browser.focused.name == "Keep it" }
        try browser.press(.escape)
        try browser.wait(for: "the focus to return") { try browser.focused.name == "Cancel…" }
        try browser.press(.enter)
        try browser.tab(to: .role("button", "Cancel job"), maxPresses: 3)
        try browser.press(.space)
        try browser.wait(for: "the end") { try browser.element(.css(".title .state")).text == "canceled" }
        try browser.tab(to: .role("link", "Jobs"))
        try browser.press(.enter)
        try visit.awaitRows(["first", "second"])
      }
    }

    @Test func `shortcuts lead through the list, and can be switched off`() throws {
      try Visit.run { visit in
        let browser = visit.browser
        for id in ["a", "b", "c"] {
          try visit.submit(id)
          try visit.await(id)
        }
        try visit.open()
        try visit.awaitRows(["a", "b", "c"])
        try browser.type("jjk")
        #expect(try browser.focused.text == "c")
        try browser.type("/")
        #expect(try browser.focused.name == "Find")
        try browser.type("jk?")
        #expect(try browser.focused.property("value") as? String == "jk?")
        try browser.press(.escape)
        try browser.click(.role("heading", "Jobs"))
        try browser.type("?")
        _ = try browser.element(.role("heading", "Keys"))
        try browser.tab(to: .role("checkbox", "Single-key shortcuts"))
        try browser.press(.space)
        try browser.press(.escape)
        try browser.wait(for: "the dialog to close") { try !browser.has(.css("dialog")) }
        try browser.type("/")
        #expect(try browser.focused.name != "Find")
      }
    }

    /// The element that has the focus, if it cannot be seen to have it; else an empty text.
    private static let hiddenFocus = """
      const element = document.activeElement;
      const style = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      const isShown = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight;
      return isShown && (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
        || style.boxShadow !== "none") ? "" : element.outerHTML.slice(0, 200);
      """

    /// WCAG 2.2, 2.4.7: Focus Visible.
    @Test func `every stop of the Tab key is visible`() throws {
      try Visit.run { visit in
        let browser = visit.browser
        try visit.submit("lamp-1")
        try visit.await("lamp-1")
        for query in ["", "?job=lamp-1"] {
          try visit.open(query)
          _ = try browser.element(.css("tbody tr, #job-output .gallery"))
          var stops = 0
          while stops < 60 {
            try browser.press(.tab)
            if try browser.run("return document.activeElement === document.body;") as? Bool == true { break }
            stops += 1
            // The browser scrolls to it in a later frame.
            var hidden: String?
            try? browser.wait(for: "the stop to be visible") {
              hidden = try browser.run(Self.hiddenFocus) as? String
              return hidden == ""
            }
            #expect(hidden == "")
          }
          #expect((8..<60).contains(stops), "\(query)")
        }
      }
    }
  }
}
