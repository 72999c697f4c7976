/// What a test or a proof cannot go on with.
package struct Unusable: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}
