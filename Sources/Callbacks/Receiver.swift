internal import ClientAddress
internal import HTTPClient

/// Where the callbacks of a job are sent.
struct Receiver: Equatable, Sendable {
  let url: HTTPURL
  /// The addresses that may be connected to.
  let addresses: AddressPolicy
  /// The host and the port as the URL has them. Logs show no more of it.
  var name: String { Self.name(ofURL: url.text) }

  /// The host and port of a URL; the text itself where it is none.
  static func name(ofURL text: String) -> String {
    let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
    return (parts.count == 3 ? parts[2] : text[...]).prefix { !"/?#".contains($0) }.lowercased()
  }
}

/// The receivers that the settings allow.
struct ReceiverRules: Sendable {
  /// Of jobs without a callback of their own. Nil without `CALLBACK_URL`.
  let shared: Receiver?
  let hosts: AllowedHosts

  /// Why an event has no receiver.
  enum Refusal: Error, Equatable, CustomStringConvertible {
    case noURL
    case invalid(HTTPURL.ParseError)
    case notAllowed(AllowedHosts.Refusal)

    var description: String {
      switch self {
      case .noURL: "CALLBACK_URL is not set"
      case .invalid(let error): "its URL is not accepted: \(error)"
      case .notAllowed(.notListed): "its host is not in CALLBACK_HOSTS"
      case .notAllowed(let refusal): "\(refusal)"
      }
    }
  }

  /// The receiver of a job's events.
  ///
  /// - Parameter target: the URL of the job's own callback; nil where it has none.
  func receiver(of target: String?) throws(Refusal) -> Receiver {
    guard let target else {
      guard let shared else { throw .noURL }
      return shared
    }
    let url: HTTPURL
    do throws(HTTPURL.ParseError) { url = try HTTPURL(target) } catch { throw .invalid(error) }
    do throws(AllowedHosts.Refusal) {
      return Receiver(url: url, addresses: try hosts.policy(for: url))
    } catch {
      throw .notAllowed(error)
    }
  }
}
