// Boost.Beast with simdjson and std::to_chars beside softmaxd's JSON: POST /softmax and /gradient of a row or of rows, with
// the textbook's loops. scripts/bench requests --beside beast builds it with -O3 -march=native, and measures both. Not exact:
// a result is off by some units in the last place, and only requests that are right are answered.
//
// An event loop for each of its threads, which takes connections in turn; a connection keeps its memory.
#include <simdjson.h>

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = simdjson::ondemand;
using tcp = asio::ip::tcp;
using Executor = asio::io_context::executor_type;
using Stream = beast::basic_stream<tcp, Executor>;

/// What a connection keeps: the request's rows, which become the answer's, and the answer's text.
struct Workspace {
  std::vector<double> numbers;
  std::vector<int64_t> targets;
  size_t classes = 0;
  bool areRows = false;
  std::vector<char> text;

  void readLogits(json::array array) {
    numbers.clear();
    areRows = false;
    bool isFirst = true;
    for (auto element : array) {
      json::value value = element.value();
      if (isFirst) areRows = value.type() == json::json_type::array;
      isFirst = false;
      if (areRows) {
        size_t begin = numbers.size();
        for (double number : value.get_array()) numbers.push_back(number);
        classes = numbers.size() - begin;
      } else {
        numbers.push_back(value.get_double());
      }
    }
    if (!areRows) classes = numbers.size();
  }

  void read(std::string& body) {
    static thread_local json::parser parser;
    body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    auto document = parser.iterate(simdjson::padded_string_view(body.data(), body.size(), body.capacity()));
    targets.clear();
    for (auto field : document.get_object()) {
      std::string_view name = field.unescaped_key();
      json::value value = field.value();
      if (name == "logits") {
        readLogits(value.get_array());
      } else if (name == "target" && value.type() == json::json_type::array) {
        for (auto target : value.get_array()) targets.push_back(target.get_int64());
      } else if (name == "target") {
        targets.push_back(value.get_int64());
      }
    }
    if (!classes || numbers.size() % classes) throw std::runtime_error("rows differ in length");
  }

  /// Each row becomes its softmax, or the gradient of the mean loss, which is returned.
  double compute(bool isGradient) {
    size_t rows = numbers.size() / classes;
    if (isGradient && targets.size() != rows) throw std::runtime_error("each row needs a target");
    double loss = 0;
    for (size_t n = 0; n < rows; ++n) {
      double* row = numbers.data() + n * classes;
      double top = *std::max_element(row, row + classes), sum = 0;
      double own = isGradient ? row[targets.at(n)] : 0;
      for (size_t i = 0; i < classes; ++i) sum += row[i] = std::exp(row[i] - top);
      double scale = 1 / sum / (isGradient ? double(rows) : 1);
      for (size_t i = 0; i < classes; ++i) row[i] *= scale;
      if (!isGradient) continue;
      row[targets[n]] -= 1 / double(rows);
      loss += std::log(sum) + top - own;
    }
    return loss / double(rows);
  }

  static char* write(char* at, std::string_view part) { return std::copy(part.begin(), part.end(), at); }

  /// The answer as JSON.
  beast::span<const char> write(bool isGradient, double loss) {
    text.resize(100 + 26 * numbers.size() + 3 * numbers.size() / classes);
    char* at = text.data();
    if (isGradient) {
      at = std::to_chars(write(at, "{\"loss\":"), text.data() + text.size(), loss).ptr;
      at = write(at, ",\"gradient\":");
    } else {
      at = write(at, "{\"probabilities\":");
    }
    if (areRows) *at++ = '[';
    for (const double *row = numbers.data(), *end = row + numbers.size(); row != end; row += classes) {
      at = write(at, row == numbers.data() ? "[" : ",[");
      for (size_t i = 0; i < classes; ++i) {
        if (i) *at++ = ',';
        at = std::to_chars(at, at + 25, row[i]).ptr;
      }
      *at++ = ']';
    }
    at = write(at, areRows ? "]}" : "}");
    return {text.data(), size_t(at - text.data())};
  }
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(tcp::socket::rebind_executor<Executor>::other socket) : stream(std::move(socket)) {
    stream.socket().set_option(tcp::no_delay(true));
    buffer.reserve(1 << 16);  // Beast reads as much at once as is free here
  }

  void start() {
    asio::dispatch(stream.get_executor(), [self = shared_from_this()] { self->read(); });
  }

 private:
  Stream stream;
  beast::flat_buffer buffer;
  std::optional<http::request_parser<http::string_body>> parser;
  std::string body;
  Workspace work;
  http::response<http::span_body<const char>> response;

  void read() {
    parser.emplace();
    parser->body_limit(64 << 20);
    body.clear();
    parser->get().body() = std::move(body);
    http::async_read(stream, buffer, *parser, [self = shared_from_this()](beast::error_code error, size_t) {
      if (!error) self->answer();
    });
  }

  void answer() {
    auto& request = parser->get();
    response = {http::status::ok, 11};
    response.set(http::field::content_type, "application/json");
    if (request.method() == http::verb::post) {
      try {
        bool isGradient = request.target() == "/gradient";
        work.read(request.body());
        double loss = work.compute(isGradient);
        response.body() = work.write(isGradient, loss);
      } catch (const std::exception&) {
        response.result(http::status::bad_request);
      }
    }
    response.prepare_payload();
    body = std::move(request.body());
    http::async_write(stream, response, [self = shared_from_this()](beast::error_code error, size_t) {
      if (!error) self->read();
    });
  }
};

/// Starts a connection on each of the loops in turn.
static void accept(tcp::acceptor& acceptor, std::vector<std::unique_ptr<asio::io_context>>& loops, size_t next = 0) {
  acceptor.async_accept(*loops[next], [&, next](beast::error_code error, auto socket) {
    if (!error) std::make_shared<Connection>(std::move(socket))->start();
    accept(acceptor, loops, (next + 1) % loops.size());
  });
}

int main(int, char** arguments) {
  std::vector<std::unique_ptr<asio::io_context>> loops;
  std::vector<asio::executor_work_guard<Executor>> guards;
  for (unsigned k = 0; k < std::max(1u, std::thread::hardware_concurrency()); ++k) {
    loops.push_back(std::make_unique<asio::io_context>(1));
    guards.emplace_back(loops.back()->get_executor());
  }
  tcp::acceptor acceptor(*loops[0], {asio::ip::make_address("127.0.0.1"), uint16_t(std::atoi(arguments[1]))});
  accept(acceptor, loops);
  std::vector<std::thread> threads;
  for (size_t k = 1; k < loops.size(); ++k) threads.emplace_back([loop = loops[k].get()] { loop->run(); });
  loops[0]->run();
}
