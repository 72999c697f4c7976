import ArgumentParser

/// A job's id as an argument.
enum JobID {
  /// Without an id the path is that of all jobs, and these lead elsewhere too: a slash or a dot segment is never part of an id
  /// that the API finds by its path.
  static func validate(_ id: String) throws(ValidationError) {
    guard !id.isEmpty else {
      throw ValidationError("the job's id is empty: `replicate-webhookd jobs` lists them")
    }
    let isControl = { (scalar: Unicode.Scalar) in scalar.properties.generalCategory == .control }
    guard id != ".", id != "..", !id.contains("/"), !id.unicodeScalars.contains(where: isControl) else {
      throw ValidationError("this is no job's id: `replicate-webhookd jobs` lists them")
    }
  }
}
