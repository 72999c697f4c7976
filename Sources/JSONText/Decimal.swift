/// A decimal number with a fixed number of digits after the point.
///
/// No binary fraction holds it exactly.
package struct Decimal {
  /// Of the last digit.
  package let units: Int64
  package let digits: Int

  package init(_ units: Int64, digits: Int) {
    self.units = units
    self.digits = digits
  }
}

extension JSONWriter.Object {
  package mutating func member(_ name: StaticString, decimal: Decimal?) {
    guard let decimal else { return }
    member(name) { $0.decimal(decimal.units, places: decimal.digits) }
  }
}
