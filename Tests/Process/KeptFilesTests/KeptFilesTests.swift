import Testing

/// Files that a live daemon keeps.
@Suite struct KeptFilesTests {}
