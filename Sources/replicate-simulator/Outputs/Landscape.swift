internal import Glibc

/// A drawn landscape: a sky with a sun or a moon, and hills before it.
///
/// Lengths are parts of the picture's height or width.
struct Landscape {
  struct Hill {
    /// The height of its ridge without waves, from above.
    let base: Double
    let waves: [(amplitude: Double, frequency: Double, phase: Double)]
    let colour: Colour

    /// The height of the ridge at `x`, from above.
    func ridge(at x: Double) -> Double {
      waves.reduce(base) { $0 + $1.amplitude * sin(2 * .pi * ($1.frequency * x + $1.phase)) }
    }
  }

  let sky: (top: Colour, bottom: Colour)
  let disc: (x: Double, y: Double, radius: Double, colour: Colour)
  /// From the farthest to the nearest.
  let hills: [Hill]

  /// Rings around the disc: by how much larger they are, and how opaque.
  static let halos = [(scale: 2.1, opacity: 0.10), (scale: 1.5, opacity: 0.16), (scale: 1, opacity: 1)]

  init(_ seed: OutputSeed) {
    let hue = seed.number(0, in: 0...1)
    let isNight = seed.number(1, in: 0...1) < 0.3
    let turn = seed.number(2, in: 0.06...0.16) * (seed.number(3, in: 0...1) < 0.5 ? -1 : 1)
    sky =
      isNight
      ? (.hsl(hue, 0.55, 0.13), .hsl(hue + turn, 0.50, 0.36))
      : (.hsl(hue, 0.60, 0.60), .hsl(hue + turn, 0.80, 0.86))
    disc = (
      seed.number(4, in: 0.18...0.82), seed.number(5, in: 0.18...0.46), seed.number(6, in: 0.055...0.12),
      isNight ? .hsl(hue + turn, 0.35, 0.93) : .hsl(hue + turn * 1.5, 0.95, 0.93)
    )
    let nearest = Colour.hsl(hue + turn * 3.5, 0.42, isNight ? 0.08 : 0.20)
    let farthest = sky.bottom.mixed(with: nearest, isNight ? 0.30 : 0.26)
    let count = 3 + Int(seed.number(7, in: 0...2.99))
    let sky = sky
    hills = (0..<count).map { index in
      let depth = Double(index) / Double(count - 1)
      let first = 8 + index * 8
      return Hill(
        base: 0.52 + 0.36 * depth + seed.number(first, in: -0.02...0.02),
        waves: [
          (seed.number(first + 1, in: 0.02...0.06), seed.number(first + 2, in: 0.5...1.3), 0),
          (seed.number(first + 3, in: 0.008...0.025), seed.number(first + 4, in: 1.8...3.6), 0),
          (seed.number(first + 5, in: 0.001...0.006), seed.number(first + 6, in: 5...11), 0),
        ].enumerated().map { ($1.0, $1.1, seed.number(first + 7, in: 0...1) + Double($0) * 0.37) },
        colour: farthest.mixed(with: nearest, depth).mixed(with: sky.bottom, 0.04))
    }
  }

  /// The landscape as pixels.
  func drawn(width: Int, height: Int) -> Canvas {
    var canvas = Canvas(width: width, height: height)
    for row in 0..<height {
      canvas.fill(row: row, with: sky.top.mixed(with: sky.bottom, Double(row) / Double(height)))
    }
    let side = Double(min(width, height))
    for halo in Self.halos {
      drawDisc(radius: disc.radius * halo.scale * side, opacity: halo.opacity, on: &canvas)
    }
    for hill in hills { draw(hill, with: hill.colour, on: &canvas) }
    return canvas
  }

  /// White where the hills are, black where the sky is.
  func mask(width: Int, height: Int) -> Canvas {
    var canvas = Canvas(width: width, height: height)
    for hill in hills { draw(hill, with: .white, on: &canvas) }
    return canvas
  }

  private func drawDisc(radius: Double, opacity: Double, on canvas: inout Canvas) {
    let (x, y) = (disc.x * Double(canvas.width), disc.y * Double(canvas.height))
    let rows = max(0, Int(y - radius) - 1)..<min(canvas.height, Int(y + radius) + 2)
    let columns = max(0, Int(x - radius) - 1)..<min(canvas.width, Int(x + radius) + 2)
    for row in rows {
      for column in columns {
        let distance = hypot(Double(column) + 0.5 - x, Double(row) + 0.5 - y)
        let part = min(1, radius - distance + 0.5)
        if part > 0 { canvas.paint(column, row, with: disc.colour, part * opacity) }
      }
    }
  }

  private func draw(_ hill: Hill, with colour: Colour, on canvas: inout Canvas) {
    let bytes = colour.bytes
    for column in 0..<canvas.width {
      let ridge = hill.ridge(at: (Double(column) + 0.5) / Double(canvas.width)) * Double(canvas.height)
      let first = max(0, Int(ridge))
      guard first < canvas.height else { continue }
      // The ridge crosses the first pixel.
      canvas.paint(column, first, with: colour, min(1, Double(first + 1) - ridge))
      for row in first + 1..<canvas.height { canvas.set(column, row, bytes) }
    }
  }

  /// The landscape as a vector drawing.
  var svg: String {
    let size = 512.0
    func number(_ value: Double) -> String { String((value * 10).rounded() / 10) }
    let discs = Self.halos.map { halo in
      """
      <circle cx="\(number(disc.x * size))" cy="\(number(disc.y * size))" \
      r="\(number(disc.radius * halo.scale * size))" fill="\(disc.colour.hexadecimal)" \
      opacity="\(halo.opacity)"/>
      """
    }
    let paths = hills.map { hill in
      let points = (0...64).map { step in
        let x = Double(step) / 64
        return "\(number(x * size)),\(number(hill.ridge(at: x) * size))"
      }
      return
        "<path fill=\"\(hill.colour.hexadecimal)\" d=\"M0,512 L\(points.joined(separator: " ")) L512,512 Z\"/>"
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512" width="512" height="512">
      <linearGradient id="sky" x2="0" y2="1">\
      <stop stop-color="\(sky.top.hexadecimal)"/><stop offset="1" stop-color="\(sky.bottom.hexadecimal)"/>\
      </linearGradient>
      <rect width="512" height="512" fill="url(#sky)"/>
      \((discs + paths).joined(separator: "\n"))
      </svg>

      """
  }
}
