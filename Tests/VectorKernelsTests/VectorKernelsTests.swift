import KernelDispatch
import TestSupport
import Testing
import VectorKernels

/// What a format is, against the numbers of the standard library's own types.
struct BinaryFormatTests {
  static let all: [BinaryFormat] = [.binary64, .binary32, .binary16, .bfloat16]

  @Test func theEndsAreThoseOfTheTypes() {
    #expect(BinaryFormat.binary64.greatestFinite == .greatestFiniteMagnitude)
    #expect(powerOfTwo(BinaryFormat.binary64.leastNormalExponent) == .leastNormalMagnitude)
    #expect(BinaryFormat.binary32.greatestFinite == Double(Float.greatestFiniteMagnitude))
    #expect(powerOfTwo(BinaryFormat.binary32.leastExponent) == Double(Float.leastNonzeroMagnitude))
    #expect(BinaryFormat.binary16.greatestFinite == 65_504)
    #expect(powerOfTwo(BinaryFormat.binary16.leastExponent) == 0x1p-24)
    #expect(BinaryFormat.bfloat16.greatestFinite == 0x1.FEp127)
    #expect(powerOfTwo(BinaryFormat.bfloat16.leastExponent) == 0x1p-133)
  }

  /// Any bit pattern, numbers of ordinary size, and numbers of the format's own midpoints and beside them.
  private func samples() -> [Double] {
    var random = SplitMix64(71)
    var values: [Double] = [0, -0.0, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude]
    for _ in repetitions(20_000) {
      let small = Double(Float16(bitPattern: UInt16(truncatingIfNeeded: random.next())))
      let step = Double(sign: .plus, exponent: Int.random(in: -150...130, using: &random), significand: 1)
      let middle = Double(Int.random(in: 0...(1 << 26), using: &random)) * step
      for x in [Double(bitPattern: random.next()), small, small + small.ulp, middle, middle.nextUp, middle.nextDown] {
        if !x.isNaN { values += [x, -x] }
      }
    }
    return values
  }

  @Test func nearestIsTheTypesOwn() {
    for x in samples() {
      #expect(BinaryFormat.binary64.nearest(to: x) == x)
      #expect(BinaryFormat.binary32.nearest(to: x) == Double(Float(x)), "\(x)")
      #expect(BinaryFormat.binary16.nearest(to: x) == Double(Float16(x)), "\(x)")
    }
    #expect(BinaryFormat.bfloat16.nearest(to: .nan).isNaN)
  }

  /// bfloat16 has no type here: the upper half of a binary32 and the one above it are its neighbours.
  @Test func nearestBfloat16IsTheNearerOfTwo() {
    for x in samples() where x.magnitude < 0x1.FFp127 {
      let nearest = BinaryFormat.bfloat16.nearest(to: x)
      let size = x.magnitude
      var below = Float(size)
      if Double(below) > size { below = below.nextDown }
      let pattern = below.bitPattern & 0xFFFF_0000
      let (lower, upper) = (Double(Float(bitPattern: pattern)), Double(Float(bitPattern: pattern + 0x1_0000)))
      // The distances are exact: their numbers have few bits in common places.
      let isUp = size - lower > upper - size || (size - lower == upper - size && pattern & 0x1_0000 != 0)
      #expect(nearest.magnitude == (isUp ? upper : lower), "\(x)")
    }
    #expect(BinaryFormat.bfloat16.nearest(to: 0x1.FFp127) == .infinity)
    #expect(BinaryFormat.bfloat16.nearest(to: -(0x1.FFp127).nextDown) == -0x1.FEp127)
    #expect(BinaryFormat.bfloat16.nearest(to: -1e300) == -.infinity)
  }
}

/// Exact products, by each way that a processor may take.
struct ArithmeticTests {
  @Test("Dekker's product and the fused one are the same pair")
  func productsAreExactEitherWay() {
    var random = SplitMix64(3)
    func number() -> Double {
      random.double(in: -1...1) * Double(sign: .plus, exponent: random.int(in: -300...300), significand: 1)
    }
    for _ in repetitions(10_000) {
      let (a, b) = (number(), number())
      #expect(DekkerMultiplier.product(a, b) == FusedMultiplier.product(a, b))
      let split = DekkerMultiplier.product(Vector(repeating: a), Vector(repeating: b))
      #expect(split.high[5] == a * b && split.low[5] == FusedMultiplier.product(a, b).low)
    }
  }
}

/// Which vector loops a request is served with.
struct KernelLevelTests {
  @Test("The widest vectors serve every text where they cost nothing", arguments: KernelLevel.allCases)
  func theWidest(_ level: KernelLevel) {
    for bytes in [0, 200, 1 << 14, 1 << 26] { #expect(KernelLevelPolicy(level).level(forText: bytes) == level) }
  }

  @Test("Where they lower the clock, they serve long texts alone")
  func slowingDown() {
    let levels = KernelLevelPolicy(.v4, slowsDown: true)
    #expect(levels.level(forText: 200) == .v3 && levels.level(forText: (1 << 14) - 1) == .v3)
    #expect(levels.level(forText: 1 << 14) == .v4 && levels.level(forText: 1 << 26) == .v4)
    #expect(KernelLevelPolicy(.baseline, slowsDown: true).level(forText: 200) == .baseline)
  }
}
