// The C++ library's numbers as text beside ModuleBenchmarks --module NumericJSON: std::from_chars (fast_float, in
// libstdc++ from 12 on) and std::to_chars (Ryu), with the comma between. scripts/bench --numbers builds and runs both.
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
    std::vector<char> text(count * 26);
    char* end = nullptr;
    double writing = nanoseconds([&] {
      end = text.data();
      for (double value : values) {
        end = std::to_chars(end, end + 25, value).ptr;
        *end++ = ',';
      }
    });
    double reading = nanoseconds([&] {
      const char* p = text.data();
      for (auto& value : read) p = std::from_chars(p, end, value).ptr + 1;
    });
    if (read != values) return 1;
    std::printf("%-26s from_chars %.1f ns/number   to_chars %.1f ns/number\n", input.name, reading / count, writing / count);
  }
}
