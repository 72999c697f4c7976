internal import Crypto
internal import StoreSeam
internal import Logging

#if PostgreSQL
  internal import PostgreSQL
  internal import PostgreSQLStore
  internal import Time

  /// PostgreSQL, in a build that has it.
  enum PostgreSQLSupport {
    /// What is wrong with `url`, without its parts; nil where it can be used.
    static func problem(with url: DatabaseURL) -> String? {
      do throws(PostgreSQLError) {
        _ = try ConnectionTarget(url: url.revealed)
        return nil
      } catch {
        return "\(error): write postgresql://user:password@host:5432/database, with %40 for @ and so on"
      }
    }

    static func engine(
      _ url: DatabaseURL, requiresStandby: Bool, logger: Logger
    ) throws(StartError) -> any StoreEngine {
      do throws(StorageError) {
        return PostgreSQLEngine(try options(url, requiresStandby: requiresStandby), logger: logger)
      } catch {
        throw .store(error)
      }
    }

    static func options(
      _ url: DatabaseURL, requiresStandby: Bool = false
    ) throws(StorageError) -> PostgreSQLOptions {
      do throws(PostgreSQLError) {
        return PostgreSQLOptions(
          target: try ConnectionTarget(url: url.revealed), tables: Capabilities.tables,
          requiresStandby: requiresStandby, newEpoch: RandomBytes.make(PostgreSQLOptions.epochSize),
          now: { Timestamp(milliseconds: WallClock.milliseconds) },
          random: { RandomBytes.make(8).reduce(0) { $0 << 8 | UInt64($1) } })
      } catch {
        throw .unavailable("\(error)")
      }
    }
  }
#else
  /// A build without PostgreSQL, whose settings may name it.
  enum PostgreSQLSupport {
    static let advice =
      "this build leaves PostgreSQL out: build it with its default traits, or write sqlite: and a path"

    static func problem(with url: DatabaseURL) -> String? { advice }

    static func engine(
      _ url: DatabaseURL, requiresStandby: Bool, logger: Logger
    ) throws(StartError) -> any StoreEngine {
      throw .store(.unavailable(advice))
    }
  }
#endif
