internal import CJobsPage

/// The files of the page, which are part of the binary.
///
/// `index.html` names the others, in the order in which they are joined.
enum PageFiles {
  static let all: [String: [UInt8]] = {
    var files: [String: [UInt8]] = [:]
    for position in 0... {
      let file = page_file_at(position)
      guard let name = file.name else { break }
      files[String(cString: name)] = Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
    }
    return files
  }()
}
