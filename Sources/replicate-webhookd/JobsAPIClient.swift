import ArgumentParser
import EventLoop
import HTTPClient
import JSONText
import Receiver

/// How a command reaches the jobs API of a running daemon.
struct JobsAPIOptions: ParsableArguments {
  @Option(help: "Address of the jobs API; that of API_LISTEN unless given.")
  var api: String?

  @OptionGroup var settings: SettingsOptions

  func client() throws -> JobsAPIClient {
    var reader = try settings.reader()
    let base = try api ?? Self.url(of: reader.readAPIAddresses())
    return try JobsAPIClient(base: base, token: reader.readTokenText())
  }

  /// The first address that has a port; one that means every address of the machine is asked through its loopback.
  private static func url(of addresses: [ListenAddress]) throws -> String {
    for address in addresses {
      guard case .bind(let socketAddress, _) = address.place, let port = socketAddress.port else { continue }
      switch socketAddress {
      case .ipv4("0.0.0.0", _): return "http://127.0.0.1:\(port)"
      case .ipv6("::", _): return "http://[::1]:\(port)"
      default: return "http://\(socketAddress)"
      }
    }
    throw CommandFailure(
      "API_LISTEN has no port: ask the unix socket with curl --unix-socket, or name another address with --api",
      code: .config)
  }
}

/// Asks the jobs API of a running daemon.
struct JobsAPIClient {
  private let base: String
  private let token: String?
  private let client: HTTPClient

  init(base: String, token: String?) throws {
    self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
    self.token = token
    do throws(HTTPClientError) {
      client = try HTTPClient()
    } catch {
      throw CommandFailure("\(error)", code: .failure)
    }
  }

  /// The body of a 200; anything else is a failure that says what the daemon said.
  func get(_ path: String) throws -> [UInt8] {
    let answer: HTTPClient.Answer
    do throws(HTTPClientError) {
      answer = try client.send(
        .get, to: base + path, fields: token.map { ["Authorization: Bearer \($0)"] } ?? [])
    } catch {
      throw CommandFailure(
        "\(base): \(error). Is the daemon running, and is this its API_LISTEN?", code: .unavailable)
    }
    guard answer.status == 200 else {
      let problem = JSONDocument(answer.body)
      let detail = problem?.text("detail") ?? "no explanation"
      throw CommandFailure("\(base) answered \(answer.status): \(detail)", code: .failure)
    }
    return answer.body
  }
}

/// An object of an answer, read by name.
struct JSONDocument {
  private let bytes: [UInt8]
  private let object: JSONObject

  init?(_ bytes: [UInt8]) {
    guard let object = try? JSONScanner.object(bytes.span) else { return nil }
    self.bytes = bytes
    self.object = object
  }

  /// A string decoded, anything else as it is written; nil where absent.
  func text(_ name: String) -> String? {
    guard let value = object.value(named: name, in: bytes.span) else { return nil }
    guard value.kind == .string else { return String(decoding: bytes[value.range], as: UTF8.self) }
    return JSONString.decode(value.range.lowerBound + 1..<value.range.upperBound - 1, of: bytes.span)
  }

  /// The objects of an array; empty where there is none.
  func objects(_ name: String) -> [JSONDocument] {
    guard let value = object.value(named: name, in: bytes.span), value.kind == .array,
      let elements = try? JSONScanner.elements(value, in: bytes.span)
    else { return [] }
    return elements.compactMap { JSONDocument(Array(bytes[$0.range])) }
  }
}
