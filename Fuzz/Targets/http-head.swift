// with: Fuzz/Shared/HTTPDriver.swift
import HTTP

/// Any bytes as a stream of requests: the same requests, answers and refusals however they are cut.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  checkCuts(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}
