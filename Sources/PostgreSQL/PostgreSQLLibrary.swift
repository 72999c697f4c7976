internal import CPostgreSQL

/// The libpq library that was loaded.
package enum PostgreSQLLibrary {
  /// Such as `15.13`.
  package static var version: String {
    // Since 10 the number is the major version times 10,000, plus the minor one.
    // https://www.postgresql.org/docs/current/libpq-misc.html#LIBPQ-PQLIBVERSION
    let number = PQlibVersion()
    return "\(number / 10_000).\(number % 10_000)"
  }
}
