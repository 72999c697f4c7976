internal import Foundation
internal import LiveDaemon

/// Where elements are found.
package enum Locator: CustomStringConvertible {
  case css(String)
  /// A role of WAI-ARIA and the accessible name, as the browser computes them for a screen reader.
  case role(String, String)

  package var description: String {
    switch self {
    case .css(let selector): selector
    case .role(let role, let name): "the \(role) \(name)"
    }
  }
}

/// An element of the page (W3C WebDriver, 12).
package struct Element {
  /// The member that holds the reference: section 12.
  static let reference = "element-6066-11e4-a52e-4f735466cecf"

  private let browser: Browser
  let id: String

  init(_ value: Any, in browser: Browser) throws {
    guard let id = (value as? [String: Any])?[Self.reference] as? String else {
      throw Unusable("no element: \(value)")
    }
    self.id = id
    self.browser = browser
  }

  /// The element as an argument of a script.
  package var argument: [String: Any] { [Self.reference: id] }

  private func get(_ path: String) throws -> Any { try browser.send("GET", "/element/\(id)/\(path)") }

  /// The text as it is rendered.
  package var text: String { get throws { try get("text") as? String ?? "" } }
  package var role: String { get throws { try get("computedrole") as? String ?? "" } }
  /// The accessible name.
  package var name: String { get throws { try get("computedlabel") as? String ?? "" } }
  package var isDisplayed: Bool { get throws { try get("displayed") as? Bool ?? false } }
  package var isEnabled: Bool { get throws { try get("enabled") as? Bool ?? false } }
  package func attribute(_ name: String) throws -> String? { try get("attribute/\(name)") as? String }
  package func property(_ name: String) throws -> Any { try get("property/\(name)") }

  /// Scrolls it into view, and clicks its middle.
  package func click() throws { try browser.send("POST", "/element/\(id)/click") }

  package func clear() throws { try browser.send("POST", "/element/\(id)/clear") }

  /// Types into it.
  package func type(_ text: String) throws {
    try browser.send("POST", "/element/\(id)/value", ["text": text])
  }

  /// Chooses an option of a `select` by its text.
  package func choose(_ option: String) throws {
    let isChosen = try browser.run(
      """
      const [list, text] = arguments;
      const option = [...list.options].find((option) => option.text.trim() === text);
      if (!option) return false;
      list.value = option.value;
      list.dispatchEvent(new Event("input", { bubbles: true }));
      list.dispatchEvent(new Event("change", { bubbles: true }));
      return true;
      """, [argument, option])
    guard isChosen as? Bool == true else { throw Unusable("the list has no option \(option)") }
  }
}

extension Browser {
  /// The first displayed element, as soon as there is one.
  package func element(_ locator: Locator, seconds: Int = 10) throws -> Element {
    var found: Element?
    try wait(for: "\(locator)", seconds: seconds) {
      found = try elements(locator).first { try $0.isDisplayed }
      return found != nil
    }
    guard let found else { throw Unusable("no \(locator)") }
    return found
  }

  /// Whether an element is displayed now.
  package func has(_ locator: Locator) throws -> Bool {
    do { return try elements(locator).contains { try $0.isDisplayed } } catch let error as DriverError
      where error.isTransient
    { return false }
  }

  /// The elements that are there now, in the order of the document.
  package func elements(_ locator: Locator) throws -> [Element] {
    switch locator {
    case .css(let selector):
      try list(send("POST", "/elements", ["using": "css selector", "value": selector]))
    case .role(let role, let name):
      // The script only narrows the choice; the browser computes the role and the name.
      try list(run(Self.candidates, [name])).filter {
        try $0.role == role && Self.normalized($0.name) == Self.normalized(name)
      }
    }
  }

  /// Clicks the first displayed element, as soon as it takes a click.
  package func click(_ locator: Locator) throws {
    try wait(for: "a click on \(locator)") {
      guard let target = try elements(locator).first(where: { try $0.isDisplayed }), try target.isEnabled
      else { return false }
      try target.click()
      return true
    }
  }

  /// The element with the focus.
  package var focused: Element { get throws { try Element(send("GET", "/element/active"), in: self) } }

  private func list(_ value: Any) throws -> [Element] {
    try (value as? [Any] ?? []).map { try Element($0, in: self) }
  }

  private static func normalized(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// Elements whose name may be the argument: in their content, or in what labels them.
  private static let candidates = """
    const plain = (text) => (text ?? "").replace(/\\s+/g, " ").trim();
    const name = plain(arguments[0]);
    const labels = (element) => [
      element.textContent, element.getAttribute("aria-label"), element.getAttribute("title"),
      element.getAttribute("alt"), element.getAttribute("placeholder"), element.value?.toString(),
      ...[...(element.labels ?? [])].map((label) => label.textContent),
      ...(element.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean)
        .map((id) => document.getElementById(id)?.textContent),
      element.querySelector(":scope > caption, :scope > legend, :scope > summary")?.textContent,
    ];
    return [...document.querySelectorAll("body *")].filter((element) =>
      !(element instanceof SVGElement && !element.hasAttribute("role")) &&
      element.matches("a, button, input, select, textarea, summary, h1, h2, h3, table, dialog, nav, main, " +
        "img, progress, form, fieldset, details, section, ul, ol, label, [role], [tabindex], [aria-label]") &&
      labels(element).some((text) => plain(text) === name ||
        (plain(text).length < name.length + 80 && plain(text).includes(name))));
    """
}
