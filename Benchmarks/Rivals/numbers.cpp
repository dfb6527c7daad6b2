// C++ libraries' numbers as text beside ModuleBenchmarks --module NumericJSON, with the comma between: std::from_chars,
// fast_float and simdjson read, std::to_chars (Ryu) and {fmt} (Dragonbox) write. scripts/bench numbers builds and runs both.
#include <fast_float/fast_float.h>
#define FMT_HEADER_ONLY
#include <fmt/compile.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

static uint64_t state = 88172645463325252u;
static uint64_t bits() {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}
static double uniform() { return double(bits() >> 11) * 0x1p-53; }
static double normal() { return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * M_PI * uniform()); }
static double mixed() {
  double magnitude = std::pow(10, uniform() * 8 - 6);
  return bits() & 1 ? -magnitude : magnitude;
}
static double any() {
  uint64_t pattern = bits();
  double value;
  std::memcpy(&value, &pattern, 8);
  return std::isfinite(value) ? value : 0;
}

static double nanoseconds(const std::function<void()>& body) {
  double best = 1e300;
  auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  for (int i = 0; i < 200 && std::chrono::steady_clock::now() < end; ++i) {
    auto start = std::chrono::steady_clock::now();
    body();
    best = std::min(best, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

int main() {
  const size_t count = 131072;
  struct Input { const char* name; std::function<double()> next; };
  for (auto& input : std::vector<Input>{{"17 digits, 0 to 1", uniform},
                                        {"normal logits", [] { return normal() * 3; }},
                                        {"all exponents", any},
                                        {"6 digits", [] { return std::round(uniform() * 1e6) / 1e5; }},
                                        {"integers", [] { return std::round(uniform() * 1e5); }},
                                        {"mixed notation", mixed}}) {
    std::vector<double> values(count), read(count);
    for (auto& value : values) value = input.next();
    std::vector<char> text(count * 26 + simdjson::SIMDJSON_PADDING);
    char* end = nullptr;
    // Each writes an array in JSON: a bracket, and a comma or the other bracket behind each number.
    auto writing = [&](auto write) {
      return nanoseconds([&] {
        end = text.data();
        *end++ = '[';
        for (double value : values) {
          end = write(end, value);
          *end++ = ',';
        }
        end[-1] = ']';
      }) / count;
    };
    double dragonbox = writing([](char* at, double value) { return fmt::format_to(at, FMT_COMPILE("{}"), value); });
    double ryu = writing([](char* at, double value) { return std::to_chars(at, at + 25, value).ptr; });
    auto reading = [&](auto next) {
      double time = nanoseconds([&] {
        const char* at = text.data() + 1;
        for (auto& value : read) at = next(at, end, value).ptr + 1;
      });
      if (read != values) std::abort();
      return time / count;
    };
    double standard = reading([](const char* at, const char* end, double& value) { return std::from_chars(at, end, value); });
    double fast = reading([](const char* at, const char* end, double& value) { return fast_float::from_chars(at, end, value); });
    simdjson::ondemand::parser parser;
    double json = nanoseconds([&] {
      auto document = parser.iterate(text.data(), end - text.data(), text.size());
      size_t k = 0;
      for (double value : document.get_array()) read[k++] = value;
    }) / count;
    if (read != values) return 1;
    std::printf("%-24s read: from_chars %.1f, fast_float %.1f, simdjson %.1f   write: to_chars %.1f, Dragonbox %.1f ns/number\n",
                input.name, standard, fast, json, ryu, dragonbox);
  }
}
