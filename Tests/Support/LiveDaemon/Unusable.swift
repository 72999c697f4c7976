/// An error that a test or a proof cannot continue after.
package struct Unusable: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}
