package import ArgumentParser

/// Validates a job id given as an argument.
package enum JobID {
  /// Rejects ids that would name another path of the API.
  ///
  /// An empty id is the path of all jobs. The API never finds an id with a slash, or a dot segment, by its
  /// path.
  package static func validate(_ id: String) throws(ValidationError) {
    guard !id.isEmpty else {
      throw ValidationError("the job's id is empty: `replicate-webhookd jobs` lists them")
    }
    let isControl = { (scalar: Unicode.Scalar) in scalar.properties.generalCategory == .control }
    guard id != ".", id != "..", !id.contains("/"), !id.unicodeScalars.contains(where: isControl) else {
      throw ValidationError("invalid job id: `replicate-webhookd jobs` lists them")
    }
  }
}
