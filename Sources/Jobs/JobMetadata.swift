/// The app's own JSON object of a job.
package struct JobMetadata: Sendable {
  /// The exact text.
  package let text: [UInt8]
  /// What lists are filtered by.
  package let members: [MetadataMember]

  package init(text: [UInt8], members: [MetadataMember]) {
    self.text = text
    self.members = members
  }
}

/// A member of a job's metadata, with its value as text.
///
/// Two are the same where their bytes are: Unicode's equivalences do not count.
package struct MetadataMember: Equatable, Sendable {
  package let key: String
  /// A string without its escapes, a number as it was written, `true` or `false`.
  package let value: String

  package init(key: String, value: String) {
    self.key = key
    self.value = value
  }

  package static func == (left: MetadataMember, right: MetadataMember) -> Bool {
    left.key.utf8.elementsEqual(right.key.utf8) && left.value.utf8.elementsEqual(right.value.utf8)
  }
}
