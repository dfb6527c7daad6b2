import CLinux
import Glibc
import Kernels
import NumericJSON

/// Small, fast and the same everywhere: SplitMix64 (Steele, Lea, Flood, 2014).
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// The kernel levels that this machine can run.
let levelsHere = KernelLevel.allCases.filter { $0 <= KernelLevel(x86_64: Int(clinux_x86_64_level())) }

/// Reads a text that is one number and nothing else.
func readNumber(_ text: String) throws -> JSONNumber { try readNumber(Array(text.utf8)) }

func readNumber(_ bytes: [UInt8]) throws -> JSONNumber {
  var reader = JSONReader(bytes.span)
  let number = try reader.readNumber()
  try reader.finish()
  return number
}

/// Reads it with enough white space behind that the hot path may take it.
func readNumberInside(_ bytes: [UInt8]) throws -> JSONNumber {
  try readNumber(bytes + [UInt8](repeating: 0x20, count: 80))
}

/// C's own conversion, correctly rounded in glibc; infinite beyond the range.
func referenceValue(_ text: String) -> Double { unsafe strtod(text, nil) }

extension JSONNumber {
  /// As strtod has it.
  var infinite: Double { isOutOfRange ? (value < 0 ? -.infinity : .infinity) : value }
}

/// How many random cases to try: `cases` here, times SOFTMAXD_CASES where that is set.
func scaled(_ cases: Int) -> Int {
  guard let text = unsafe getenv("SOFTMAXD_CASES"), let factor = unsafe Int(String(cString: text)) else { return cases }
  return cases * factor
}
