/// JSON on one line.
indirect enum JSONLine {
  case object([(String, JSONLine?)])
  case string(String)
  case integer(Int)
  /// With six fraction digits.
  case number(Double)
  case boolean(Bool)

  /// The JSON text, without members that have no value.
  var text: String {
    switch self {
    case .object(let members):
      let written = members.compactMap { name, value in value.map { "\(Self.quoted(name)):\($0.text)" } }
      return "{\(written.joined(separator: ","))}"
    case .string(let string): return Self.quoted(string)
    case .integer(let number): return String(number)
    case .number(let number): return Quantity.decimal(number, 6).filter { $0 != "," }
    case .boolean(let isTrue): return isTrue ? "true" : "false"
    }
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
