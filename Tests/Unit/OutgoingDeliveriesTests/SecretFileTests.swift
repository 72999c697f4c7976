import Foundation
import LiveDaemon
import OutgoingDeliveries
import StandardWebhooks
import Testing

@Suite struct SecretFileTests {
  @Test func `a secret is made once, and stays`() throws {
    let folder = try TemporaryFolder()
    let file = SecretFile(folder.url.path + "/state/app/secret")
    let secret = try file.readOrMake().revealed
    #expect(try file.readOrMake().revealed == secret)
    let manager = FileManager.default
    let mode = try manager.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let above = folder.url.path + "/state/app"
    #expect(try manager.attributesOfItem(atPath: above)[.posixPermissions] as? Int == 0o700)
    #expect(try manager.contentsOfDirectory(atPath: above) == ["secret"])
  }

  @Test func `a file of the user is kept`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("\n  whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw \n", to: "secret")
    #expect(try SecretFile(path).readOrMake().revealed == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
  }

  @Test func `a file without a secret is named, and kept`() throws {
    let folder = try TemporaryFolder()
    for text in ["", "\n", "whsec_%"] {
      let path = try folder.write(text, to: "secret")
      let error = #expect(throws: SecretFile.Failure.self) { try SecretFile(path).readOrMake() }
      #expect(error?.description.contains("\(path) holds no secret") == true)
      #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }
    let file = try folder.write("", to: "file")
    for path in [folder.url.path, file + "/secret"] {
      let error = #expect(throws: SecretFile.Failure.self) { try SecretFile(path).readOrMake() }
      #expect(error?.description.hasPrefix("\(path): the secret cannot be ") == true)
    }
  }

  @Test(
    arguments: [
      (["HOME": "/home/a"], "/home/a/.local/state/replicate-webhookd/s"),
      (["HOME": "/home/a", "XDG_STATE_HOME": "/state"], "/state/replicate-webhookd/s"),
      (["XDG_STATE_HOME": "/state"], "/state/replicate-webhookd/s"),
      (["HOME": "/home/a", "XDG_STATE_HOME": "state"], "/home/a/.local/state/replicate-webhookd/s"),
      ([:], nil), (["HOME": ""], nil), (["HOME": "a"], nil),
    ] as [([String: String], String?)])
  func `the file is in the user's state folder`(_ environment: [String: String], _ path: String?) {
    #expect(SecretFile(named: "s", in: environment)?.path == path)
  }
}
