import NumericJSON
import Testing

/// RFC 8259, case by case, in the manner of N. Seriot's "Parsing JSON is a Minefield": texts that a parser must take,
/// must refuse, and those that it may treat as it likes, with what this one does.
@Suite struct ConformanceTests {
  @Test(arguments: [
    "[[]   ]", "[\"\"]", "[]", "[\"a\"]", "[false]", "[null, 1, \"1\", {}]", "[null]", "[1\n]", " [1]",
    "[1,null,null,null,2]",
    "[2] ", "[123e65]", "[0e+1]", "[0e1]", "[ 4]",
    "[-0.000000000000000000000000000000000000000000000000000000000000001]",
    "[20e1]", "[-0]", "[-123]", "[-1]", "[-0]", "[1E22]", "[1E-2]", "[1E+2]", "[123e45]", "[123.456e78]", "[1e-2]",
    "[1e+2]", "[123]", "[123.456789]", #"{"asd":"sdf", "dfg":"fgh"}"#, #"{"asd":"sdf"}"#, #"{"a":"b","a":"c"}"#,
    #"{"a":"b","a":"b"}"#, "{}", #"{"":0}"#, #"{"foo\u0000bar": 42}"#, #"{ "min": -1.0e+28, "max": 1.0e+28 }"#,
    #"{"x":[{"id": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}], "id": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#,
    #"{"a":[]}"#,
    #"{"title":"\u041f\u043e\u043b\u0442\u043e\u0440\u0430 \u0417\u0435\u043c\u043b\u0435\u043a\u043e\u043f\u0430" }"#,
    "{\n\"a\": \"b\"\n}", #"["\u0060\u012a\u12AB"]"#, #"["\uD801\udc37"]"#, #"["\ud83d\ude39\ud83d\udc8d"]"#,
    #"["\"\\\/\b\f\n\r\t"]"#, #"["\\u0000"]"#, #"["\""]"#, "[\"a/*b*/c/*d//e\"]", #"["\\a"]"#, #"["\\n"]"#,
    #"["\u0012"]"#,
    #"["\uFFFF"]"#, "[\"asd\"]", "[ \"asd\"]", #"["\uDBFF\uDFFF"]"#, #"["new\u00A0line"]"#, "[\"\u{10FFFF}\"]",
    "[\"\u{FFFF}\"]",
    #"["\u0000"]"#, #"["\u002c"]"#, "[\"π\"]", "[\"\u{1BFFF}\"]", "[\"asd \"]", "\" \"", #"["\uD834\uDd1e"]"#,
    #"["\u0821"]"#,
    #"["\u0123"]"#, "[\"\u{2028}\"]", "[\"\u{2029}\"]", #"["\u0061\u30af\u30EA\u30b9"]"#, #"["new\u000Aline"]"#,
    "[\"\u{7F}\"]",
    #"["\uA66D"]"#, #"["\u005C"]"#, "[\"⍂㈴⍂\"]", #"["\u0022"]"#, #"["\uDBFF\uDFFE"]"#, #"["\u200B"]"#, #"["\u2064"]"#,
    #"["\uFDD0"]"#, #"["\uFFFE"]"#, "[\"€𝄞\"]", "[\"a\u{7F}a\"]", "false", "42", "-0.1", "null", "\"asd\"", "true",
    "\"\"",
    "[\"a\"]\n", "[true]", " [] ", "\t\r\n [\t\r\n 1 \t\r\n,\t\r\n 2 \t\r\n] \t\r\n", "0", "-0", "0.0", "-0e-0",
    "{\"a\":{\"b\":{\"c\":[[[{}]]]}}}", "[1e999]", "[-1e999]",
    "[0.4e00669999999999999999999999999999999999999999999969999999006]",
    "[100000000000000000000]", "[1.5e+9999]", "[-123123e100000]", "[123123e-10000000]", #"["\uDADA"]"#,
    #"["\ud800abc"]"#,
    #"["\uDd1e\uD834"]"#, #"["\uD800\n"]"#, #"["\uD800\uD800\n"]"#, #"["\udc00"]"#, #"{"\uDFAA":0}"#,
    #"["\uD888\u1234"]"#,
  ])
  func takes(_ text: String) throws {
    let bytes = Array(text.utf8)
    try validate(bytes)
    // No piece of it passes for the whole, but where only white space is cut off, or digits.
    let trimmed = bytes.reversed().drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
    if let first = text.first, "-0123456789".contains(first) { return }
    for length in 0..<trimmed.count {
      let error = #expect(throws: JSONSyntaxError.self) { try validate(Array(bytes[..<length])) }
      if let error { #expect(error.offset <= length) }
    }
  }

  typealias Reason = JSONSyntaxError.Reason

  @Test(
    arguments: [
      ("", 0, .unexpectedEnd), (" ", 1, .unexpectedEnd), ("[1 true]", 3, .expectedCommaOrBracket),
      ("[\"\": 1]", 3, .expectedCommaOrBracket),
      ("[\"\"],", 4, .trailingContent), ("[,1]", 1, .expectedValue), ("[1,,2]", 3, .expectedValue),
      ("[\"x\",,]", 5, .expectedValue),
      ("[\"x\"]]", 5, .trailingContent), ("[\"\",]", 4, .trailingComma), ("[\"x\"", 4, .unexpectedEnd),
      ("[x", 1, .expectedValue),
      ("[3[4]]", 2, .expectedCommaOrBracket), ("[1:2]", 2, .expectedCommaOrBracket), ("[,]", 1, .expectedValue),
      ("[-]", 2, .expectedDigit), ("[   , \"\"]", 4, .expectedValue), ("[\"a\",\n4\n,1,", 11, .unexpectedEnd),
      ("[1,]", 3, .trailingComma),
      ("[1,\n1\n,1", 8, .unexpectedEnd), ("[*]", 1, .expectedValue), ("[\"\"", 3, .unexpectedEnd),
      ("[1,", 3, .unexpectedEnd),
      ("[{}", 3, .unexpectedEnd), ("[fals]", 5, .invalidLiteral), ("[nul]", 4, .invalidLiteral),
      ("[tru]", 4, .invalidLiteral),
      ("123\u{0}", 3, .trailingContent), ("[++1234]", 1, .expectedValue), ("[+1]", 1, .expectedValue),
      ("[+Inf]", 1, .expectedValue),
      ("[-01]", 3, .leadingZero), ("[-1.0.]", 5, .expectedCommaOrBracket), ("[-2.]", 4, .expectedDigit),
      ("[-NaN]", 1, .nonFiniteLiteral),
      ("[.-1]", 1, .expectedValue), ("[.2e-3]", 1, .expectedValue), ("[0.1.2]", 4, .expectedCommaOrBracket),
      ("[0.3e+]", 6, .expectedDigit),
      ("[0.3e]", 5, .expectedDigit), ("[0.e1]", 3, .expectedDigit), ("[0E+]", 4, .expectedDigit),
      ("[0E]", 3, .expectedDigit),
      ("[0e]", 3, .expectedDigit), ("[1.0e+]", 6, .expectedDigit), ("[1.0e-]", 6, .expectedDigit),
      ("[1.0e]", 5, .expectedDigit),
      ("[1 000.0]", 3, .expectedCommaOrBracket), ("[1eE2]", 3, .expectedDigit), ("[2.e+3]", 3, .expectedDigit),
      ("[2.e3]", 3, .expectedDigit),
      ("[9.e+]", 3, .expectedDigit), ("[Inf]", 1, .nonFiniteLiteral), ("[-inf]", 1, .nonFiniteLiteral),
      ("[nan]", 1, .nonFiniteLiteral),
      ("[1, 2] // a", 7, .comment), ("[1, # a\n 2]", 4, .comment), ("[/* a */ 1]", 1, .comment),
      ("[1 // a\n, 2]", 3, .comment), ("[NaN]", 1, .nonFiniteLiteral),
      ("[Infinity]", 1, .nonFiniteLiteral),
      ("[-Infinity]", 1, .nonFiniteLiteral), ("[1, -Infinity, 2]", 4, .nonFiniteLiteral), ("NaN", 0, .nonFiniteLiteral),
      ("[-Inf]", 1, .nonFiniteLiteral), ("[\u{FF11}]", 1, .expectedValue), ("[1+2]", 2, .expectedCommaOrBracket),
      ("[0x1]", 2, .expectedCommaOrBracket), ("[0x42]", 2, .expectedCommaOrBracket), ("[0e+-1]", 4, .expectedDigit),
      ("[-foo]", 2, .expectedDigit),
      ("[- 1]", 2, .expectedDigit), ("[-012]", 3, .leadingZero), ("[-.123]", 2, .expectedDigit),
      ("[-1x]", 3, .expectedCommaOrBracket),
      ("[1ea]", 3, .expectedDigit), ("[1.]", 3, .expectedDigit), ("[.123]", 1, .expectedValue),
      ("[1.2a-3]", 4, .expectedCommaOrBracket),
      ("[1.8011670033376514H-308]", 19, .expectedCommaOrBracket), ("[012]", 2, .leadingZero), ("[00]", 2, .leadingZero),
      ("00", 1, .leadingZero),
      ("[\"x\", truth]", 9, .invalidLiteral), ("{[: \"x\"}\n", 1, .expectedName), ("{\"x\", null}", 4, .expectedColon),
      ("{\"x\"::\"b\"}", 5, .expectedValue), ("{\"a\":\"a\" 123}", 9, .expectedCommaOrBrace),
      ("{key: 'value'}", 1, .expectedName),
      ("{\"a\" b}", 5, .expectedColon), ("{:\"b\"}", 1, .expectedName), ("{\"a\" \"b\"}", 5, .expectedColon),
      ("{\"a\":", 5, .unexpectedEnd),
      ("{\"a\"", 4, .unexpectedEnd), ("{1:1}", 1, .expectedName), ("{9999E9999:1}", 1, .expectedName),
      ("{null:null,null:null}", 1, .expectedName),
      ("{\"id\":0,,,,,}", 8, .expectedName), ("{'a':0}", 1, .expectedName), ("{\"id\":0,}", 8, .trailingComma),
      ("{\"a\":\"b\"}/**/", 9, .comment),
      ("{\"a\":\"b\"}#", 9, .comment), ("{\"a\":\"b\",,\"c\":\"d\"}", 9, .expectedName),
      ("{a: \"b\"}", 1, .expectedName),
      ("{\"a\":\"a", 7, .unexpectedEnd), ("{ \"foo\" : \"bar\", \"a\" }", 21, .expectedColon),
      ("{\"a\":\"b\"}#{}", 9, .comment),
      (#"["\uD800\"]"#, 11, .unexpectedEnd), (#"["\uD800\u"]"#, 10, .invalidEscape),
      (#"["\uD800\u1"]"#, 11, .invalidEscape),
      (#"["\uD800\u1x"]"#, 11, .invalidEscape), ("[é]", 1, .expectedValue), (#"["\x00"]"#, 3, .invalidEscape),
      (#"["\\\"]"#, 7, .unexpectedEnd),
      ("[\"\\\t\"]", 3, .invalidEscape), ("[\"\\🌀\"]", 3, .invalidEscape), (#"["\"]"#, 5, .unexpectedEnd),
      (#"["\u00A"]"#, 7, .invalidEscape),
      (#"["\uqqqq"]"#, 4, .invalidEscape), (#"["\a"]"#, 3, .invalidEscape), ("[\\u0020\"asd\"]", 1, .expectedValue),
      ("[\\n]", 1, .expectedValue),
      ("\"", 1, .unexpectedEnd), ("['single quote']", 1, .expectedValue), ("abc", 0, .expectedValue),
      (#"["\"#, 3, .unexpectedEnd),
      ("[\"a\u{0}a\"]", 3, .controlCharacter), ("[\"new\nline\"]", 5, .controlCharacter),
      ("[\"\t\"]", 2, .controlCharacter),
      (#""\UA66D""#, 2, .invalidEscape), ("\"\"x", 2, .trailingContent), ("[\u{2060}]", 1, .expectedValue),
      ("\u{FEFF}", 0, .byteOrderMark),
      ("\u{FEFF}{}", 0, .byteOrderMark), ("<.>", 0, .expectedValue), ("[<null>]", 1, .expectedValue),
      ("[1]x", 3, .trailingContent),
      ("[1]]", 3, .trailingContent), ("[\"asd]", 6, .unexpectedEnd), ("aå", 0, .expectedValue),
      ("[True]", 1, .expectedValue), ("1]", 1, .trailingContent),
      ("{\"x\": true,", 11, .unexpectedEnd), ("[][]", 2, .trailingContent), ("]", 0, .expectedValue),
      ("{\"\":[{\"\":[", 10, .unexpectedEnd), ("{", 1, .unexpectedEnd),
      ("[", 1, .unexpectedEnd), ("{\"a\": true} \"x\"", 12, .trailingContent), ("[\u{C}]", 1, .expectedValue),
      ("{}}", 2, .trailingContent),
      ("[1]\u{C}", 3, .trailingContent), ("{,", 1, .expectedName), ("{\"a", 3, .unexpectedEnd),
      ("*", 0, .expectedValue), ("{]", 1, .expectedName), ("[}", 1, .expectedValue),
      ("[1}", 2, .expectedCommaOrBracket), ("{\"a\":1]", 6, .expectedCommaOrBrace),
      ("{\"a\":/*comment*/\"b\"}", 5, .comment), ("å", 0, .expectedValue),
      ("[tRue]", 2, .invalidLiteral), ("nulls", 4, .trailingContent), ("\u{A0}[]", 0, .expectedValue),
      ("-", 1, .unexpectedEnd), ("1.", 2, .unexpectedEnd),
      ("1e", 2, .unexpectedEnd), ("1e+", 3, .unexpectedEnd), ("tru", 3, .unexpectedEnd), ("[1,2", 4, .unexpectedEnd),
      ("//x\n[]", 0, .comment),
    ] as [(String, Int, Reason)])
  func refuses(_ text: String, _ offset: Int, _ reason: Reason) {
    let expected = JSONSyntaxError(offset: offset, reason: reason)
    #expect(throws: expected) { try validate(Array(text.utf8)) }
    // The same error at its place in a long text, where words are read instead of bytes, and read as a tensor.
    let padding = String(repeating: " ", count: 100)
    if reason != .unexpectedEnd, reason != .byteOrderMark {
      #expect(throws: expected) { try validate(Array((text + padding).utf8)) }
    }
    if text.hasPrefix("["), reason != .unexpectedEnd, !text.contains("{") {
      let long = "[" + String(repeating: "0.12345678901234567, ", count: 20)
      let moved = JSONSyntaxError(offset: long.utf8.count + offset - 1, reason: reason)
      let isFirstElement =
        offset == 1 && (text.hasPrefix("[,") || text.hasPrefix("[}"))
        || text.hasPrefix("[]")
      if !isFirstElement {
        let bytes = Array((long + text.dropFirst() + padding).utf8)
        #expect(throws: moved) { try validate(bytes) }
        #expect(throws: moved) { try validateAsTensor(bytes) }
      }
    }
  }

  /// Bytes that are not UTF-8: RFC 3629's table, just inside (taken) and just outside (refused), alone and among ASCII.
  @Test(
    arguments: [
      ([0xC2, 0x80], true), ([0xDF, 0xBF], true), ([0xE0, 0xA0, 0x80], true), ([0xED, 0x9F, 0xBF], true),
      ([0xEE, 0x80, 0x80], true),
      ([0xEF, 0xBF, 0xBF], true), ([0xF0, 0x90, 0x80, 0x80], true), ([0xF4, 0x8F, 0xBF, 0xBF], true),
      ([0xF1, 0x80, 0x80, 0x80], true),
      ([0x80], false), ([0xBF], false), ([0xC0, 0x80], false), ([0xC1, 0xBF], false), ([0xC2], false),
      ([0xC2, 0x7F], false),
      ([0xC2, 0xC0], false), ([0xE0, 0x9F, 0xBF], false), ([0xE0, 0x80, 0x80], false), ([0xED, 0xA0, 0x80], false),
      ([0xED, 0xBF, 0xBF], false),
      ([0xE1, 0x80], false), ([0xE1, 0x80, 0x7F], false), ([0xE1, 0x80, 0xC0], false),
      ([0xF0, 0x8F, 0xBF, 0xBF], false),
      ([0xF0, 0x80, 0x80, 0x80], false), ([0xF4, 0x90, 0x80, 0x80], false), ([0xF5, 0x80, 0x80, 0x80], false),
      ([0xF8, 0x88, 0x80, 0x80, 0x80], false),
      ([0xFC, 0x84, 0x80, 0x80, 0x80, 0x80], false), ([0xFE], false), ([0xFF], false), ([0xF1, 0x80, 0x80], false),
      ([0xF1, 0x80, 0x80, 0x41], false),
      ([0xE5], false), ([0x41, 0xE5], false), ([0xED, 0xA0, 0x80, 0xED, 0xB0, 0x80], false),
    ] as [([UInt8], Bool)])
  func utf8(_ bytes: [UInt8], _ isValid: Bool) {
    for before in [0, 1, 5, 7, 8, 15, 16, 31] {
      for after in [0, 1, 8, 40] {
        let a = UInt8(ascii: "a")
        let string =
          [UInt8(ascii: "\"")] + [UInt8](repeating: a, count: before) + bytes
          + [UInt8](repeating: a, count: after) + [UInt8(ascii: "\"")]
        for text in [
          string, [UInt8(ascii: "{")] + string + Array(":1}".utf8), [UInt8(ascii: "[")] + string + [UInt8(ascii: "]")],
        ] {
          if isValid {
            #expect(throws: Never.self) { try validate(text) }
          } else {
            let error = #expect(throws: JSONSyntaxError.self) { try validate(text) }
            #expect(error?.reason == .invalidUTF8)
            #expect(throws: JSONSyntaxError.self) { try readWithNames(text) }
          }
        }
      }
    }
  }

  @Test func bytesOfOtherEncodingsAreRefused() {
    for bytes: [UInt8] in [
      [0xFF, 0xFE, 0x5B, 0, 0x5D, 0], [0xFE, 0xFF, 0, 0x5B, 0, 0x5D], [0, 0x5B, 0, 0x5D], [0xEF, 0xBB], [0xE5], [0xE9],
    ] {
      #expect(throws: JSONSyntaxError.self) { try validate(bytes) }
    }
  }

  @Test func depthIsBoundedWithoutTheStack() throws {
    let brackets = { (count: Int) in [UInt8](repeating: UInt8(ascii: "["), count: count) }
    let closing = { (count: Int) in [UInt8](repeating: UInt8(ascii: "]"), count: count) }
    try validate(brackets(64) + closing(64))
    let expected = JSONSyntaxError(offset: 64, reason: .tooDeep)
    #expect(throws: expected) { try validate(brackets(65) + closing(65)) }
    #expect(throws: expected) { try validate(brackets(100_000)) }
    #expect(throws: expected) { try validateAsTensor(brackets(100_000)) }
    let objects = Array(String(repeating: "{\"\":", count: 50_000).utf8)
    #expect(throws: JSONSyntaxError(offset: 64 * 4, reason: .tooDeep)) { try validate(objects) }
  }

  @Test func everySentenceIsForAPerson() {
    for reason in Reason.allCases {
      let sentence = JSONSyntaxError(offset: 0, reason: reason).description
      #expect(!sentence.hasSuffix(".") && sentence.count > 20 && sentence.count < 120)
    }
  }
}

/// Passes over one value and demands nothing behind it.
func validate(_ bytes: [UInt8]) throws(JSONSyntaxError) {
  var reader = JSONReader(bytes.span)
  try reader.skipValue()
  try reader.finish()
}

func validateAsTensor(_ bytes: [UInt8]) throws(JSONSyntaxError) {
  var reader = JSONReader(bytes.span)
  _ = try reader.readTensor(limits: TensorLimits(values: 1000, faults: 1))
  try reader.finish()
}

/// Reads strings and names where they stand at the top, and skips the rest.
func readWithNames(_ bytes: [UInt8]) throws(JSONSyntaxError) {
  var reader = JSONReader(bytes.span)
  switch try reader.peekKind() {
  case .object:
    try reader.beginObject()
    while try reader.nextMember() != nil { try reader.skipValue() }
  case .array:
    try reader.beginArray()
    while try reader.nextElement() {
      if try reader.peekKind() == .string { _ = try reader.readString() } else { try reader.skipValue() }
    }
  case .string: _ = try reader.readString()
  default: try reader.skipValue()
  }
  try reader.finish()
}
