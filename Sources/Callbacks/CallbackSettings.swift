internal import ClientAddress
internal import HTTPClient
internal import Settings
internal import StandardWebhooks

extension SettingVariable {
  static let callbackURL = SettingVariable(
    "CALLBACK_URL",
    "Where the app receives the end of each job and workflow: `https://`, or `http://` to this "
      + "machine and private addresses.")
  static let callbackHosts = SettingVariable(
    "CALLBACK_HOSTS",
    "Hosts that the `callback` of a request may name, separated by commas: names, `*.example.com`, "
      + "address ranges.")
  static let callbackSecret = SettingVariable(
    "CALLBACK_SECRET",
    "One or two `whsec_…` that sign callbacks, separated by spaces. Made and stored where it is not "
      + "set.", isSecret: true, reload: .always)
}

/// The settings of what is sent to the app.
struct CallbackSettings: Sendable {
  let rules: ReceiverRules
  /// Empty where the store's own secret signs.
  let secrets: [Secret]

  /// One is replaced while the other is still used.
  private static let maxSecrets = 2

  init(from reader: inout SettingsReader) {
    rules = ReceiverRules(shared: Self.shared(from: &reader), hosts: Self.hosts(from: &reader))
    secrets = Self.secrets(from: &reader)
  }

  var isOn: Bool { rules.shared != nil || !rules.hosts.isEmpty }

  private static func shared(from reader: inout SettingsReader) -> Receiver? {
    guard let text = reader.text(.callbackURL) else { return nil }
    do throws(HTTPURL.ParseError) {
      let url = try HTTPURL(text)
      do throws(AddressRefusal) {
        return Receiver(url: url, addresses: try AddressPolicy.ofOperator(for: url))
      } catch {
        reader.report(
          .callbackURL,
          "without TLS its host must be this machine or a private address: write https://")
      }
    } catch {
      reader.report(.callbackURL, "it is no URL such as https://app.example.com/hooks: \(error)")
    }
    return nil
  }

  private static func hosts(from reader: inout SettingsReader) -> AllowedHosts {
    guard let text = reader.text(.callbackHosts) else { return .none }
    do throws(AllowedHosts.ParseError) {
      return try AllowedHosts(parsing: text)
    } catch {
      reader.report(.callbackHosts, "\(error)")
      return .none
    }
  }

  /// The secrets of the setting; empty where none is set.
  static func secrets(from reader: inout SettingsReader) -> [Secret] {
    var secrets: [Secret] = []
    let texts = (reader.secretText(.callbackSecret) ?? "").split { $0.isWhitespace || $0 == "," }
    guard texts.count <= maxSecrets else {
      reader.report(.callbackSecret, "it holds more than two secrets: keep the new one and the last one")
      return []
    }
    for (index, text) in texts.enumerated() {
      do throws(SecretError) {
        secrets.append(try Secret(String(text)))
      } catch {
        reader.report(.callbackSecret, "secret \(index + 1): \(error)")
      }
    }
    return secrets
  }
}
