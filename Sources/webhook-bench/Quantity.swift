/// Formats numbers with units.
enum Quantity {
  /// `20,000`
  static func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number.magnitude).reversed().enumerated() {
      if index > 0, index.isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return (number < 0 ? "-" : "") + String(text.reversed())
  }

  /// Rounded to this many fraction digits.
  static func decimal(_ number: Double, _ digits: Int) -> String {
    guard number.isFinite, abs(number) < 1e15 else { return "-" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((abs(number) * scale).rounded())
    let whole = (number < 0 && scaled > 0 ? "-" : "") + grouped(scaled / Int(scale))
    guard digits > 0 else { return whole }
    let fraction = String(scaled % Int(scale))
    return whole + "." + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  static func milliseconds(_ microseconds: Int) -> String { decimal(Double(microseconds) / 1000, 2) + " ms" }

  static func seconds(_ seconds: Double) -> String { decimal(seconds, seconds < 10 ? 2 : 1) + " s" }

  /// Bytes in powers of ten.
  static func bytes(_ count: Double) -> String {
    switch abs(count) {
    case ..<1000: decimal(count, 0) + " B"
    case ..<1e6: decimal(count / 1e3, 1) + " KB"
    case ..<1e9: decimal(count / 1e6, 1) + " MB"
    default: decimal(count / 1e9, 2) + " GB"
    }
  }

  /// `71 k`, `1.4 G`
  static func short(_ count: Double) -> String {
    switch abs(count) {
    case ..<1000: decimal(count, 0)
    case ..<1e6: decimal(count / 1e3, 1) + " k"
    case ..<1e9: decimal(count / 1e6, 1) + " M"
    default: decimal(count / 1e9, 2) + " G"
    }
  }
}
