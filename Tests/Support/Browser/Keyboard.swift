internal import LiveDaemon

/// A key without a character, by its code point in W3C WebDriver, 17.4.2.
package enum Key: String {
  case backspace = "\u{E003}"
  case tab = "\u{E004}"
  case enter = "\u{E007}"
  case shift = "\u{E008}"
  case control = "\u{E009}"
  case escape = "\u{E00C}"
  case space = " "
  case end = "\u{E010}"
  case home = "\u{E011}"
  case left = "\u{E012}"
  case up = "\u{E013}"
  case right = "\u{E014}"
  case down = "\u{E015}"
}

extension Browser {
  /// Presses a key, with others held.
  package func press(_ key: Key, with held: Key...) throws { try press(key.rawValue, held) }

  /// Types characters to the element with the focus.
  package func type(_ text: String) throws {
    for character in text { try press(String(character), []) }
  }

  private func press(_ key: String, _ held: [Key]) throws {
    let held = held.map(\.rawValue)
    let downs = (held + [key]).map { ["type": "keyDown", "value": $0] }
    let ups = ([key] + held.reversed()).map { ["type": "keyUp", "value": $0] }
    try send(
      "POST", "/actions", ["actions": [["type": "key", "id": "keyboard", "actions": downs + ups]]])
  }

  /// Presses Tab until `isReached` accepts the element with the focus.
  ///
  /// - Returns: how often it was pressed.
  @discardableResult
  package func tab(to what: String, maxPresses: Int = 60, until isReached: (Element) throws -> Bool) throws
    -> Int
  {
    for count in 0...maxPresses {
      if count > 0 { try press(.tab) }
      if try isReached(focused) { return count }
    }
    throw Unusable("Tab does not lead to \(what)")
  }

  /// Presses Tab until the element has the focus.
  @discardableResult
  package func tab(to locator: Locator, maxPresses: Int = 60) throws -> Int {
    try tab(to: "\(locator)", maxPresses: maxPresses) { focused in
      try elements(locator).contains { $0.id == focused.id }
    }
  }
}
