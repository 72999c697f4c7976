/// Encodes frames as H.264 (ITU-T H.264), Constrained Baseline, without a transform.
///
/// The first frame is a key frame of uncompressed macroblocks (I_PCM). Later frames skip the macroblocks that
/// have not changed. That needs no prediction and no entropy coder, and every decoder reads it.
struct VideoStream {
  /// In macroblocks of 16 by 16 pixels.
  let columns: Int
  let rows: Int

  private static let profile: UInt8 = 66
  /// Also within the Main profile.
  private static let constraints: UInt8 = 0xC0
  /// Level 3.
  private static let level: UInt8 = 30

  /// Frame numbers count up to this, and begin again (log2_max_frame_num_minus4 is 0).
  private static let frameNumbers = 16

  /// Section 7.3.2.1.1, without its header byte.
  var sequenceParameters: [UInt8] {
    var bits = BitString([0x67, Self.profile, Self.constraints, Self.level])
    // seq_parameter_set_id, log2_max_frame_num_minus4, pic_order_cnt_type (output in the order of decoding),
    // max_num_ref_frames
    for value in [0, 0, 2, 1] { bits.append(unsigned: value) }
    // gaps_in_frame_num_value_allowed_flag
    bits.append(0, bits: 1)
    bits.append(unsigned: columns - 1)
    bits.append(unsigned: rows - 1)
    // frame_mbs_only_flag, direct_8x8_inference_flag, frame_cropping_flag, vui_parameters_present_flag
    bits.append(0b1100, bits: 4)
    return bits.unit
  }

  /// Section 7.3.2.2.
  var pictureParameters: [UInt8] {
    var bits = BitString([0x68])
    // pic_parameter_set_id, seq_parameter_set_id
    for value in [0, 0] { bits.append(unsigned: value) }
    // entropy_coding_mode_flag (CAVLC), bottom_field_pic_order_in_frame_present_flag
    bits.append(0b00, bits: 2)
    // num_slice_groups_minus1, num_ref_idx_l0_default_active_minus1, num_ref_idx_l1_default_active_minus1
    for value in [0, 0, 0] { bits.append(unsigned: value) }
    // weighted_pred_flag, weighted_bipred_idc
    bits.append(0b000, bits: 3)
    // pic_init_qp_minus26, pic_init_qs_minus26, chroma_qp_index_offset: zeros, the same signed and unsigned
    for value in [0, 0, 0] { bits.append(unsigned: value) }
    // deblocking_filter_control_present_flag, constrained_intra_pred_flag, redundant_pic_cnt_present_flag
    bits.append(0b100, bits: 3)
    return bits.unit
  }

  /// The profile, the constraints and the level, as a file names them.
  static var profileBytes: [UInt8] { [profile, constraints, level] }

  /// Samples of one macroblock: 256 of luma, then 64 of each chroma.
  typealias Macroblock = [UInt8]

  /// The key frame.
  func keyFrame(_ blocks: [Macroblock]) -> [UInt8] {
    var bits = BitString([0x65])
    // first_mb_in_slice, slice_type (I, as all slices of the picture), pic_parameter_set_id
    for value in [0, 7, 0] { bits.append(unsigned: value) }
    // frame_num
    bits.append(0, bits: 4)
    // idr_pic_id
    bits.append(unsigned: 0)
    // no_output_of_prior_pics_flag, long_term_reference_flag
    bits.append(0b00, bits: 2)
    appendQuality(to: &bits)
    for block in blocks { append(block, type: 25, to: &bits) }
    return bits.unit
  }

  /// A frame after another one.
  func frame(_ number: Int, _ blocks: [Macroblock], after last: [Macroblock]) -> [UInt8] {
    var bits = BitString([0x41])
    // first_mb_in_slice, slice_type (P, as all slices of the picture), pic_parameter_set_id
    for value in [0, 5, 0] { bits.append(unsigned: value) }
    bits.append(number % Self.frameNumbers, bits: 4)
    // num_ref_idx_active_override_flag, ref_pic_list_modification_flag_l0,
    // adaptive_ref_pic_marking_mode_flag
    bits.append(0b000, bits: 3)
    appendQuality(to: &bits)
    var skipped = 0
    for (block, before) in zip(blocks, last) {
      guard block != before else {
        skipped += 1
        continue
      }
      bits.append(unsigned: skipped)
      skipped = 0
      append(block, type: 30, to: &bits)
    }
    if skipped > 0 { bits.append(unsigned: skipped) }
    return bits.unit
  }

  /// slice_qp_delta, and disable_deblocking_filter_idc: samples stay as they are.
  private func appendQuality(to bits: inout BitString) {
    bits.append(unsigned: 0)
    bits.append(unsigned: 1)
  }

  private func append(_ block: Macroblock, type: Int, to bits: inout BitString) {
    bits.append(unsigned: type)
    bits.align(with: 0)
    bits.append(block)
  }
}

/// The bits of one NAL unit, the highest of each byte first.
struct BitString {
  private var bytes: [UInt8]
  private var current: UInt8 = 0
  private var count = 0

  /// - Parameter start: the bytes that precede the bits.
  init(_ start: [UInt8]) {
    bytes = start
  }

  mutating func append(_ value: Int, bits: Int) {
    for shift in (0..<bits).reversed() {
      current = current << 1 | UInt8(value >> shift & 1)
      count += 1
      guard count == 8 else { continue }
      bytes.append(current)
      (current, count) = (0, 0)
    }
  }

  /// Appends an Exp-Golomb code (section 9.1).
  mutating func append(unsigned value: Int) {
    let length = Int.bitWidth - (value + 1).leadingZeroBitCount
    append(0, bits: length - 1)
    append(value + 1, bits: length)
  }

  /// Fills the last byte.
  mutating func align(with bit: Int) {
    while count > 0 { append(bit, bits: 1) }
  }

  /// Appends whole bytes, after an alignment.
  mutating func append(_ content: [UInt8]) {
    bytes += content
  }

  /// The unit with its stop bit, and without start codes inside (section 7.4.1).
  var unit: [UInt8] {
    var ended = self
    ended.append(1, bits: 1)
    ended.align(with: 0)
    var unit: [UInt8] = []
    unit.reserveCapacity(ended.bytes.count + 64)
    var zeros = 0
    for byte in ended.bytes {
      if zeros == 2, byte <= 3 {
        unit.append(3)
        zeros = 0
      }
      unit.append(byte)
      zeros = byte == 0 ? zeros + 1 : 0
    }
    return unit
  }
}
