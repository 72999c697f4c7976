import Foundation
import LiveDaemon
import Testing

@testable import Console

/// Shell arguments as the input of a prediction.
@Suite struct InputArgumentsTests {
  @Test(arguments: [
    ([], "{}"), (["prompt=a \"desk\" lamp"], #"{"prompt":"a \"desk\" lamp"}"#),
    (["a=", "b= x "], #"{"a":"","b":" x "}"#), (["a=b=c"], #"{"a":"b=c"}"#), (["a=1"], #"{"a":"1"}"#),
    (["a:=1.50"], #"{"a":1.50}"#), (["a:= [1, null] "], #"{"a":[1, null]}"#),
    ([#"a:="@x""#], #"{"a":"@x"}"#), (["a:b=c"], #"{"a:b":"c"}"#), (["a::=1"], #"{"a:":1}"#),
    (["z=1", "a=2"], #"{"z":"1","a":"2"}"#), (["a=x@y"], #"{"a":"x@y"}"#), (["\"=é"], #"{"\"":"é"}"#),
    (["a=x:=1"], #"{"a":"x:=1"}"#),
  ])
  func becomesJSON(_ arguments: [String], _ json: String) throws {
    #expect(String(decoding: try InputArguments(arguments).json(), as: UTF8.self) == json)
  }

  @Test(arguments: [
    (["prompt"], "has no `=`"), ([""], "has no `=`"), (["=x"], "has no name"), ([":=1"], "has no name"),
    (["a=1", "b=1", "a=2"], "`a` is given more than once"), (["a=1", "a:=2"], "`a` is given more than once"),
    (["a:="], "`a` is no JSON"), (["a:=01"], "`a` is no JSON"), (["a:=1 2"], "`a` is no JSON"),
    (["a:=x"], "unexpected byte at byte 0"), (["a:=@file"], "`a` is no JSON"),
  ])
  func isRefusedWithTheFix(_ arguments: [String], _ reason: String) {
    let error = #expect(throws: InputError.self) { try InputArguments(arguments) }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    ("lamp.png", "image/png"), ("a.b/LAMP.JPG", "image/jpeg"), ("x.tar.wav", "audio/wav"),
    ("lamp", "application/octet-stream"), ("a.png/lamp", "application/octet-stream"),
    ("x.", "application/octet-stream"), ("x.none", "application/octet-stream"),
    ("-", "application/octet-stream"),
    ("", "application/octet-stream"), (".mp3", "audio/mpeg"),
  ])
  func aFileHasTheTypeOfItsExtension(_ path: String, _ type: String) {
    #expect(DataURI.mediaType(of: path) == type)
  }

  @Test(arguments: [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj")])
  func aFileBecomesADataURI(_ text: String, _ base64: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(text, to: "lamp.txt")
    let json = String(decoding: try InputArguments(["image=@\(file)"]).json(), as: UTF8.self)
    #expect(json == #"{"image":"data:text/plain;base64,\#(base64)"}"#)
  }

  @Test func aFileIsSentUpToItsLimit() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(String(repeating: "x", count: 256 * 1024), to: "whole")
    #expect(try DataURI.read(file).utf8.count == 37 + (256 * 1024 + 2) / 3 * 4)
    let larger = try folder.write(String(repeating: "x", count: 256 * 1024 + 1), to: "larger")
    #expect(throws: InputError.tooLarge(larger)) { try DataURI.read(larger) }
    // A folder can be opened but not read.
    for path in [folder.url.path, folder.url.path + "/absent"] {
      #expect(throws: InputError.unreadable(path)) { try DataURI.read(path) }
    }
  }
}
