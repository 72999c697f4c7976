internal import CPostgreSQL
internal import Glibc

/// libpq's connection options by their keywords
/// (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS).
enum ConnectionOptions {
  /// Parses a connection URI.
  ///
  /// libpq's messages quote parts of the URI, which may be parts of its password. They are cut before a
  /// quotation.
  static func parse(_ url: String) throws(PostgreSQLError) -> [String: String] {
    var message: UnsafeMutablePointer<CChar>?
    defer { PQfreemem(message) }
    guard let options = PQconninfoParse(url, &message) else {
      let cause = MessageText.line(message).prefix { $0 != "\"" }.drop { $0 == " " }
      throw .connection(
        "the connection URL cannot be parsed: \(trimmed(cause)). "
          + "Percent-encode characters such as @ : / ? # % in user and password")
    }
    defer { PQconninfoFree(options) }
    return values(of: options)
  }

  /// The options that a connection would use.
  ///
  /// Those of the environment and of a service file are among them. libpq reads them when it starts to
  /// connect. An invalid value of the option that it checks last ends that before it resolves a host
  /// (`connectOptions2` in fe-connect.c).
  static func effective(_ options: [String: String]) throws(PostgreSQLError) -> [String: String] {
    let probed = "target_session_attrs"
    let connection = start(options.merging([probed: "none"]) { $1 })
    defer { PQfinish(connection) }
    let message = MessageText.line(PQerrorMessage(connection))
    guard let connection, message.contains(probed) else { throw .connection(message) }
    guard let effective = PQconninfo(connection) else { throw .connection("out of memory") }
    defer { PQconninfoFree(effective) }
    return values(of: effective).merging([probed: options[probed] ?? environment("PGTARGETSESSIONATTRS")]) {
      $1
    }
    .filter { !$0.value.isEmpty }
  }

  /// Starts to connect with `options` (PQconnectStartParams).
  static func start(_ options: [String: String]) -> OpaquePointer? {
    let keywords = options.keys.map { strdup($0) }
    let values = options.values.map { strdup($0) }
    defer {
      for keyword in keywords { free(keyword) }
      for value in values { free(value) }
    }
    let ending: [UnsafePointer<CChar>?] = [nil]
    return PQconnectStartParams(
      keywords.map { UnsafePointer($0) } + ending, values.map { UnsafePointer($0) } + ending, 0)
  }

  private static func environment(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while let last = text.last, last == " " || last == ":" { text.removeLast() }
    return text
  }

  private static func values(of options: UnsafeMutablePointer<PQconninfoOption>) -> [String: String] {
    var values: [String: String] = [:]
    var option = options
    // Bounded by libpq's list, which ends with an empty entry.
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    return values
  }
}
