import Glibc
import NumericJSON

/// A text that the reader takes for a number, at the text's end and in the hot loop, against the C library's strtod.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  guard let alone = number(bytes) else { return 0 }
  guard let inside = number(bytes + [UInt8](repeating: 0x20, count: 80)) else { preconditionFailure("not by itself") }
  precondition(alone == inside && alone.value.sign == inside.value.sign)
  let reference = unsafe strtod(String(decoding: bytes, as: UTF8.self), nil)
  if alone.isOutOfRange {
    precondition(reference.isInfinite && (reference < 0) == (alone.value < 0))
  } else {
    precondition(reference.bitPattern == alone.value.bitPattern)
  }
  return 0
}

func number(_ bytes: [UInt8]) -> JSONNumber? {
  var reader = JSONReader(bytes.span)
  guard let kind = try? reader.peekKind(), kind == .number, let number = try? reader.readNumber() else { return nil }
  do { try reader.finish() } catch { return nil }
  return number
}
