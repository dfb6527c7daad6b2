/// Where the parts of a number are in the text. Its value is the digits in `digits`, without the point, times
/// 10^(exponent - the number of digits after the point).
struct DecimalLiteral {
  /// A text is far shorter than this, so no digits in it can make up for a greater exponent.
  static var greatestExponent: Int { 1 << 50 }

  /// From the first digit of the integer part to the end of the fraction.
  var digits: Range<Int>
  /// The end of the integer part: where the point is, if there is one.
  var point: Int
  var exponent: Int

  /// Where the first digit that is not zero is, and the power of ten that its place stands for.
  func leading(in text: Span<UInt8>) -> (start: Int, power: Int) {
    var start = digits.lowerBound
    while start < digits.upperBound, start == point || text[start] == UInt8(ascii: "0") { start += 1 }
    return (start, start < point ? exponent + point - start - 1 : exponent - (start - point))
  }
}

/// The bit pattern of the binary64 nearest to a decimal of any length, ties to even; infinity's beyond the range.
func nearestBinary64(_ decimal: DecimalLiteral, in text: Span<UInt8>) -> UInt64 {
  let (start, power) = decimal.leading(in: text)
  var significand: UInt64 = 0
  var count = 0
  var index = start
  while index < decimal.digits.upperBound, count < 19 {
    if index != decimal.point {
      significand = significand * 10 + UInt64(text[index] - UInt8(ascii: "0"))
      count += 1
    }
    index += 1
  }
  let exponent = power - count + 1
  let nearest = nearestBinary64(significand, exponent: exponent)
  if index == decimal.digits.upperBound { return nearest }
  // The number is between these 19 digits and the next 19-digit number, and rounding is monotone.
  let above = nearestBinary64(significand + 1, exponent: exponent)
  if above == nearest { return nearest }
  // The two are neighbours, since 10^-18, relatively, is less than half an ulp. The number half-way between them
  // decides.
  switch compareToHalfway(above: nearest, decimal, in: text) {
  case .below: return nearest
  case .above: return above
  case .equal: return nearest & 1 == 0 ? nearest : above
  }
}

/// Compares a decimal with the number half-way between a binary64 and the next above it, exactly.
private func compareToHalfway(above pattern: UInt64, _ decimal: DecimalLiteral, in text: Span<UInt8>) -> Comparison {
  let (significand, exponent) = Binary64.parts(of: pattern)
  return compare(decimal, in: text, to: 2 * significand + 1, exponent - 1)
}

/// Compares a decimal's magnitude with H · 2^t, a binary64 or half-way between two, exactly.
///
/// Such a number has at most 768 significant digits. So 800 of the decimal's digits decide, together with whether any
/// digit after them is not zero: a decimal that is less in 800 digits is less by at least a unit of the last.
///
/// With D the digits as an integer, the decimal is D · 10^p. Moving the negative powers to the other side makes both
/// integers. Neither has more than 2,800 bits, since the two must be close (their first 15 digits differ by at most
/// one) and |p| < 1,150.
func compare(_ decimal: DecimalLiteral, in text: Span<UInt8>, to significand: UInt64, _ t: Int) -> Comparison {
  let (start, power) = decimal.leading(in: text)
  var left = BigInteger(0)
  var count = 0
  var chunk: UInt64 = 0
  var scale: UInt64 = 1
  var index = start
  while index < decimal.digits.upperBound, count < 800 {
    if index != decimal.point {
      chunk = chunk * 10 + UInt64(text[index] - UInt8(ascii: "0"))
      scale *= 10
      count += 1
      if scale == 10_000_000_000_000_000_000 {
        left.multiply(by: scale, adding: chunk)
        (chunk, scale) = (0, 1)
      }
    }
    index += 1
  }
  left.multiply(by: scale, adding: chunk)
  let exponent = power - count + 1  // p

  var right = BigInteger(significand)  // H
  var twos = t - exponent  // t - p
  if exponent < 0 { right.multiply(byPowerOfFive: -exponent) } else { left.multiply(byPowerOfFive: exponent) }
  if twos < 0 {
    left.shiftLeft(by: -twos)
    twos = 0
  }
  right.shiftLeft(by: twos)

  switch left.compare(to: right) {
  case .below: return .below
  case .above: return .above
  case .equal:
    while index < decimal.digits.upperBound {
      if index != decimal.point, text[index] != UInt8(ascii: "0") { return .above }
      index += 1
    }
    return .equal
  }
}
